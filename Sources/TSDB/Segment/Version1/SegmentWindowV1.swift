// SPDX-License-Identifier: Apache-2.0
//
// Windows of segments of version 1, which are read and no longer written: each has labels, block directory and
// summaries of its own, and each block its checksum. Once opened, a window is a bundle whose runs are its blocks.

internal import Bytes
internal import Samples

/// A window of a segment of version 1, as its directory has it.
final class SegmentWindowV1: Sendable {
    private let window: SegmentWindow
    private let blocksOffset: Int
    private let blocksCount: Int
    private let summaries: Range<Int>
    private let dataOffset: Int

    init(_ entry: SegmentDirectoryV1.Window) {
        window = entry.window
        blocksOffset = entry.blocksOffset
        blocksCount = entry.blocksCount
        summaries = entry.summaries
        dataOffset = entry.dataOffset
    }

    /// Reads the directory of the blocks.
    func open(_ segment: Segment) throws(CorruptionError) -> OpenedBundle {
        let bytes = try SegmentSection.contents(try segment.bytes(blocksOffset, blocksCount))
        var reader = ByteReader(bytes)
        var blocks = BlockTable()
        var window = window
        window.timesLength = UInt32(try reader.count(limit: Int(Int32.max)))
        for _ in 0..<window.columns {
            blocks.lengths.append(UInt32(try reader.count(limit: Int(Int32.max))))
        }
        for length in blocks.lengths {
            blocks.flags.append(length == 0 ? BlockTable.Flag.constant : 0)
            blocks.constants.append(length == 0 ? try reader.integer() : 0)
        }
        for length in [window.timesLength] + blocks.lengths where length > 0 {
            let checksum: UInt32 = try reader.integer()
            blocks.runs.append(
                .init(plainLength: length, storedLength: length, isCompressed: false, checksum: checksum)
            )
        }
        return try OpenedBundle(
            windows: [window],
            blocks: blocks,
            runsOffset: dataOffset,
            limit: segment.length,
            isLegacy: true
        )
    }

    /// Reads the summaries of all columns.
    func summaries(
        _ segment: Segment,
        _ opened: OpenedBundle
    ) throws(CorruptionError) -> [BlockSummary] {
        let bytes = try SegmentSection.contents(try segment.bytes(summaries.lowerBound, summaries.count))
        var reader = ByteReader(bytes)
        var result: [BlockSummary] = []
        for (column, flags) in opened.blocks.flags.enumerated() {
            if flags & BlockTable.Flag.constant != 0 {
                let value = Double(bitPattern: opened.blocks.constants[column])
                result.append(BlockSummary(constant: value, count: Int(window.rows)))
            } else {
                result.append(try SegmentWindowV1.summary(&reader))
            }
        }
        return result
    }

    private static func summary(_ reader: inout ByteReader) throws(CorruptionError) -> BlockSummary {
        var summary = BlockSummary()
        _ = try reader.byte()
        summary.count = try reader.count(limit: IntegerColumn.countLimit)
        guard summary.count > 0 else { return summary }
        let place = reader.offset
        let form = try reader.byte()
        var numbers: [Double] = []
        if form == 255 {
            for _ in 0..<4 { numbers.append(try reader.double()) }
        } else {
            guard Int(form) <= Decimal.exponentLimit else {
                throw CorruptionError("a form of summary", at: place)
            }
            let first = try reader.zigzag()
            numbers.append(Decimal.value(first, exponent: Int(form)))
            for _ in 0..<3 {
                numbers.append(Decimal.value(first &+ (try reader.zigzag()), exponent: Int(form)))
            }
        }
        (summary.first, summary.min, summary.max, summary.last) = (
            numbers[0], numbers[1], numbers[2], numbers[3]
        )
        summary.sum = try reader.byte() == 0 ? Double(try reader.zigzag()) : try reader.double()
        return summary
    }
}
