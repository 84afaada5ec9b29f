// SPDX-License-Identifier: Apache-2.0
//
// The shipped rule files as bytes in the binary, so that the program works alone.
#pragma once

#include <stddef.h>

const unsigned char *ew_rules_node(size_t *length);
const unsigned char *ew_rules_edge(size_t *length);
