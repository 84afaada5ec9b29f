// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

void ew_malloc_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

void ew_malloc_return_large(int size) {
    mallopt(M_MMAP_THRESHOLD, size);
    mallopt(M_TRIM_THRESHOLD, size);
}

void ew_malloc_trim(void) { malloc_trim(0); }

size_t ew_malloc_used(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void ew_stdout_by_line(void) { setvbuf(stdout, 0, _IOLBF, 0); }

int ew_clock_is_synchronized(void) {
    struct timex status = {0};
    int state = adjtimex(&status);
    return state >= 0 && state != TIME_ERROR && (status.status & STA_UNSYNC) == 0;
}

#if defined(__x86_64__)
int ew_has_crc32c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

__attribute__((target("sse4.2"))) uint32_t ew_crc32c(const void *bytes, size_t count, uint32_t crc) {
    const unsigned char *at = bytes;
    uint64_t wide = crc;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; at += 1, count -= 1) { crc = __builtin_ia32_crc32qi(crc, *at); }
    return crc;
}
#elif defined(__aarch64__)
int ew_has_crc32c(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }

__attribute__((target("crc"))) uint32_t ew_crc32c(const void *bytes, size_t count, uint32_t crc) {
    const unsigned char *at = bytes;
    for (; count >= 8; at += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    for (; count > 0; at += 1, count -= 1) { crc = __builtin_arm_crc32cb(crc, *at); }
    return crc;
}
#else
int ew_has_crc32c(void) { return 0; }
uint32_t ew_crc32c(const void *bytes, size_t count, uint32_t crc) {
    (void)bytes;
    (void)count;
    return crc;
}
#endif

int ew_discard(int descriptor, int64_t offset, int64_t count) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count);
}

// Waits until the descriptor is ready; a signal starts the wait anew, which no more than doubles it in practice.
static int ready(int descriptor, short events, int timeout_milliseconds) {
    struct pollfd poller = {.fd = descriptor, .events = events};
    int found;
    do found = poll(&poller, 1, timeout_milliseconds);
    while (found < 0 && errno == EINTR);
    if (found > 0) return 0;
    if (found == 0) errno = ETIMEDOUT;
    return -1;
}

int ew_dial(const char *host, int port, int is_stream, int timeout_milliseconds) {
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = is_stream ? SOCK_STREAM : SOCK_DGRAM,
    };
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, service, &hints, &found) != 0 || !found) {
        errno = EINVAL;
        return -1;
    }
    int descriptor = socket(found->ai_family, found->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, found->ai_protocol);
    int code = descriptor < 0 ? -1 : connect(descriptor, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (descriptor < 0) return -1;
    if (code < 0 && errno == EINPROGRESS) {
        code = ready(descriptor, POLLOUT, timeout_milliseconds);
        int problem = 0;
        socklen_t size = sizeof problem;
        if (code == 0 && getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem != 0) {
            errno = problem;
            code = -1;
        }
    }
    if (code < 0) {
        int problem = errno;
        close(descriptor);
        errno = problem;
        return -1;
    }
    return descriptor;
}

int ew_send(int descriptor, const void *bytes, size_t count, int timeout_milliseconds) {
    const char *rest = bytes;
    while (count > 0) {
        ssize_t sent = send(descriptor, rest, count, MSG_NOSIGNAL);
        if (sent >= 0) {
            rest += sent;
            count -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (ready(descriptor, POLLOUT, timeout_milliseconds) < 0) return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

int64_t ew_receive(int descriptor, void *bytes, size_t room, int timeout_milliseconds) {
    for (;;) {
        ssize_t got = recv(descriptor, bytes, room, 0);
        if (got >= 0) return got;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (ready(descriptor, POLLIN, timeout_milliseconds) < 0) return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}
