// SPDX-License-Identifier: Apache-2.0
//
// Stands before glibc's malloc in programs of tests: the linker binds the Swift runtime and libc to the functions here, which
// count by thread and pass on. What is freed goes to glibc directly, for it is its memory. A counter by thread stays exact
// while other tests run beside.
#include "allocations.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define EW_SANITIZED 1
#endif
#endif

#ifdef EW_SANITIZED

long ew_test_allocations(void) { return -1; }

#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *memory, size_t size);

// Of the model that needs no call, since a call could allocate.
static _Thread_local long allocations __attribute__((tls_model("initial-exec")));

long ew_test_allocations(void) { return allocations; }

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

#endif
