// SPDX-License-Identifier: Apache-2.0
//
// The windows of a bundle, a column per property, so that thousands of like windows compress to a few bytes each.

internal import Bytes

/// A window of one group in a segment.
struct SegmentWindow: Sendable, Equatable {
    /// The window's number in the log.
    var stream: UInt64 = 0
    /// The group's labels, as a row of the segment's label table behind its series.
    var identity: UInt32 = 0
    /// The first of its series in the bundle's.
    var firstSeries: UInt32 = 0
    var columns: UInt32 = 0
    /// Its first column among all columns of the bundle.
    var firstColumn: UInt32 = 0
    var rows: UInt32 = 0
    /// Bytes of the block of row times.
    var timesLength: UInt32 = 0
    /// Samples in all rows.
    var samples: UInt64 = 0
    var minTime: Int64 = 0
    var maxTime: Int64 = 0
    var minSequence: UInt64 = 0
    var maxSequence: UInt64 = 0

    /// Its series among the bundle's.
    var series: Range<Int> { Int(firstSeries)..<(Int(firstSeries) + Int(columns)) }
}

/// The coding of a bundle's windows.
enum WindowTable {
    /// The most windows in a bundle.
    static let countLimit = 1 << 16

    static func bytes(_ windows: [SegmentWindow], _ bounds: SegmentBundle.Bounds) -> [UInt8] {
        var out: [UInt8] = []
        var stream: UInt64 = 0
        for window in windows {
            out.append(zigzag: Int64(bitPattern: window.stream &- stream))
            stream = window.stream
        }
        for window in windows { out.append(varint: UInt64(window.identity)) }
        for window in windows { out.append(varint: UInt64(window.firstSeries)) }
        for window in windows { out.append(varint: UInt64(window.columns)) }
        for window in windows { out.append(varint: UInt64(window.rows)) }
        for window in windows { out.append(varint: UInt64(window.timesLength)) }
        for window in windows {
            out.append(varint: UInt64(window.rows) * UInt64(window.columns) &- window.samples)
        }
        for window in windows {
            out.append(varint: UInt64(bitPattern: window.minTime &- bounds.minTime))
            out.append(varint: UInt64(bitPattern: window.maxTime &- window.minTime))
        }
        for window in windows {
            out.append(varint: window.minSequence - bounds.minSequence)
            out.append(varint: window.maxSequence - window.minSequence)
        }
        return out
    }

    static func read(
        _ bytes: [UInt8],
        count: Int,
        series: Int,
        _ bounds: SegmentBundle.Bounds
    ) throws(CorruptionError) -> [SegmentWindow] {
        var reader = ByteReader(bytes)
        guard count <= reader.remaining else {
            throw CorruptionError("\(count) windows", at: reader.offset)
        }
        var windows = [SegmentWindow](repeating: SegmentWindow(), count: count)
        var stream: UInt64 = 0
        for index in windows.indices {
            let place = reader.offset
            stream = stream &+ UInt64(bitPattern: try reader.zigzag())
            guard stream <= Numbering.limit else {
                throw CorruptionError("a number of at most 2^62", at: place)
            }
            windows[index].stream = stream
        }
        for index in windows.indices {
            windows[index].identity = UInt32(try reader.count(limit: LabelTable.countLimit))
        }
        for index in windows.indices { windows[index].firstSeries = UInt32(try reader.count(limit: series)) }
        var column = 0
        for index in windows.indices {
            let left = series - Int(windows[index].firstSeries)
            windows[index].columns = UInt32(try reader.count(limit: left))
            windows[index].firstColumn = UInt32(column)
            column += Int(windows[index].columns)
            guard column <= LabelTable.countLimit else {
                throw CorruptionError("at most \(LabelTable.countLimit) columns", at: reader.offset)
            }
        }
        for index in windows.indices {
            windows[index].rows = UInt32(try reader.count(limit: IntegerColumn.countLimit))
        }
        for index in windows.indices {
            windows[index].timesLength = UInt32(try reader.count(limit: Int(Int32.max)))
        }
        try readBounds(&reader, into: &windows, bounds)
        return windows
    }

    private static func readBounds(
        _ reader: inout ByteReader,
        into windows: inout [SegmentWindow],
        _ bounds: SegmentBundle.Bounds
    ) throws(CorruptionError) {
        for index in windows.indices {
            let place = reader.offset
            let cells = UInt64(windows[index].rows) * UInt64(windows[index].columns)
            let absent = try reader.varint()
            guard absent <= cells else { throw CorruptionError("at most \(cells) samples", at: place) }
            windows[index].samples = cells - absent
        }
        for index in windows.indices {
            let place = reader.offset
            windows[index].minTime = bounds.minTime &+ Int64(bitPattern: try reader.varint())
            windows[index].maxTime = windows[index].minTime &+ Int64(bitPattern: try reader.varint())
            guard bounds.minTime <= windows[index].minTime, windows[index].minTime <= windows[index].maxTime,
                windows[index].maxTime <= bounds.maxTime
            else { throw CorruptionError("times within the bundle", at: place) }
        }
        for index in windows.indices {
            let place = reader.offset
            windows[index].minSequence = bounds.minSequence &+ (try reader.number())
            windows[index].maxSequence = windows[index].minSequence &+ (try reader.number())
            guard windows[index].minSequence <= windows[index].maxSequence,
                windows[index].maxSequence <= bounds.maxSequence
            else { throw CorruptionError("sequences within the bundle", at: place) }
        }
    }
}
