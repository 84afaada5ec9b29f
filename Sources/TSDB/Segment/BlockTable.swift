// SPDX-License-Identifier: Apache-2.0
//
// Where the blocks of a bundle are: bitmaps over its columns say which are constant, which have rows without a value
// and which end like an earlier block; constants stand here instead of blocks. Blocks and row times lie one behind
// the other in runs, each with one checksum, so that reading one block verifies a few KiB and damage costs a few.
//
// Two series that differ by a constant have the same residuals, two copies of one metric the same block. The coder
// need not know: a block whose last bytes are those of an earlier block stores only what comes before them.

internal import Bytes

/// The blocks of a bundle.
struct BlockTable: Sendable {
    enum Flag {
        /// One bit pattern in all values; no codec's bytes.
        static let constant: UInt8 = 1
        /// Rows without a value or with a stale marker; the block begins with states.
        static let states: UInt8 = 2
        /// The block goes on with the end of another.
        static let shared: UInt8 = 4
    }

    /// The end of a block that lies in another.
    struct Shared: Sendable, Equatable {
        /// The column whose block has it, an earlier one with a whole block.
        var column: UInt32
        var length: UInt32
    }

    /// Blocks with one checksum.
    struct Run: Sendable {
        /// Bytes of its blocks.
        var plainLength: UInt32
        /// Bytes on disk.
        var storedLength: UInt32
        var isCompressed: Bool
        var checksum: UInt32
    }

    /// Per column.
    var flags: [UInt8] = []
    /// Per column the bytes of its block that are its own.
    var lengths: [UInt32] = []
    /// Per column the bits of its constant, or 0.
    var constants: [UInt64] = []
    /// Ends of blocks by the column that shares them.
    var shared: [UInt32: Shared] = [:]
    var runs: [Run] = []

    init() {}

    /// Whether a column has bytes of its own in a run.
    static func hasBlock(_ flags: UInt8) -> Bool { flags & (Flag.constant | Flag.states) != Flag.constant }

    // MARK: - Writing

    func bytes(_ windows: [SegmentWindow]) -> [UInt8] {
        var out: [UInt8] = []
        for flag in [Flag.constant, Flag.states, Flag.shared] {
            out.append(bits: flags.map { $0 & flag != 0 })
        }
        let same = BlockTable.predecessors(windows, columns: flags.count)
        var repeats: [Bool] = []
        var exponents: [UInt8] = []
        var mantissas: [UInt8] = []
        for column in flags.indices where flags[column] & Flag.constant != 0 {
            if let before = same[column], flags[before] & Flag.constant != 0 {
                repeats.append(constants[before] == constants[column])
                if constants[before] == constants[column] { continue }
            }
            DecimalBits.append(constants[column], exponent: &exponents, mantissa: &mantissas)
        }
        out.append(bits: repeats)
        out += exponents
        out += mantissas
        for column in flags.indices where BlockTable.hasBlock(flags[column]) {
            out.append(varint: UInt64(lengths[column]))
        }
        for column in flags.indices where flags[column] & Flag.shared != 0 {
            let end = shared[UInt32(column)] ?? Shared(column: 0, length: 0)
            out.append(varint: UInt64(column) - UInt64(end.column))
            out.append(varint: UInt64(end.length))
        }
        out.append(varint: UInt64(runs.count))
        for run in runs {
            out.append(varint: UInt64(run.plainLength) << 1 | (run.isCompressed ? 1 : 0))
            if run.isCompressed { out.append(varint: UInt64(run.storedLength)) }
        }
        for run in runs { out.append(littleEndian: run.checksum) }
        return out
    }

    // MARK: - Reading

    init(_ bytes: [UInt8], _ windows: [SegmentWindow]) throws(CorruptionError) {
        let columns = windows.reduce(0) { $0 + Int($1.columns) }
        var reader = ByteReader(bytes)
        flags = [UInt8](repeating: 0, count: columns)
        for flag in [Flag.constant, Flag.states, Flag.shared] {
            try reader.readBits(columns) { flags[$0] |= flag }
        }
        try readConstants(&reader, BlockTable.predecessors(windows, columns: columns))
        lengths = [UInt32](repeating: 0, count: columns)
        for column in 0..<columns where BlockTable.hasBlock(flags[column]) {
            lengths[column] = UInt32(try reader.count(limit: Int(Int32.max)))
        }
        for column in 0..<columns where flags[column] & Flag.shared != 0 {
            let place = reader.offset
            let target = column - (try reader.count(limit: column))
            let length = UInt32(try reader.count(limit: Int(Int32.max)))
            guard target < column, flags[target] & Flag.shared == 0, length <= lengths[target],
                BlockTable.hasBlock(flags[column])
            else { throw CorruptionError("the end of an earlier block", at: place) }
            shared[UInt32(column)] = Shared(column: UInt32(target), length: length)
        }
        try readRuns(&reader)
    }

    private mutating func readConstants(
        _ reader: inout ByteReader,
        _ same: Predecessors
    ) throws(CorruptionError) {
        constants = [UInt64](repeating: 0, count: flags.count)
        var candidates: [Int] = []
        var pending: [Int] = []
        for column in flags.indices where flags[column] & Flag.constant != 0 {
            if let before = same[column], flags[before] & Flag.constant != 0 {
                candidates.append(column)
            }
        }
        var isRepeated = [Bool](repeating: false, count: flags.count)
        try reader.readBits(candidates.count) { isRepeated[candidates[$0]] = true }
        for column in flags.indices where flags[column] & Flag.constant != 0 && !isRepeated[column] {
            pending.append(column)
        }
        let exponents = Array(try reader.take(pending.count))
        for (index, column) in pending.enumerated() {
            constants[column] = try DecimalBits.read(exponents[index], &reader)
        }
        for column in candidates where isRepeated[column] {
            constants[column] = constants[same[column] ?? column]
        }
    }

    private mutating func readRuns(_ reader: inout ByteReader) throws(CorruptionError) {
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            let place = reader.offset
            let head = try reader.varint()
            guard head >> 1 <= UInt64(Int32.max) else {
                throw CorruptionError("the length of a run", at: place)
            }
            let plain = UInt32(head >> 1)
            let isCompressed = head & 1 != 0
            let stored = isCompressed ? UInt32(try reader.count(limit: Int(Int32.max))) : plain
            runs.append(
                Run(plainLength: plain, storedLength: stored, isCompressed: isCompressed, checksum: 0)
            )
        }
        for index in runs.indices { runs[index].checksum = try reader.integer() }
    }

    /// For a column the same series' column in the window before, when that has the same series.
    struct Predecessors {
        fileprivate var distances: [UInt32]

        subscript(_ column: Int) -> Int? {
            distances[column] == 0 ? nil : column - Int(distances[column])
        }
    }

    static func predecessors(_ windows: [SegmentWindow], columns: Int) -> Predecessors {
        var distances = [UInt32](repeating: 0, count: columns)
        for index in windows.indices.dropFirst() {
            let (before, window) = (windows[index - 1], windows[index])
            guard before.firstSeries == window.firstSeries, before.columns == window.columns else { continue }
            for column in 0..<Int(window.columns) {
                distances[Int(window.firstColumn) + column] = window.columns
            }
        }
        return Predecessors(distances: distances)
    }
}

/// A double as a decimal exponent and mantissa where that is exact, as bits where not.
enum DecimalBits {
    static let raw: UInt8 = 255

    static func append(_ bits: UInt64, exponent: inout [UInt8], mantissa: inout [UInt8]) {
        let value = Double(bitPattern: bits)
        if let found = Decimal.exponent(value, from: 0),
            let integer = Decimal.mantissa(value, exponent: found)
        {
            exponent.append(UInt8(found))
            mantissa.append(zigzag: integer)
        } else {
            exponent.append(raw)
            XORBytes.append(bits, to: &mantissa)
        }
    }

    static func read(_ exponent: UInt8, _ reader: inout ByteReader) throws(CorruptionError) -> UInt64 {
        guard exponent != raw else { return try XORBytes.read(&reader) }
        guard exponent <= Decimal.exponentLimit else {
            throw CorruptionError("a decimal exponent of at most \(Decimal.exponentLimit)", at: reader.offset)
        }
        return Decimal.value(try reader.zigzag(), exponent: Int(exponent)).bitPattern
    }
}

extension [UInt8] {
    /// Appends bits, least significant first, padded to a byte.
    fileprivate mutating func append(bits: [Bool]) {
        for start in stride(from: 0, to: bits.count, by: 8) {
            var byte: UInt8 = 0
            for index in start..<Swift.min(start + 8, bits.count) where bits[index] {
                byte |= 1 << UInt8(index - start)
            }
            append(byte)
        }
    }
}

extension ByteReader {
    /// Calls `body` with the number of each set bit of a bitmap.
    fileprivate mutating func readBits(_ count: Int, _ body: (Int) -> Void) throws(CorruptionError) {
        for start in stride(from: 0, to: count, by: 8) {
            var byte = try byte()
            while byte != 0 {
                let index = start + byte.trailingZeroBitCount
                guard index < count else { break }
                body(index)
                byte &= byte &- 1
            }
        }
    }
}
