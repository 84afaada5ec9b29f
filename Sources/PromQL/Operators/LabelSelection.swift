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

    /// The labels that functions drop because the result is no longer that metric.
    static let withoutMetadata = LabelSelection(dropping: ["__name__", "__type__", "__unit__"])

    /// The encoded pairs left over; equal for equal selections, and readable by `Labels(encoded:)`.
    func encoded(_ labels: Labels) -> [UInt8] {
        let bytes = labels.bytes
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        var pairStart = 0
        labels.forEachRange { name, value in
            let isNamed = names.contains { $0.count == name.count && bytes[name].elementsEqual($0) }
            if isNamed == keeps { out.append(contentsOf: bytes[pairStart..<value.upperBound]) }
            pairStart = value.upperBound
        }
        return out
    }

    /// The labels left over.
    func labels(_ labels: Labels) -> Labels {
        let left = encoded(labels)
        return left.count == labels.bytes.count ? labels : Labels(encoded: left) ?? labels
    }
}
