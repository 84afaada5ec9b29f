// SPDX-License-Identifier: Apache-2.0
#include "include/cplatform.h"

#include <malloc.h>
#include <stdio.h>

void ew_malloc_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

void ew_malloc_trim(void) { malloc_trim(0); }

size_t ew_malloc_used(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void ew_stdout_by_line(void) { setvbuf(stdout, 0, _IOLBF, 0); }
