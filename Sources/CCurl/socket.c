// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of a TCP socket. linux/tcp.h has the whole structure; glibc's netinet/tcp.h ends before the
// byte counters and cannot be included beside it, hence a file of its own.
#define _GNU_SOURCE
#include "ccurl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool ccurl_socket_facts(int descriptor, struct ccurl_socket_facts *facts) {
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    socklen_t size = sizeof info;
    // Kernels give as much of the structure as they know.
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
    memset(facts, 0, sizeof *facts);
    socklen_t cookie_size = sizeof facts->cookie;
    if (getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &facts->cookie, &cookie_size) != 0) facts->cookie = 0;
    facts->round_trip_microseconds = info.tcpi_rtt;
    facts->segments_lost = info.tcpi_total_retrans;
    facts->has_timestamps = (info.tcpi_options & TCPI_OPT_TIMESTAMPS) != 0;
    facts->state = info.tcpi_state;
    // bytes_sent came last of what is used here, with Linux 4.19.
    if (size < offsetof(struct tcp_info, tcpi_bytes_sent) + sizeof info.tcpi_bytes_sent) return true;
    facts->has_bytes = true;
    facts->bytes_sent = info.tcpi_bytes_sent;
    facts->bytes_received = info.tcpi_bytes_received;
    facts->segments_sent = info.tcpi_segs_out;
    facts->segments_received = info.tcpi_segs_in;
    facts->data_segments_sent = info.tcpi_data_segs_out;
    facts->delivery_rate = info.tcpi_delivery_rate_app_limited ? 0 : info.tcpi_delivery_rate;
    facts->bytes_unsent = info.tcpi_notsent_bytes;
    facts->segments_unacknowledged = info.tcpi_unacked;
    return true;
}

int ccurl_socket_local(int descriptor, struct ccurl_address *address) {
    socklen_t size = sizeof address->storage;
    memset(&address->storage, 0, sizeof address->storage);
    return getsockname(descriptor, (struct sockaddr *)&address->storage, &size);
}

bool ccurl_route(const struct sockaddr *remote, unsigned remote_size, struct ccurl_address *local) {
    int probe = socket(remote->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    // Connecting a datagram socket looks the route up and sends nothing.
    bool has_route = connect(probe, remote, (socklen_t)remote_size) == 0 && ccurl_socket_local(probe, local) == 0;
    close(probe);
    return has_route;
}

bool ccurl_interface(const struct ccurl_address *local, char name[CCURL_INTERFACE_SIZE]) {
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) return false;
    bool found = false;
    const struct sockaddr *wanted = (const struct sockaddr *)&local->storage;
    for (struct ifaddrs *each = all; each && !found; each = each->ifa_next) {
        if (!each->ifa_addr || each->ifa_addr->sa_family != wanted->sa_family) continue;
        if (wanted->sa_family == AF_INET)
            found = ((const struct sockaddr_in *)each->ifa_addr)->sin_addr.s_addr ==
                    ((const struct sockaddr_in *)wanted)->sin_addr.s_addr;
        else if (wanted->sa_family == AF_INET6)
            found = memcmp(&((const struct sockaddr_in6 *)each->ifa_addr)->sin6_addr,
                           &((const struct sockaddr_in6 *)wanted)->sin6_addr, sizeof(struct in6_addr)) == 0;
        if (found) {
            strncpy(name, each->ifa_name, CCURL_INTERFACE_SIZE - 1);
            name[CCURL_INTERFACE_SIZE - 1] = 0;
        }
    }
    freeifaddrs(all);
    return found;
}

bool ccurl_address_is_v6(const struct ccurl_address *address) { return address->storage.ss_family == AF_INET6; }

int ccurl_address_port(const struct ccurl_address *address) {
    if (address->storage.ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return 0;
}

int ccurl_open_socket(const struct curl_sockaddr *address) {
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

int ccurl_socket_twin(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

void ccurl_socket_tune(int descriptor, int send_buffer, const char *congestion) {
    // Both only better the kernel's choice: that either is refused changes nothing but speed.
    if (send_buffer > 0) (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    if (congestion)
        (void)setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
}

void ccurl_socket_close(int descriptor, bool drops_unsent) {
    if (drops_unsent) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(descriptor);
}
