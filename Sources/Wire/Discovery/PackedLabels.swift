// SPDX-License-Identifier: Apache-2.0
//
// Labels of discovered targets, packed. Thousands of sets are kept only to be relabeled when something changed, and the
// names in them say the same long words again and again: of a pod with twenty labels and annotations two thirds of the
// bytes are `__meta_kubernetes_pod_label_` and the like. A pair is
//
//     code, key?, value     code = 1 byte; key and value = varint length, bytes
//
//     0        the key is the whole name
//     1…127    the name is the one of that number in `names`; there is no key
//     128…     one label or annotation of a kind of object; stands for two labels, `…_label_KEY="VALUE"`, left out when
//              the value is empty, and `…_labelpresent_KEY="true"`
//
// Only in memory. Invariant: unpacking gives exactly the labels that were packed, and equal labels have equal bytes.

public import Samples

/// A set of labels that is kept rather than looked at.
public struct PackedLabels: Sendable, Hashable {
    private let bytes: [UInt8]

    /// The set without labels.
    public init() {
        bytes = []
    }

    /// Packs what was built.
    public init(_ labels: LabelsBuilder) {
        var out: [UInt8] = []
        for (name, value) in labels.sortedPairs { PackedLabels.append(name, value, of: labels, to: &out) }
        // As large as needed, not as it grew.
        var exact: [UInt8] = []
        exact.reserveCapacity(out.count)
        exact.append(contentsOf: out)
        bytes = exact
    }

    /// Packs a set.
    public init(_ labels: Labels) {
        self.init(LabelsBuilder(labels))
    }

    /// How many bytes it takes.
    public var byteCount: Int { bytes.count }

    /// Whether there is no label.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The set unpacked.
    public var labels: Labels { LabelsBuilder(self).labels() }

    /// The value of a label, nil when the set has none of that name.
    ///
    /// O(bytes), with all of them unpacked on the way.
    public subscript(_ name: String) -> String? { LabelsBuilder(self)[name] }

    // MARK: - Packing

    private static func append(
        _ name: String,
        _ value: String,
        of labels: LabelsBuilder,
        to out: inout [UInt8]
    ) {
        if let code = PackedNames.codes[name] {
            out.append(code)
        } else if let pair = PackedNames.pair(name) {
            // Both labels are there, or only the one that says so.
            switch pair.isPresence {
            case false where labels[pair.other] == "true",
                true where value == "true" && labels[pair.other] == nil:
                out.append(pair.code)
                append(pair.key, to: &out)
                return append(pair.isPresence ? "" : value, to: &out)
            case true where value == "true": return
            default: append(whole: name, to: &out)
            }
        } else {
            append(whole: name, to: &out)
        }
        append(value, to: &out)
    }

    private static func append(whole name: String, to out: inout [UInt8]) {
        out.append(0)
        append(name, to: &out)
    }

    private static func append(_ text: String, to out: inout [UInt8]) {
        var length = text.utf8.count
        while length >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        out.append(UInt8(length))
        out.append(contentsOf: text.utf8)
    }

    // MARK: - Unpacking

    fileprivate func visit(_ body: (_ name: String, _ value: String) -> Void) {
        var offset = 0
        while offset < bytes.count {
            let code = bytes[offset]
            offset += 1
            switch code {
            case 0: body(text(&offset), text(&offset))
            case 1..<128: body(PackedNames.names[Int(code) - 1], text(&offset))
            default:
                let key = text(&offset)
                let value = text(&offset)
                let (plain, presence) = PackedNames.prefixes[Int(code) - 128]
                // No value is no label, and takes none away that somebody else has set.
                if !value.isEmpty { body(plain + key, value) }
                body(presence + key, "true")
            }
        }
    }

    /// The text at an offset, which is moved behind it.
    private func text(_ offset: inout Int) -> String {
        var length = 0
        var shift = 0
        while true {
            let byte = bytes[offset]
            offset += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        defer { offset += length }
        return String(decoding: bytes[offset..<(offset + length)], as: UTF8.self)
    }
}

extension PackedLabels: CustomStringConvertible {
    /// Series notation.
    public var description: String { labels.description }
}

extension LabelsBuilder {
    /// Starts from a packed set.
    public init(_ labels: PackedLabels) {
        self.init()
        merge(labels)
    }

    /// Sets all labels of a set.
    public mutating func merge(_ labels: PackedLabels) {
        labels.visit { set($0, $1) }
    }
}
