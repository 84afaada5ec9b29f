// SPDX-License-Identifier: Apache-2.0
//
// What a series is known by at its source, as bytes:
//
//     family name, then per label value: length (2 bytes, little endian), bytes

/// Something that can be the value of a label: text, or bytes just read from the kernel.
public protocol LabelValue {
    /// Appends the value's bytes to a series key.
    func append(to key: inout [UInt8])
}

extension String: LabelValue {
    /// Appends the UTF-8 bytes.
    public func append(to key: inout [UInt8]) { key.append(contentsOf: utf8) }
}

extension ArraySlice<UInt8>: LabelValue {
    /// Appends the bytes.
    public func append(to key: inout [UInt8]) { key.append(contentsOf: self) }
}

extension Optional: LabelValue where Wrapped: LabelValue {
    /// Appends the bytes; without a value none.
    public func append(to key: inout [UInt8]) { self?.append(to: &key) }
}

/// The key of one series, built value by value in a buffer that is used again.
struct SeriesKey {
    /// A label value longer than this comes from a damaged or hostile source; its head still tells what it is.
    private static let valueLimit = 4096

    private(set) var bytes: [UInt8] = []

    /// Starts the key of a series of a family.
    mutating func begin(_ family: Family) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: family.key.utf8)
    }

    /// Appends the value of the family's next label.
    mutating func append(_ value: some LabelValue) {
        let mark = reserveLength()
        value.append(to: &bytes)
        close(mark)
    }

    /// Appends the text of a C character array, up to its end or first NUL, as the value of the family's next label.
    mutating func append<Characters>(characters: Characters) {
        let mark = reserveLength()
        withUnsafeBytes(of: characters) { bytes.append(contentsOf: $0.prefix { $0 != 0 }) }
        close(mark)
    }

    /// The label values, in the order of the family's labels.
    func labelValues(of family: Family) -> Values {
        Values(bytes: bytes, offset: family.key.utf8.count)
    }

    private mutating func reserveLength() -> Int {
        bytes.append(0)
        bytes.append(0)
        return bytes.count
    }

    private mutating func close(_ mark: Int) {
        let length = min(bytes.count - mark, SeriesKey.valueLimit)
        bytes.removeLast(bytes.count - mark - length)
        bytes[mark - 2] = UInt8(truncatingIfNeeded: length)
        bytes[mark - 1] = UInt8(truncatingIfNeeded: length >> 8)
    }

    /// Walks over the label values of a key.
    struct Values {
        fileprivate let bytes: [UInt8]
        fileprivate var offset: Int

        /// The next value, nil at the end.
        mutating func next() -> ArraySlice<UInt8>? {
            guard offset + 2 <= bytes.count else { return nil }
            let start = offset + 2
            let length = Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
            guard start + length <= bytes.count else { return nil }
            offset = start + length
            return bytes[start..<offset]
        }
    }
}
