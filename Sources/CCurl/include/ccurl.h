// SPDX-License-Identifier: Apache-2.0
//
// libcurl, loaded on first use and called through functions Swift can import (curl's own option and info calls are
// variadic). The header of libcurl gives types and constants only; calling a `curl_` function by its own name
// would not link, which is the point: a gateway that ships nothing pays nothing for the library (8 MiB resident).
#pragma once
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

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
/// The kernel's smoothed round trip of the connection the transfer used, in microseconds; -1 when unknown.
int64_t ccurl_round_trip_microseconds(CURL *easy);

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
