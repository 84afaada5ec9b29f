// SPDX-License-Identifier: Apache-2.0
#include "include/cplatform.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/timex.h>

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
