// SPDX-License-Identifier: Apache-2.0
//
// A column of 64-bit integers: timestamps, commit sequences, and the integers behind decimal values. Tries a few
// predictions and keeps the cheapest. docs/formats/block.md draws the bytes. All arithmetic wraps, in both
// directions alike, so that every sequence of Int64 comes back exactly, also where differences overflow.

internal import Bytes

/// How hard a coder may try: the head codes often and little, a segment is written once.
enum CodingEffort: Sendable {
    case head
    case segment
}

/// The coding of a column of integers.
enum IntegerColumn {
    private enum Mode {
        static let constant: UInt8 = 0
        static let delta: UInt8 = 1
        static let offset: UInt8 = 2
        static let grid: UInt8 = 3
        /// Written before there were integer blocks, by segments only.
        static let zstd: UInt8 = 4
        static let block: UInt8 = 5
    }

    /// The most integers in one column; a window has at most this many rows.
    static let countLimit = 1 << 20

    /// Appends the column; the reader must know the count.
    static func append(_ values: [Int64], effort: CodingEffort, to out: inout [UInt8]) {
        var encoder = IntegerBlockEncoder()
        append(values, effort: effort, using: &encoder, to: &out)
    }

    /// The same with the buffers of an encoder that codes more than one column.
    static func append(
        _ values: [Int64],
        effort: CodingEffort,
        using encoder: inout IntegerBlockEncoder,
        to out: inout [UInt8]
    ) {
        guard let first = values.first else { return }
        guard values.contains(where: { $0 != first }) else {
            out.append(Mode.constant)
            out.append(zigzag: first)
            return
        }
        if effort == .segment {
            // Jitter around a grid is paid once against the grid, but twice in differences. The block takes
            // differences of what the grid leaves when the column drifts.
            let step = meanStep(values) ?? 0
            out.append(Mode.block)
            out.append(zigzag: step)
            let residuals = values.indices.map { values[$0] &- Int64($0) &* step }
            encoder.append(residuals, domain: .numbers, mark: false, to: &out)
            return
        }
        let deltas = differences(values)
        var best = packed(Mode.delta, lead: [first], deltas, scale: true)
        keepSmaller(&best, packed(Mode.offset, lead: [], values, scale: true))
        if let step = meanStep(values) {
            let residuals = values.indices.map { values[$0] &- first &- Int64($0) &* step }
            keepSmaller(&best, packed(Mode.grid, lead: [first, step], residuals, scale: false))
        }
        out.append(contentsOf: best)
    }

    /// Reads a column of `count` integers.
    static func read(_ count: Int, from reader: inout ByteReader) throws(CorruptionError) -> [Int64] {
        var decoder = IntegerBlockDecoder()
        return try read(count, from: &reader, using: &decoder)
    }

    /// The same with the buffers of a decoder that reads more than one column.
    static func read(
        _ count: Int,
        from reader: inout ByteReader,
        using decoder: inout IntegerBlockDecoder
    ) throws(CorruptionError) -> [Int64] {
        guard count > 0 else { return [] }
        guard count <= countLimit else {
            throw CorruptionError("at most \(countLimit) integers", at: reader.offset)
        }
        var values = [Int64](repeating: 0, count: count)
        var span = values.mutableSpan
        try read(from: &reader, using: &decoder, into: &span)
        return values
    }

    /// Fills the span, of at most `countLimit` integers, from a column of as many.
    static func read(
        from reader: inout ByteReader,
        using decoder: inout IntegerBlockDecoder,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        guard !values.isEmpty else { return }
        let place = reader.offset
        switch try reader.byte() {
        case Mode.constant:
            let value = try reader.zigzag()
            for index in values.indices { values[index] = value }
        case Mode.delta:
            values[0] = try reader.zigzag()
            var deltas = values._mutatingExtracting(1..<values.count)
            try unpack(scale: true, from: &reader, into: &deltas)
            addUp(&values)
        case Mode.offset:
            try unpack(scale: true, from: &reader, into: &values)
        case Mode.grid:
            let first = try reader.zigzag()
            let step = try reader.zigzag()
            try unpack(scale: false, from: &reader, into: &values)
            for index in values.indices { values[index] = values[index] &+ first &+ Int64(index) &* step }
        case Mode.zstd:
            values[0] = try reader.zigzag()
            let frame = try reader.prefixed(limit: reader.remaining)
            var inner = ByteReader(try Zstd.decompress(frame, limit: values.count * 10))
            for index in values.indices.dropFirst() { values[index] = try inner.zigzag() }
            addUp(&values)
        case Mode.block:
            let step = try reader.zigzag()
            _ = try decoder.read(&reader, into: &values)
            for index in values.indices { values[index] = values[index] &+ Int64(index) &* step }
        default:
            throw CorruptionError("a mode of an integer column", at: place)
        }
    }

    // MARK: - Parts

    private static func keepSmaller(_ best: inout [UInt8], _ candidate: [UInt8]) {
        if candidate.count < best.count { best = candidate }
    }

    private static func differences(_ values: [Int64]) -> [Int64] {
        var deltas: [Int64] = []
        deltas.reserveCapacity(values.count - 1)
        for index in 1..<values.count { deltas.append(values[index] &- values[index - 1]) }
        return deltas
    }

    /// Turns differences behind a first value into values.
    private static func addUp(_ values: inout MutableSpan<Int64>) {
        for index in values.indices.dropFirst() { values[index] = values[index - 1] &+ values[index] }
    }

    private static func meanStep(_ values: [Int64]) -> Int64? {
        guard let first = values.first, let last = values.last else { return nil }
        let (span, overflow) = last.subtractingReportingOverflow(first)
        guard !overflow else { return nil }
        let intervals = Int64(values.count - 1)
        let step = span / intervals
        // Timers run on a grid of 100 ms; the exact mean would drift off it by jitter.
        guard (1000...1 << 40).contains(step) else { return step }
        return (step + 50) / 100 * 100
    }

    /// mode, lead integers, base, [divisor], packed (value − base) / divisor.
    private static func packed(_ mode: UInt8, lead: [Int64], _ values: [Int64], scale: Bool) -> [UInt8] {
        var base = values.first ?? 0
        for value in values where value < base { base = value }
        var offsets = values.map { UInt64(bitPattern: $0 &- base) }
        let divisor = scale ? commonDivisor(offsets) : 1
        if divisor > 1 { for index in offsets.indices { offsets[index] /= divisor } }
        var out: [UInt8] = [mode]
        for value in lead { out.append(zigzag: value) }
        out.append(zigzag: base)
        if scale { out.append(varint: divisor) }
        BitPacking.append(offsets, to: &out)
        return out
    }

    private static func unpack(
        scale: Bool,
        from reader: inout ByteReader,
        into values: inout MutableSpan<Int64>
    ) throws(CorruptionError) {
        let base = try reader.zigzag()
        let divisor = scale ? try reader.varint() : 1
        try BitPacking.read(from: &reader, base: base, factor: divisor, into: &values)
    }

    private static func commonDivisor(_ offsets: [UInt64]) -> UInt64 {
        var divisor: UInt64 = 0
        for offset in offsets where offset != 0 {
            var rest = offset
            while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
            if divisor == 1 { return 1 }
        }
        return max(1, divisor)
    }
}
