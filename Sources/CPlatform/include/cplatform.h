// SPDX-License-Identifier: Apache-2.0
//
// The two glibc allocator calls that the Glibc module does not offer.
#pragma once

/// Bounds the number of malloc arenas, so that memory freed by one thread serves another. Call before threads start.
void ew_malloc_limit_arenas(int count);
/// Gives free memory at the top of the heaps back to the kernel.
void ew_malloc_trim(void);
