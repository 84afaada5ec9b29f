// SPDX-License-Identifier: Apache-2.0
//
// A snappy block of something that is made in pieces, without ever holding it uncompressed. A block is the length of
// its contents and then elements (google/snappy, format_description.txt); the reference compressor begins anew every
// 64 KiB, so blocks of single pieces, without their lengths, follow each other to a block of the whole.

/// Gathers pieces into one snappy block.
public struct SnappyBlockWriter: Sendable {
    /// What the reference compressor takes as a unit.
    private static let pieceBytes = 64 << 10

    private var piece: [UInt8] = []
    private var elements: [[UInt8]] = []
    private var count = 0
    /// Bytes of compressed pieces.
    public private(set) var compressedBytes = 0

    /// Creates a block of nothing.
    public init() {}

    /// The uncompressed bytes gathered.
    public var uncompressedBytes: Int { count + piece.count }

    /// Adds bytes at the end.
    public mutating func append(_ bytes: [UInt8]) {
        piece.append(contentsOf: bytes)
        if piece.count >= SnappyBlockWriter.pieceBytes { flush() }
    }

    /// Says where bytes can be put in later, once what follows them is known.
    public mutating func mark() -> Int {
        flush()
        return elements.count
    }

    /// Puts bytes in at a mark; marks after it are no longer valid.
    public mutating func insert(_ bytes: [UInt8], at mark: Int) {
        flush()
        add(bytes, at: mark)
    }

    private mutating func flush() {
        guard !piece.isEmpty else { return }
        add(piece, at: elements.count)
        piece.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ bytes: [UInt8], at index: Int) {
        count += bytes.count
        let block = Snappy.compress(bytes)
        // Behind the varint of the length.
        let compressed = Array(block.drop { $0 >= 0x80 }.dropFirst())
        compressedBytes += compressed.count
        elements.insert(compressed, at: index)
    }

    /// The block, in pieces that follow each other; the first has the length.
    public consuming func finish() -> [[UInt8]] {
        flush()
        var length: [UInt8] = []
        length.append(varint: UInt64(count))
        return [length] + elements
    }
}
