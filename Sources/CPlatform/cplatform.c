// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "include/cplatform.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
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
