// SPDX-License-Identifier: Apache-2.0
//
// The identity of an alert towards receivers: FNV-1a (64 bit) over the sorted labels, each name and value followed by
// the byte 0xff, as prometheus/common `model.LabelSet.Fingerprint` computes it and Alertmanager prints it.

internal import Samples

/// Alertmanager's hash of a label set.
struct Fingerprint: Sendable, Hashable, CustomStringConvertible {
    let rawValue: UInt64

    init(_ labels: Labels) {
        var hash = FNV1a()
        let bytes = labels.bytes
        labels.forEachRange { name, value in
            hash.combine(bytes[name])
            hash.combine(0xff)
            hash.combine(bytes[value])
            hash.combine(0xff)
        }
        rawValue = hash.value
    }

    /// Sixteen hexadecimal digits.
    var description: String { FNV1a.hex(rawValue) }
}

/// The 64-bit Fowler-Noll-Vo hash, variant 1a.
///
/// Source: <http://www.isthe.com/chongo/tech/comp/fnv/>. Arithmetic wraps by definition.
struct FNV1a: Sendable {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func combine(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { combine(byte) }
    }

    /// The hash of several texts, each ended by the byte 0xff so that no two lists run together.
    static func hash(_ texts: String...) -> UInt64 {
        var hash = FNV1a()
        for text in texts {
            hash.combine(text.utf8)
            hash.combine(0xff)
        }
        return hash.value
    }

    /// Sixteen hexadecimal digits.
    static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
