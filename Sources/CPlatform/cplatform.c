// SPDX-License-Identifier: Apache-2.0
#include "include/cplatform.h"

#include <malloc.h>

void ew_malloc_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }

void ew_malloc_trim(void) { malloc_trim(0); }
