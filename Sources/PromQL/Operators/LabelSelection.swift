// SPDX-License-Identifier: Apache-2.0
//
// Picking labels by name, on the encoded bytes: what aggregations group by and vector matching compares.

internal import Samples

/// Keeps or drops a fixed set of label names.
struct LabelSelection {
    private let names: [[UInt8]]
    private let keeps: Bool

    /// Keeps only these names.
    init(keeping names: [String]) {
        self.names = names.map { Array($0.utf8) }
        keeps = true
    }

    /// Keeps all but these names.
    init(dropping names: [String]) {
        self.names = names.map { Array($0.utf8) }
        keeps = false
    }

    /// Whether nothing is kept of any labels.
    var isEmpty: Bool { keeps && names.isEmpty }

    /// The labels that functions drop because the result is no longer that metric.
    static let withoutMetadata = LabelSelection(dropping: ["__name__", "__type__", "__unit__"])

    /// The encoded pairs left over; equal for equal selections, and fit for `Labels(copiedPairs:)`.
    ///
    /// O(bytes × names).
    func encoded(_ labels: Labels) -> [UInt8] {
        let bytes = labels.bytes
        var out: [UInt8] = []
        out.reserveCapacity(keeps ? 0 : bytes.count)
        // Neighbours that stay are copied together.
        var runStart = 0
        var pairStart = 0
        labels.forEachRange { name, value in
            if isListed(bytes, name) != keeps {
                if runStart < pairStart { out += bytes[runStart..<pairStart] }
                runStart = value.upperBound
            }
            pairStart = value.upperBound
        }
        if runStart == 0 { return bytes }
        if runStart < pairStart { out += bytes[runStart..<pairStart] }
        return out
    }

    @inline(__always)
    private func isListed(_ bytes: [UInt8], _ name: Range<Int>) -> Bool {
        for wanted in names where wanted.count == name.count {
            var index = 0
            while index < wanted.count, wanted[index] == bytes[name.lowerBound + index] { index += 1 }
            if index == wanted.count { return true }
        }
        return false
    }

    /// The labels left over.
    func labels(_ labels: Labels) -> Labels {
        let left = encoded(labels)
        return left.count == labels.bytes.count ? labels : Labels(copiedPairs: left)
    }
}
