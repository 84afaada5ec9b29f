// SPDX-License-Identifier: Apache-2.0
//
// A part of a span of rows in a tier's ring: where it is and which series it has. Everything else is read when asked
// for.

internal import Bytes
internal import Samples

/// A readable segment of a tier.
final class TierSegment: Sendable {
    /// Its place in the ring.
    let place: Segment
    let span: TierSpan
    /// Names the building the segment is of: a span is built in one or more segments.
    let build: UInt64
    /// Whether the span is complete with this segment.
    let isLast: Bool
    /// The series, in the order of blocks; sets are shared with other segments, also of samples.
    let columns: [ColumnSet]
    /// Bytes of header and directory.
    let directoryLength: Int
    /// Rows with samples, of all series.
    let rows: UInt64

    init(place: Segment, _ directory: TierDirectory.Head, columns: [ColumnSet], directoryLength: Int) {
        self.place = place
        span = directory.span
        build = directory.build
        isLast = directory.isLast
        rows = directory.rows
        self.columns = columns
        self.directoryLength = directoryLength
    }

    /// The number of a series' block; nil when the segment has none.
    func block(of reference: SeriesReference) -> Int? {
        var before = 0
        for set in columns {
            if let position = set.position(of: reference) { return before + position }
            before += set.references.count
        }
        return nil
    }
}

/// What a segment of a tier says of itself; docs/formats/tier.md draws it.
struct TierDirectory: Sendable {
    /// The part that a start needs.
    struct Head: Sendable {
        var resolution: Int64
        var span: TierSpan
        var build: UInt64
        var isLast: Bool
        /// Samples up to this time may have been given up when the segment was written; `.min` when none were.
        var givenUp: Int64
        var rows: UInt64
        /// Per set of series their number.
        var sets: [Int]
        /// The labels lie behind the last block.
        var labelLength: Int
        var labelChecksum: UInt32
    }

    var head: Head
    var shapes: [TierShape] = []
    /// Per block its length and checksum.
    var lengths: [UInt32] = []
    var checksums: [UInt32] = []

    /// In the header, which is that of segments of samples.
    static let version: UInt16 = 1
    static let form: UInt8 = 1
    /// The most sets and series of a segment that a reader accepts: a multiple of what a writer puts there.
    static let seriesLimit = 8 * TierSegmentWriter.seriesLimit

    func bytes(_ encoder: inout BlockEncoder) -> [UInt8] {
        var out: [UInt8] = [TierDirectory.form]
        out.append(varint: UInt64(head.resolution))
        out.append(zigzag: head.span.from)
        out.append(varint: UInt64((head.span.through - head.span.from) / head.resolution))
        out.append(varint: head.build)
        out.append(head.isLast ? 1 : 0)
        out.append(zigzag: head.givenUp)
        out.append(varint: head.rows)
        out.append(varint: UInt64(head.sets.count))
        for count in head.sets { out.append(varint: UInt64(count)) }
        out.append(varint: UInt64(head.labelLength))
        out.append(littleEndian: head.labelChecksum)
        var rest: [UInt8] = []
        rest.append(varint: UInt64(shapes.count))
        for shape in shapes { shape.append(to: &rest, &encoder) }
        out.append(prefixed: TierDirectory.stored(rest))
        for length in lengths { out.append(varint: UInt64(length)) }
        for checksum in checksums { out.append(littleEndian: checksum) }
        return out
    }

    /// Reads what a start needs; what follows is left in the reader.
    static func head(_ bytes: [UInt8]) throws(CorruptionError) -> (head: Head, rest: ByteReader) {
        var reader = ByteReader(bytes, in: SegmentHeader.size..<bytes.count)
        guard try reader.byte() == form else {
            throw CorruptionError("a directory of a tier", at: SegmentHeader.size)
        }
        let place = reader.offset
        let resolution = try reader.varint()
        let from = try reader.zigzag()
        let windows = try reader.count(limit: TierShape.windowLimit)
        guard let length = Int64(exactly: resolution), TierOptions.resolutions.contains(length), windows > 0,
            from % length == 0, from <= Int64.max - Int64(windows) * length
        else { throw CorruptionError("a span of windows", at: place) }
        let span = TierSpan(from: from, through: from + Int64(windows) * length)
        var head = Head(
            resolution: length,
            span: span,
            build: try reader.varint(),
            isLast: try reader.byte() != 0,
            givenUp: try reader.zigzag(),
            rows: try reader.varint(),
            sets: [],
            labelLength: 0,
            labelChecksum: 0
        )
        var series = 0
        for _ in 0..<(try reader.count(limit: seriesLimit)) {
            let count = try reader.count(limit: seriesLimit - series)
            head.sets.append(count)
            series += count
        }
        head.labelLength = try reader.count(limit: Int(Int32.max))
        head.labelChecksum = try reader.integer()
        return (head, reader)
    }

    /// Reads everything.
    init(_ bytes: [UInt8], _ decoder: inout BlockDecoder) throws(CorruptionError) {
        var (head, reader) = try TierDirectory.head(bytes)
        self.head = head
        let rest = try TierDirectory.contents(try reader.prefixed(limit: reader.remaining))
        let windows = Int((head.span.through - head.span.from) / head.resolution)
        var inner = ByteReader(rest)
        // Every shape is that of some series.
        for _ in 0..<(try inner.count(limit: head.sets.reduce(0, +))) {
            shapes.append(
                try TierShape.read(&inner, windows: windows, resolution: head.resolution, &decoder)
            )
        }
        for count in head.sets {
            for _ in 0..<count { lengths.append(UInt32(try reader.count(limit: Int(Int32.max)))) }
        }
        for _ in lengths { checksums.append(try reader.integer()) }
    }

    // MARK: - Compressed parts; the checksum of header and directory covers them.

    private static let limit = 64 << 20

    static func stored(_ plain: [UInt8]) -> [UInt8] {
        guard let frame = Zstd.compress(plain, level: 6), frame.count < plain.count else {
            return [0] + plain
        }
        return [1] + frame
    }

    static func contents(_ stored: ArraySlice<UInt8>) throws(CorruptionError) -> [UInt8] {
        switch stored.first {
        case 0: return Array(stored.dropFirst())
        case 1: return try Zstd.decompress(stored.dropFirst(), limit: limit)
        default: throw CorruptionError("a form of section", at: stored.startIndex)
        }
    }
}
