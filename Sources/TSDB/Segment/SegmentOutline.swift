// SPDX-License-Identifier: Apache-2.0
//
// The directory of a segment: the known gaps in commit order, and of each bundle its bounds and the sizes of its
// parts. A start reads this and, of each bundle, the window table.

internal import Bytes

/// The decoded directory.
struct SegmentOutline: Sendable {
    struct Bundle: Sendable {
        var bounds = SegmentBundle.Bounds()
        var layout = SegmentBundle.Layout()
        /// The bundle's series in the segment's label table.
        var series = 0..<0
    }

    var gaps: [Range<UInt64>] = []
    /// Where the label table's section is, from the segment's start.
    var labels = 0..<0
    var bundles: [Bundle] = []

    private static let gapLimit = 1024

    init() {}

    /// The directory's bytes.
    func bytes() -> [UInt8] {
        var out: [UInt8] = []
        out.append(varint: UInt64(gaps.count))
        for gap in gaps {
            out.append(varint: gap.lowerBound)
            out.append(varint: gap.upperBound)
        }
        out.append(varint: UInt64(labels.count))
        out.append(varint: UInt64(bundles.count))
        for bundle in bundles {
            let (bounds, layout) = (bundle.bounds, bundle.layout)
            out.append(varint: UInt64(layout.windowCount))
            out.append(varint: UInt64(bundle.series.lowerBound))
            out.append(varint: UInt64(bundle.series.count))
            out.append(varint: bounds.samples)
            out.append(zigzag: bounds.minTime)
            out.append(varint: UInt64(bitPattern: bounds.maxTime &- bounds.minTime))
            out.append(varint: bounds.minSequence)
            out.append(varint: bounds.maxSequence - bounds.minSequence)
            for size in [layout.windowBytes, layout.blockBytes, layout.summaryBytes, layout.runBytes] {
                out.append(varint: UInt64(size))
            }
        }
        return out
    }

    /// Sets the places of labels and bundles, which follow each other behind a directory of this many bytes.
    mutating func place(behind directory: Int) {
        let start = SegmentHeader.size + directory
        labels = start..<(start + labels.count)
        var next = labels.upperBound
        var window: UInt32 = 0
        for index in bundles.indices {
            bundles[index].layout.offset = UInt32(next)
            bundles[index].layout.firstWindow = window
            next = Int(bundles[index].layout.end)
            window += bundles[index].layout.windowCount
        }
    }

    /// Reads header and directory, whose checksum the caller verified.
    init(_ header: SegmentHeader, _ bytes: [UInt8]) throws(CorruptionError) {
        var reader = ByteReader(bytes, in: SegmentHeader.size..<bytes.count)
        for _ in 0..<(try reader.count(limit: SegmentOutline.gapLimit)) {
            let place = reader.offset
            let lower = try reader.number()
            let upper = try reader.number()
            guard lower <= upper else {
                throw CorruptionError("a gap that ends after it begins", at: place)
            }
            gaps.append(lower..<upper)
        }
        labels = 0..<(try reader.count(limit: header.length))
        for _ in 0..<(try reader.count(limit: reader.remaining)) {
            bundles.append(try SegmentOutline.bundle(&reader, limit: header.length))
        }
        // Each size is below 2^31 and there are fewer bundles than bytes; checked before places are counted up.
        let place = reader.offset
        var total = SegmentHeader.size + header.directoryLength + labels.count
        for bundle in bundles {
            total += Int(bundle.layout.end)
            guard total <= header.length else {
                throw CorruptionError("bundles within the segment", at: place)
            }
        }
        self.place(behind: header.directoryLength)
    }

    private static func bundle(
        _ reader: inout ByteReader,
        limit: Int
    ) throws(CorruptionError) -> Bundle {
        let place = reader.offset
        var bundle = Bundle()
        bundle.layout.windowCount = UInt32(try reader.count(limit: WindowTable.countLimit))
        let first = try reader.count(limit: LabelTable.countLimit)
        let count = try reader.count(limit: LabelTable.countLimit)
        bundle.series = first..<(first + count)
        bundle.bounds.samples = try reader.varint()
        bundle.bounds.minTime = try reader.zigzag()
        bundle.bounds.maxTime = bundle.bounds.minTime &+ Int64(bitPattern: try reader.varint())
        bundle.bounds.minSequence = try reader.number()
        let span = try reader.number()
        bundle.bounds.maxSequence = bundle.bounds.minSequence + span
        bundle.layout.windowBytes = UInt32(try reader.count(limit: limit))
        bundle.layout.blockBytes = UInt32(try reader.count(limit: limit))
        bundle.layout.summaryBytes = UInt32(try reader.count(limit: limit))
        bundle.layout.runBytes = UInt32(try reader.count(limit: limit))
        guard bundle.bounds.minTime <= bundle.bounds.maxTime,
            bundle.bounds.maxSequence <= Numbering.limit, bundle.bounds.samples <= Numbering.limit
        else { throw CorruptionError("bounds of a bundle", at: place) }
        return bundle
    }
}
