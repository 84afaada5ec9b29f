// SPDX-License-Identifier: Apache-2.0
//
// A segment's directory as a start reads it: identity, bounds and series of each window.

internal import Bytes
internal import Samples

/// The decoded directory.
struct SegmentDirectory: Sendable {
    struct Window: Sendable {
        var identity: Labels
        var stream: UInt64
        var rows: Int
        var samples: UInt64
        var minTime: Int64
        var maxTime: Int64
        var minSequence: UInt64
        var maxSequence: UInt64
        var columns: Int
        /// The section of labels, from its checksum on; the same series mostly give the same bytes.
        var labels: [UInt8]
        var blocksOffset: UInt32
        var blocksCount: UInt32
        var dataOffset: UInt32
    }

    var gaps: [Range<UInt64>] = []
    var windows: [Window] = []

    private static let gapLimit = 1024

    /// Reads header and directory, whose checksum the caller verified.
    init(_ header: SegmentHeader, _ bytes: [UInt8]) throws(CorruptionError) {
        var reader = ByteReader(bytes, in: SegmentHeader.size..<bytes.count)
        for _ in 0..<(try reader.count(limit: SegmentDirectory.gapLimit)) {
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
            windows.append(try SegmentDirectory.window(&reader, data: &data, length: header.length))
        }
    }

    private static func window(
        _ reader: inout ByteReader,
        data: inout Int,
        length: Int
    ) throws(CorruptionError) -> Window {
        let place = reader.offset
        guard let identity = Labels(encoded: Array(try reader.prefixed(limit: reader.remaining))) else {
            throw CorruptionError("encoded labels", at: place)
        }
        let stream = try reader.number()
        let rows = try reader.count(limit: IntegerColumn.countLimit)
        let columns = try reader.count(limit: RowCoder.columnLimit)
        let samples = try reader.varint()
        let minTime = try reader.zigzag()
        let maxTime = try reader.zigzag()
        let minSequence = try reader.number()
        let maxSequence = try reader.number()
        let dataLength = try reader.count(limit: length)
        let labels = Array(try reader.prefixed(limit: reader.remaining))
        let blocksCount = try reader.count(limit: reader.remaining)
        let blocksOffset = reader.offset
        _ = try reader.take(blocksCount)
        _ = try reader.prefixed(limit: reader.remaining)
        defer { data += dataLength }
        guard data + dataLength <= length, minTime <= maxTime, minSequence <= maxSequence,
            samples <= UInt64(rows) * UInt64(columns)
        else {
            throw CorruptionError("a window within the segment", at: place)
        }
        return Window(
            identity: identity,
            stream: stream,
            rows: rows,
            samples: samples,
            minTime: minTime,
            maxTime: maxTime,
            minSequence: minSequence,
            maxSequence: maxSequence,
            columns: columns,
            labels: labels,
            blocksOffset: UInt32(blocksOffset),
            blocksCount: UInt32(blocksCount),
            dataOffset: UInt32(data)
        )
    }
}
