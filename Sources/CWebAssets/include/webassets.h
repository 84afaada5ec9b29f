// SPDX-License-Identifier: Apache-2.0
//
// The files of the page at /, as bytes in the binary. Indices run from 0 to ew_web_asset_count - 1; any other index
// gives NULL or 0.

#pragma once

#include <stddef.h>

extern const size_t ew_web_asset_count;

/// The path the file is served at, NUL-terminated.
const char *_Nullable ew_web_asset_path(size_t index);
/// The media type, NUL-terminated.
const char *_Nullable ew_web_asset_type(size_t index);
/// The contents, not terminated.
const unsigned char *_Nullable ew_web_asset_bytes(size_t index);
/// The number of bytes.
size_t ew_web_asset_size(size_t index);
