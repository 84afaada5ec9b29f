// SPDX-License-Identifier: Apache-2.0
//
// The directory of a segment of version 1: identity, bounds and series of each window.

internal import Bytes
internal import Samples

/// The decoded directory.
struct SegmentDirectoryV1: Sendable {
    struct Window: Sendable {
        var identity = Labels()
        var window = SegmentWindow()
        /// The section of labels, from its checksum on; the same series mostly give the same bytes.
        var labels: [UInt8] = []
        var blocksOffset = 0
        var blocksCount = 0
        var summaries = 0..<0
        var dataOffset = 0
    }

    var gaps: [Range<UInt64>] = []
    var windows: [Window] = []

    private static let gapLimit = 1024

    /// Reads header and directory, whose checksum the caller verified.
    init(_ header: SegmentHeader, _ bytes: [UInt8]) throws(CorruptionError) {
        var reader = ByteReader(bytes, in: SegmentHeader.size..<bytes.count)
        for _ in 0..<(try reader.count(limit: SegmentDirectoryV1.gapLimit)) {
            let place = reader.offset
            let lower = try reader.number()
            let upper = try reader.number()
            guard lower <= upper else {
                throw CorruptionError("a gap that ends after it begins", at: place)
            }
            gaps.append(lower..<upper)
        }
        var data = SegmentHeader.size + header.directoryLength
        for _ in 0..<header.windowCount {
            windows.append(try SegmentDirectoryV1.window(&reader, data: &data, length: header.length))
        }
    }

    private static func window(
        _ reader: inout ByteReader,
        data: inout Int,
        length: Int
    ) throws(CorruptionError) -> Window {
        var entry = Window()
        let place = reader.offset
        guard let identity = Labels(encoded: Array(try reader.prefixed(limit: reader.remaining))) else {
            throw CorruptionError("encoded labels", at: place)
        }
        entry.identity = identity
        entry.window.stream = try reader.number()
        entry.window.rows = UInt32(try reader.count(limit: IntegerColumn.countLimit))
        entry.window.columns = UInt32(try reader.count(limit: RowCoder.columnLimit))
        entry.window.samples = try reader.varint()
        entry.window.minTime = try reader.zigzag()
        entry.window.maxTime = try reader.zigzag()
        entry.window.minSequence = try reader.number()
        entry.window.maxSequence = try reader.number()
        let dataLength = try reader.count(limit: length)
        entry.labels = Array(try reader.prefixed(limit: reader.remaining))
        entry.blocksCount = try reader.count(limit: reader.remaining)
        entry.blocksOffset = reader.offset
        _ = try reader.take(entry.blocksCount)
        let summaries = try reader.count(limit: reader.remaining)
        entry.summaries = reader.offset..<(reader.offset + summaries)
        _ = try reader.take(summaries)
        entry.dataOffset = data
        let window = entry.window
        guard data + dataLength <= length, window.minTime <= window.maxTime,
            window.minSequence <= window.maxSequence,
            window.samples <= UInt64(window.rows) * UInt64(window.columns)
        else {
            throw CorruptionError("a window within the segment", at: place)
        }
        data += dataLength
        return entry
    }
}
