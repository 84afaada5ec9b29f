// SPDX-License-Identifier: Apache-2.0
//
// Puts the rows of series after series into segments of a tier. A segment ends when it has grown large enough, so that
// building a span takes little memory however many series there are.

internal import Bytes
internal import Samples

/// Gathers rows into one segment.
struct TierSegmentWriter {
    private let span: TierSpan
    private let resolution: Int64
    private var sets: [[Labels]] = []
    private var labelBytes = 0
    private var shapes: [TierShape: Int] = [:]
    private var orderedShapes: [TierShape] = []
    private var lengths: [UInt32] = []
    private var checksums: [UInt32] = []
    private var data: [UInt8] = []
    private var rows: UInt64 = 0
    private var block = TierBlock()
    private var encoder = BlockEncoder()

    init(_ span: TierSpan, resolution: Int64) {
        self.span = span
        self.resolution = resolution
    }

    /// Series in one segment, so that a directory, which is read whole, stays small.
    static let seriesLimit = 512

    var isEmpty: Bool { lengths.isEmpty }

    /// Whether the segment should end; `bytes` is what it may have.
    func isFull(_ bytes: Int) -> Bool {
        lengths.count >= TierSegmentWriter.seriesLimit
            || data.count + labelBytes + lengths.count * 8 >= bytes
    }

    /// Begins a set of series that belong together.
    mutating func beginSet() {
        if sets.last?.isEmpty != true { sets.append([]) }
    }

    /// Adds a series with at least one row.
    mutating func append(_ series: Labels, _ added: [CoarseRow]) {
        if sets.isEmpty { sets.append([]) }
        sets[sets.count - 1].append(series)
        labelBytes += series.bytes.count
        let shape = TierShape(added, span, resolution: resolution)
        let number = shapes[shape] ?? orderedShapes.count
        if number == orderedShapes.count {
            shapes[shape] = number
            orderedShapes.append(shape)
        }
        rows += UInt64(shape.counts.count)
        let start = data.count
        data.append(varint: UInt64(number))
        block.append(added, to: &data, &encoder)
        lengths.append(UInt32(data.count - start))
        checksums.append(CRC32C.checksum(data[start...]))
    }

    /// A segment of what was added, without a place; the writer is as new afterwards.
    mutating func finish(build: UInt64, isLast: Bool, givenUp: Int64) -> FinishedTierSegment {
        if sets.last?.isEmpty == true { sets.removeLast() }
        let stored = TierDirectory.stored(LabelSection.bytes(sets.flatMap { $0 }))
        let head = TierDirectory.Head(
            resolution: resolution,
            span: span,
            build: build,
            isLast: isLast,
            givenUp: givenUp,
            rows: rows,
            sets: sets.map { $0.count },
            labelLength: stored.count,
            labelChecksum: CRC32C.checksum(stored)
        )
        let directory = TierDirectory(
            head: head,
            shapes: orderedShapes,
            lengths: lengths,
            checksums: checksums
        )
        let finished = FinishedTierSegment(
            head: head,
            sets: sets,
            directory: directory.bytes(&encoder),
            data: data + stored
        )
        self = TierSegmentWriter(span, resolution: resolution)
        return finished
    }
}

extension TierDirectory {
    init(head: Head, shapes: [TierShape], lengths: [UInt32], checksums: [UInt32]) {
        self.head = head
        self.shapes = shapes
        self.lengths = lengths
        self.checksums = checksums
    }
}

/// A finished segment of a tier that has no place yet.
struct FinishedTierSegment {
    let head: TierDirectory.Head
    /// Per set the labels of its series, in the order of blocks.
    let sets: [[Labels]]
    let directory: [UInt8]
    let data: [UInt8]

    var length: Int { SegmentHeader.size + directory.count + data.count }
    var directoryLength: Int { SegmentHeader.size + directory.count }

    /// All bytes of the segment under a ring sequence.
    func bytes(ringSequence: UInt64) -> [UInt8] {
        var header = SegmentHeader(
            ringSequence: ringSequence,
            length: length,
            directoryLength: directory.count,
            dataChecksum: CRC32C.checksum(data),
            windowCount: head.sets.count,
            times: head.span.from...head.span.through,
            sequences: 0...0
        )
        header.version = TierDirectory.version
        var out = header.bytes(directory: directory)
        out.reserveCapacity(SegmentHeader.padded(length))
        out += directory
        out += data
        out.append(contentsOf: repeatElement(0, count: SegmentHeader.padded(length) - out.count))
        return out
    }
}
