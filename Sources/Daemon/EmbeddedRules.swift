// SPDX-License-Identifier: Apache-2.0

internal import CRules

/// The shipped rule files, compiled into the binary; used when no configuration file is given.
enum EmbeddedRules {
    static func files() -> [(path: String, bytes: [UInt8])] {
        [("builtin/node.yml", bytes(ew_rules_node)), ("builtin/edge.yml", bytes(ew_rules_edge))]
    }

    private static func bytes(_ read: (UnsafeMutablePointer<Int>) -> UnsafePointer<UInt8>?) -> [UInt8] {
        var length = 0
        guard let start = read(&length) else { return [] }
        return Array(UnsafeBufferPointer(start: start, count: length))
    }
}
