// SPDX-License-Identifier: Apache-2.0
//
// libcurl, loaded on first use and called through functions Swift can import (curl's own option and info calls are
// variadic). The header of libcurl gives types and constants only; calling a `curl_` function by its own name
// would not link, which is the point: a gateway that ships nothing pays nothing for the library (8 MiB resident).
#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/// Loads and initialises libcurl once per process.
/// Returns NULL when it can be used, otherwise why it cannot. Every other function needs a successful load.
const char *ccurl_load(void);

/// libcurl's version, for example "7.88.1".
const char *ccurl_version(void);

CURL *ccurl_easy_init(void);
void ccurl_easy_cleanup(CURL *easy);
const char *ccurl_strerror(CURLcode code);

CURLcode ccurl_setopt_long(CURL *easy, CURLoption option, long value);
CURLcode ccurl_setopt_offset(CURL *easy, CURLoption option, curl_off_t value);
/// libcurl copies the text.
CURLcode ccurl_setopt_string(CURL *easy, CURLoption option, const char *value);
/// libcurl copies the bytes.
CURLcode ccurl_setopt_blob(CURL *easy, CURLoption option, const void *bytes, size_t count);
/// What the pointer points to must outlive its use by the handle.
CURLcode ccurl_setopt_pointer(CURL *easy, CURLoption option, void *value);

/// Allows http and https only, for the URL itself and for redirects.
CURLcode ccurl_allow_only_http(CURL *easy);

typedef size_t (*ccurl_data_callback)(char *data, size_t size, size_t count, void *context);
typedef int (*ccurl_seek_callback)(void *context, curl_off_t offset, int origin);
/// For CURLOPT_WRITEFUNCTION, CURLOPT_HEADERFUNCTION and CURLOPT_READFUNCTION.
CURLcode ccurl_setopt_data_callback(CURL *easy, CURLoption option, ccurl_data_callback callback);
CURLcode ccurl_setopt_seek_callback(CURL *easy, ccurl_seek_callback callback);

/// -1 when the information is not available.
long ccurl_getinfo_long(CURL *easy, CURLINFO info);
/// -1 when the information is not available.
curl_off_t ccurl_getinfo_offset(CURL *easy, CURLINFO info);
/// The socket of the connection the transfer used last; -1 when there is none.
int ccurl_active_socket(CURL *easy);
/// Goes on with a transfer whose read callback paused it.
CURLcode ccurl_easy_unpause(CURL *easy);

typedef curl_socket_t (*ccurl_open_callback)(void *context, curlsocktype purpose, struct curl_sockaddr *address);
typedef int (*ccurl_close_callback)(void *context, curl_socket_t socket);
typedef int (*ccurl_ready_callback)(void *context, char *remote, char *local, int remote_port, int local_port);
CURLcode ccurl_setopt_open_callback(CURL *easy, ccurl_open_callback callback, void *context);
/// Belongs to the connection: the context must outlive every transfer on it.
CURLcode ccurl_setopt_close_callback(CURL *easy, ccurl_close_callback callback, void *context);
/// Called when a connection, new or kept, is about to carry the request; libcurl 7.80 on.
CURLcode ccurl_setopt_ready_callback(CURL *easy, ccurl_ready_callback callback, void *context);

/// What the kernel counted of a TCP socket since it was made.
struct ccurl_socket_facts {
    /// Payload, what was sent again included.
    uint64_t bytes_sent;
    /// Payload in order.
    uint64_t bytes_received;
    /// All segments, also those without payload.
    uint32_t segments_sent, segments_received;
    uint32_t data_segments_sent;
    /// Segments sent again.
    uint32_t segments_lost;
    /// Handed to the kernel and not sent yet.
    uint32_t bytes_unsent;
    /// Sent and not acknowledged yet.
    uint32_t segments_unacknowledged;
    uint32_t round_trip_microseconds;
    /// Bytes per second lately; 0 when unknown, or when the sender was the limit.
    uint64_t delivery_rate;
    /// Tells sockets apart, as long as the machine runs; 0 when unknown.
    uint64_t cookie;
    bool has_timestamps;
    /// Whether the kernel counts bytes (Linux 4.19 on); if not, the fields above but for loss and round trip are 0.
    bool has_bytes;
    /// The state of RFC 9293 by the kernel's number.
    uint8_t state;
};
/// False when the descriptor is no TCP socket.
bool ccurl_socket_facts(int descriptor, struct ccurl_socket_facts *facts);

#define CCURL_INTERFACE_SIZE 16

/// A socket address of any family.
struct ccurl_address {
    struct sockaddr_storage storage;
};
/// The socket's own address; -1 when it has none.
int ccurl_socket_local(int descriptor, struct ccurl_address *address);
/// The address a connection to a remote address would come from; false without a route.
bool ccurl_route(const struct sockaddr *remote, unsigned remote_size, struct ccurl_address *local);
/// The name of the interface that has an address; false when none has.
bool ccurl_interface(const struct ccurl_address *local, char name[CCURL_INTERFACE_SIZE]);
bool ccurl_address_is_v6(const struct ccurl_address *address);
int ccurl_address_port(const struct ccurl_address *address);

/// A socket as libcurl asks for it, which no child process inherits; -1 when there is none.
int ccurl_open_socket(const struct curl_sockaddr *address);
/// A second descriptor of a socket, for a last look at it; -1 when there is none.
int ccurl_socket_twin(int descriptor);
/// A send buffer (0: the kernel's), a congestion control (NULL: the kernel's).
void ccurl_socket_tune(int descriptor, int send_buffer, const char *congestion);
/// Closes; drops what the kernel has not got across, instead of sending it after nobody waits for it any more.
void ccurl_socket_close(int descriptor, bool drops_unsent);

/// The list with a copy of the text added; NULL when out of memory, the list then unchanged.
struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text);
void ccurl_slist_free(struct curl_slist *list);

/// One part of a URL, to be freed with ccurl_free; NULL when the URL is bad or has no such part.
char *ccurl_url_part(const char *url, CURLUPart part);
/// The URL with another host, to be freed with ccurl_free; NULL when the URL or the host is bad.
char *ccurl_url_with_host(const char *url, const char *host);
void ccurl_free(void *text);

CURLM *ccurl_multi_init(void);
CURLMcode ccurl_multi_cleanup(CURLM *multi);
CURLMcode ccurl_multi_setopt_long(CURLM *multi, CURLMoption option, long value);
CURLMcode ccurl_multi_add(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_remove(CURLM *multi, CURL *easy);
CURLMcode ccurl_multi_perform(CURLM *multi, int *running);
CURLMcode ccurl_multi_poll(CURLM *multi, int timeout_milliseconds);
/// May be called from any thread, unlike the rest.
CURLMcode ccurl_multi_wakeup(CURLM *multi);
/// Takes the next finished transfer; false when there is none.
bool ccurl_multi_next_done(CURLM *multi, CURL **easy, CURLcode *result);
