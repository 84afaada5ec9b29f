// SPDX-License-Identifier: Apache-2.0
//
// How often a thread has asked for memory, for tests of what must not ask for any.
#pragma once

/// How many times the calling thread has asked malloc, calloc or realloc for memory; -1 under a sanitizer, whose allocator is
/// not counted.
long ew_test_allocations(void);
