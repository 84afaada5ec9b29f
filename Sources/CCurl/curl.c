// SPDX-License-Identifier: Apache-2.0
//
// The table of libcurl's functions, filled once by dlopen and dlsym. pthread_once orders the filling before every
// later read, so the table needs no lock.
#include "ccurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// typecheck-gcc.h turns these names into macros.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define FUNCTIONS(X)                                                                                                 \
    X(curl_global_init)                                                                                              \
    X(curl_version_info)                                                                                             \
    X(curl_easy_init)                                                                                                \
    X(curl_easy_cleanup)                                                                                             \
    X(curl_easy_strerror)                                                                                            \
    X(curl_easy_setopt)                                                                                              \
    X(curl_easy_getinfo)                                                                                             \
    X(curl_easy_pause)                                                                                               \
    X(curl_slist_append)                                                                                             \
    X(curl_slist_free_all)                                                                                           \
    X(curl_url)                                                                                                      \
    X(curl_url_cleanup)                                                                                              \
    X(curl_url_set)                                                                                                  \
    X(curl_url_get)                                                                                                  \
    X(curl_free)                                                                                                     \
    X(curl_multi_init)                                                                                               \
    X(curl_multi_cleanup)                                                                                            \
    X(curl_multi_setopt)                                                                                             \
    X(curl_multi_add_handle)                                                                                         \
    X(curl_multi_remove_handle)                                                                                      \
    X(curl_multi_perform)                                                                                            \
    X(curl_multi_poll)                                                                                               \
    X(curl_multi_wakeup)                                                                                             \
    X(curl_multi_info_read)

#define FIELD(name) __typeof__(&name) name;
static struct { FUNCTIONS(FIELD) } lib;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256];
static const char *version = "";

static void load(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(failure, sizeof failure, "libcurl cannot be loaded (install the package libcurl4): %s", dlerror());
        return;
    }
    // ISO C has no conversion from object to function pointer; POSIX defines this one.
#define RESOLVE(name)                                                                                                \
    *(void **)&lib.name = dlsym(handle, #name);                                                                      \
    if (!lib.name) {                                                                                                 \
        snprintf(failure, sizeof failure, "libcurl is too old: it has no " #name " (7.68 is needed)");               \
        return;                                                                                                      \
    }
    FUNCTIONS(RESOLVE)
    CURLcode code = lib.curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        snprintf(failure, sizeof failure, "libcurl cannot be initialised: %s", lib.curl_easy_strerror(code));
        return;
    }
    version = lib.curl_version_info(CURLVERSION_NOW)->version;
}

const char *ccurl_load(void) {
    pthread_once(&once, load);
    return failure[0] ? failure : NULL;
}

const char *ccurl_version(void) { return version; }
CURL *ccurl_easy_init(void) { return lib.curl_easy_init(); }
void ccurl_easy_cleanup(CURL *easy) { lib.curl_easy_cleanup(easy); }
const char *ccurl_strerror(CURLcode code) { return lib.curl_easy_strerror(code); }

CURLcode ccurl_setopt_long(CURL *easy, CURLoption option, long value) {
    return lib.curl_easy_setopt(easy, option, value);
}

CURLcode ccurl_setopt_offset(CURL *easy, CURLoption option, curl_off_t value) {
    return lib.curl_easy_setopt(easy, option, value);
}

CURLcode ccurl_setopt_string(CURL *easy, CURLoption option, const char *value) {
    return lib.curl_easy_setopt(easy, option, value);
}

CURLcode ccurl_setopt_blob(CURL *easy, CURLoption option, const void *bytes, size_t count) {
    struct curl_blob blob = {.data = (void *)bytes, .len = count, .flags = CURL_BLOB_COPY};
    return lib.curl_easy_setopt(easy, option, &blob);
}

CURLcode ccurl_setopt_pointer(CURL *easy, CURLoption option, void *value) {
    return lib.curl_easy_setopt(easy, option, value);
}

CURLcode ccurl_allow_only_http(CURL *easy) {
    CURLcode code = lib.curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) return lib.curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    if (code != CURLE_UNKNOWN_OPTION) return code;
    // Before 7.85: CURLOPT_PROTOCOLS and CURLOPT_REDIR_PROTOCOLS with CURLPROTO_HTTP | CURLPROTO_HTTPS. Today's header
    // deprecates the names.
    code = lib.curl_easy_setopt(easy, (CURLoption)181, 3L);
    return code == CURLE_OK ? lib.curl_easy_setopt(easy, (CURLoption)182, 3L) : code;
}

CURLcode ccurl_setopt_data_callback(CURL *easy, CURLoption option, ccurl_data_callback callback) {
    return lib.curl_easy_setopt(easy, option, callback);
}

CURLcode ccurl_setopt_seek_callback(CURL *easy, ccurl_seek_callback callback) {
    return lib.curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, callback);
}

long ccurl_getinfo_long(CURL *easy, CURLINFO info) {
    long value = -1;
    return lib.curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : -1;
}

curl_off_t ccurl_getinfo_offset(CURL *easy, CURLINFO info) {
    curl_off_t value = -1;
    return lib.curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : -1;
}

int ccurl_active_socket(CURL *easy) {
    curl_socket_t descriptor = CURL_SOCKET_BAD;
    if (lib.curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &descriptor) != CURLE_OK) return -1;
    return descriptor == CURL_SOCKET_BAD ? -1 : descriptor;
}

CURLcode ccurl_easy_unpause(CURL *easy) { return lib.curl_easy_pause(easy, CURLPAUSE_CONT); }

CURLcode ccurl_setopt_open_callback(CURL *easy, ccurl_open_callback callback, void *context) {
    CURLcode code = lib.curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, callback);
    return code == CURLE_OK ? lib.curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context) : code;
}

CURLcode ccurl_setopt_close_callback(CURL *easy, ccurl_close_callback callback, void *context) {
    CURLcode code = lib.curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, callback);
    return code == CURLE_OK ? lib.curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, context) : code;
}

CURLcode ccurl_setopt_ready_callback(CURL *easy, ccurl_ready_callback callback, void *context) {
    CURLcode code = lib.curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, callback);
    return code == CURLE_OK ? lib.curl_easy_setopt(easy, CURLOPT_PREREQDATA, context) : code;
}

struct curl_slist *ccurl_slist_append(struct curl_slist *list, const char *text) {
    return lib.curl_slist_append(list, text);
}

void ccurl_slist_free(struct curl_slist *list) { lib.curl_slist_free_all(list); }

char *ccurl_url_part(const char *url, CURLUPart part) {
    CURLU *parsed = lib.curl_url();
    if (!parsed) return NULL;
    char *text = NULL;
    if (lib.curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        lib.curl_url_get(parsed, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) != CURLUE_OK)
        text = NULL;
    lib.curl_url_cleanup(parsed);
    return text;
}

char *ccurl_url_with_host(const char *url, const char *host) {
    CURLU *parsed = lib.curl_url();
    if (!parsed) return NULL;
    char *text = NULL;
    if (lib.curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        lib.curl_url_set(parsed, CURLUPART_HOST, host, 0) != CURLUE_OK ||
        lib.curl_url_get(parsed, CURLUPART_URL, &text, 0) != CURLUE_OK)
        text = NULL;
    lib.curl_url_cleanup(parsed);
    return text;
}

void ccurl_free(void *text) { lib.curl_free(text); }

CURLM *ccurl_multi_init(void) { return lib.curl_multi_init(); }
CURLMcode ccurl_multi_cleanup(CURLM *multi) { return lib.curl_multi_cleanup(multi); }

CURLMcode ccurl_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return lib.curl_multi_setopt(multi, option, value);
}

CURLMcode ccurl_multi_add(CURLM *multi, CURL *easy) { return lib.curl_multi_add_handle(multi, easy); }
CURLMcode ccurl_multi_remove(CURLM *multi, CURL *easy) { return lib.curl_multi_remove_handle(multi, easy); }
CURLMcode ccurl_multi_perform(CURLM *multi, int *running) { return lib.curl_multi_perform(multi, running); }

CURLMcode ccurl_multi_poll(CURLM *multi, int timeout_milliseconds) {
    return lib.curl_multi_poll(multi, NULL, 0, timeout_milliseconds, NULL);
}

CURLMcode ccurl_multi_wakeup(CURLM *multi) { return lib.curl_multi_wakeup(multi); }

bool ccurl_multi_next_done(CURLM *multi, CURL **easy, CURLcode *result) {
    int left = 0;
    for (CURLMsg *message; (message = lib.curl_multi_info_read(multi, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        *easy = message->easy_handle;
        *result = message->data.result;
        return true;
    }
    return false;
}
