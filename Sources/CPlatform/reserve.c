// SPDX-License-Identifier: Apache-2.0
//
// One descriptor in reserve for a process that has none left.
//
// Every second libdispatch reads the state of its threads from /proc/TID/stat, and ends the process when it cannot open
// such a file (_dispatch_workq_monitor_pools in its workqueue.c). So open and close are defined here, in front of glibc's:
// where no descriptor is left for such a file, the reader gets one that was opened at the start and says that the thread
// runs, which leaves the number of threads as it is; closing it keeps it. All else goes to the kernel as it came.
// The reserve is never given away, so it serves at EMFILE (this process) and ENFILE (the whole system), and any number of
// times; libdispatch reads one file at a time, under its lock.
#define _GNU_SOURCE
#include "include/cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int reserve = -1;

int ew_keep_reserve_descriptor(void) {
    static const char running[] = "0 (-) R\n";
    int descriptor = memfd_create("reserve", MFD_CLOEXEC);
    if (descriptor < 0) { return -1; }
    if (write(descriptor, running, sizeof running - 1) != sizeof running - 1) {
        close(descriptor);
        return -1;
    }
    int none = -1;
    if (!atomic_compare_exchange_strong(&reserve, &none, descriptor)) { close(descriptor); }
    return 0;
}

/// Whether path is /proc/DIGITS/stat.
static int is_thread_state(const char *path) {
    static const char before[] = "/proc/", after[] = "/stat";
    for (const char *c = before; *c; c++, path++) {
        if (*path != *c) { return 0; }
    }
    const char *digits = path;
    while (*path >= '0' && *path <= '9') { path++; }
    if (path == digits) { return 0; }
    for (const char *c = after; *c; c++, path++) {
        if (*path != *c) { return 0; }
    }
    return *path == 0;
}

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    int descriptor = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE) || !is_thread_state(path)) { return descriptor; }
    int lent = atomic_load(&reserve);
    if (lent >= 0) { lseek(lent, 0, SEEK_SET); }
    return lent;
}

int close(int descriptor) {
    if (descriptor >= 0 && descriptor == atomic_load(&reserve)) { return 0; }
    return (int)syscall(SYS_close, descriptor);
}
