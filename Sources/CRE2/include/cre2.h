// SPDX-License-Identifier: Apache-2.0
//
// RE2 behind a C interface: compile, full match, submatch positions. RE2 is linear in the text, so a
// hostile matcher cannot hang the node (https://github.com/google/re2/wiki/Syntax).
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ew_re2 ew_re2;

/// Compiles `pattern` with dot matching newline; 0 and a message in `error` when it is not valid.
ew_re2 *ew_re2_new(const char *pattern, size_t length, char *error, size_t error_capacity);
void ew_re2_free(ew_re2 *re);
/// 1 when the whole text matches.
int ew_re2_full_match(const ew_re2 *re, const char *text, size_t length);
/// 1 when some part of the text matches.
int ew_re2_partial_match(const ew_re2 *re, const char *text, size_t length);
/// Number of instructions of the compiled expression.
int ew_re2_program_size(const ew_re2 *re);
int ew_re2_group_count(const ew_re2 *re);
/// Number of the group called `name`, or -1.
int ew_re2_group_named(const ew_re2 *re, const char *name, size_t length);
/// Matches and writes `capacity` pairs of begin and end offsets (-1, -1 for a group that took no part); group 0
/// is the whole match. `anchored` asks for a match of the whole text, else the first match at or after `from`.
int ew_re2_groups(
    const ew_re2 *re, const char *text, size_t length, size_t from, int anchored, int32_t *offsets, int capacity);

#ifdef __cplusplus
}
#endif
