// SPDX-License-Identifier: Apache-2.0
#include "include/cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

struct ew_re2 {
    re2::RE2 re;
    ew_re2(re2::StringPiece pattern, const re2::RE2::Options &options) : re(pattern, options) {}
};

extern "C" ew_re2 *ew_re2_new(const char *pattern, size_t length, char *error, size_t error_capacity) {
    re2::RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    options.set_max_mem(4 << 20);  // a compiled matcher may not take more of an edge node
    auto result = std::make_unique<ew_re2>(re2::StringPiece(pattern, length), options);
    if (!result->re.ok()) {
        if (error_capacity > 0) {
            std::strncpy(error, result->re.error().c_str(), error_capacity - 1);
            error[error_capacity - 1] = 0;
        }
        return nullptr;
    }
    return result.release();
}

extern "C" void ew_re2_free(ew_re2 *re) { delete re; }

extern "C" int ew_re2_full_match(const ew_re2 *re, const char *text, size_t length) {
    return re->re.Match(re2::StringPiece(text, length), 0, length, re2::RE2::ANCHOR_BOTH, nullptr, 0) ? 1 : 0;
}

extern "C" int ew_re2_partial_match(const ew_re2 *re, const char *text, size_t length) {
    return re->re.Match(re2::StringPiece(text, length), 0, length, re2::RE2::UNANCHORED, nullptr, 0) ? 1 : 0;
}

extern "C" int ew_re2_program_size(const ew_re2 *re) { return re->re.ProgramSize(); }

extern "C" int ew_re2_group_count(const ew_re2 *re) { return re->re.NumberOfCapturingGroups(); }

extern "C" int ew_re2_group_named(const ew_re2 *re, const char *name, size_t length) {
    const auto &groups = re->re.NamedCapturingGroups();
    auto found = groups.find(std::string(name, length));
    return found == groups.end() ? -1 : found->second;
}

extern "C" int ew_re2_groups(
    const ew_re2 *re, const char *text, size_t length, size_t from, int anchored, int32_t *offsets, int capacity) {
    std::vector<re2::StringPiece> groups(static_cast<size_t>(capacity));
    auto anchor = anchored ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
    if (!re->re.Match(re2::StringPiece(text, length), from, length, anchor, groups.data(), capacity)) return 0;
    for (int i = 0; i < capacity; i++) {
        const auto &piece = groups[static_cast<size_t>(i)];
        bool present = piece.data() != nullptr;
        offsets[2 * i] = present ? static_cast<int32_t>(piece.data() - text) : -1;
        offsets[2 * i + 1] = present ? static_cast<int32_t>(piece.data() - text + piece.size()) : -1;
    }
    return 1;
}
