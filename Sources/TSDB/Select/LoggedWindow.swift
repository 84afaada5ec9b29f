// SPDX-License-Identifier: Apache-2.0
//
// A window as the outbox reads it: by commit sequence instead of by time, wherever its rows are.

internal import Bytes
internal import Samples

/// A window with rows in some stretch of commit order.
struct LoggedWindow: Sendable {
    enum Place: Sendable {
        case head(HeadWindow)
        case segment(Segment, window: Int)
        /// Some windows of a segment, which are looked up when commit order comes to them.
        case bundle(Segment, bundle: Int)
    }

    let place: Place
    let minSequence: UInt64
    let maxSequence: UInt64
    /// References in column order.
    let references: [SeriesReference]
}

/// The rows of a window at or after a sequence, and how to get at their values.
struct LoadedWindow: Sendable {
    let window: LoggedWindow
    /// Rows in the order of `cells`; some may be before the sequence asked for.
    let times: RowTimes
    /// Rows outside that order.
    let late: [LateRow]
    /// Chunks of a head window that were left out because all their rows are older.
    let skippedChunks: Int
}

extension LoggedWindow {
    init(_ segment: Segment, _ number: Int, _ bundle: SegmentBundle) {
        self.init(
            place: .bundle(segment, bundle: number),
            minSequence: bundle.bounds.minSequence,
            maxSequence: bundle.bounds.maxSequence,
            references: bundle.columns.references
        )
    }

    init(_ window: HeadWindow, _ references: [SeriesReference]) {
        self.init(
            place: .head(window),
            minSequence: window.minSequence,
            maxSequence: window.maxSequence,
            references: references
        )
    }

    /// Whether one of these series has a column.
    func hasAny(of wanted: Set<SeriesReference>) -> Bool { references.contains { wanted.contains($0) } }
}

extension Head {
    /// The windows, and bundles of them, that may have rows within a time, in order of their first row.
    func loggedWindows(in range: TimeRange) -> [LoggedWindow] {
        var result: [LoggedWindow] = []
        for segment in segments where range.overlaps(segment.minTime, segment.maxTime) {
            for (number, bundle) in segment.bundles.enumerated()
            where range.overlaps(bundle.bounds.minTime, bundle.bounds.maxTime) {
                result.append(LoggedWindow(segment, number, bundle))
            }
        }
        for lane in lanes {
            for window in lane.frozen + [lane.window]
            where !window.isEmpty && range.overlaps(window.minTime, window.maxTime) {
                result.append(LoggedWindow(window, window.series.map { handles[$0].reference }))
            }
        }
        return result.sorted { $0.minSequence < $1.minSequence }
    }

    /// The windows, and bundles of them, with rows at or after a sequence, in order of their first such row.
    func loggedWindows(from sequence: UInt64) -> [LoggedWindow] {
        var result: [LoggedWindow] = []
        for segment in segments where segment.maxSequence >= sequence {
            for (number, bundle) in segment.bundles.enumerated()
            where bundle.bounds.maxSequence >= sequence {
                result.append(LoggedWindow(segment, number, bundle))
            }
        }
        for lane in lanes {
            for window in lane.frozen + [lane.window]
            where !window.isEmpty && window.maxSequence >= sequence {
                result.append(LoggedWindow(window, window.series.map { handles[$0].reference }))
            }
        }
        return result.sorted { max($0.minSequence, sequence) < max($1.minSequence, sequence) }
    }

    /// The sequence of the oldest row that can be read; the next one's when there is none.
    var oldestSequence: UInt64 {
        var oldest = nextSequence
        for segment in segments { oldest = min(oldest, segment.minSequence) }
        for lane in lanes {
            for window in lane.frozen { oldest = min(oldest, window.minSequence) }
            if !lane.window.isEmpty { oldest = min(oldest, lane.window.minSequence) }
        }
        return oldest
    }

    /// The end for shippers: rows beyond could be lost in a power cut and their numbers be given out again, or their
    /// times are still provisional.
    var readableEnd: UInt64 {
        let (limit, overflow) = syncedRow.addingReportingOverflow(Store.unsyncedRowLimit)
        let end = overflow ? nextSequence : min(nextSequence, limit)
        return clock.mark == nil ? end : min(end, firstProvisionalRow)
    }

    /// Sequence numbers within the range that no row ever had.
    func gapRows(in range: Range<UInt64>) -> UInt64 {
        gaps.reduce(0) { $0 + UInt64($1.clamped(to: range).count) }
    }
}

/// Windows in order of their first row at or after a sequence, bundles opened on the way.
///
/// Only what commit order comes to is read: behind a cursor may lie the whole ring.
struct LoggedWindows {
    private let sequence: UInt64
    /// Last first.
    private var rest: [LoggedWindow]

    /// Takes windows and bundles in that order.
    init(_ windows: [LoggedWindow], from sequence: UInt64) {
        self.sequence = sequence
        rest = windows.reversed()
    }

    /// The next window; throws away a bundle that cannot be read and goes on with the next call.
    mutating func next(_ reader: SegmentReader) throws(SourceError) -> LoggedWindow? {
        while let window = rest.popLast() {
            guard case .bundle(let segment, let bundle) = window.place else { return window }
            for (number, window) in try reader.windows(segment, bundle: bundle)
            where window.maxSequence >= sequence {
                insert(
                    LoggedWindow(
                        place: .segment(segment, window: number),
                        minSequence: window.minSequence,
                        maxSequence: window.maxSequence,
                        references: Array(segment.bundles[bundle].columns.references[window.series])
                    )
                )
            }
        }
        return nil
    }

    private mutating func insert(_ window: LoggedWindow) {
        let first = max(window.minSequence, sequence)
        var low = 0
        var high = rest.count
        while low < high {
            let middle = (low + high) / 2
            if max(rest[middle].minSequence, sequence) > first { low = middle + 1 } else { high = middle }
        }
        rest.insert(window, at: low)
    }
}

extension LoggedWindow {
    func load(from sequence: UInt64, reader: SegmentReader) throws(SourceError) -> LoadedWindow {
        switch place {
        case .bundle:
            return LoadedWindow(window: self, times: RowTimes(), late: [], skippedChunks: 0)
        case .segment(let segment, let number):
            let times = try reader.times(segment, number)
            return LoadedWindow(window: self, times: times, late: [], skippedChunks: 0)
        case .head(let window):
            do throws(CorruptionError) {
                let skipped = window.chunks.firstIndex { $0.lastSequence >= sequence } ?? window.chunks.count
                return LoadedWindow(
                    window: self,
                    times: try window.regularTimes(skippingChunks: skipped),
                    late: window.late.filter { $0.sequence >= sequence },
                    skippedChunks: skipped
                )
            } catch {
                throw .unreadable("samples in memory: \(error)")
            }
        }
    }
}

extension LoadedWindow {
    /// Every row as (sequence, time, samples).
    func forEachRow(_ body: (_ sequence: UInt64, _ time: Int64, _ samples: Int) -> Void) {
        for row in 0..<times.count {
            body(times.sequences[row], times.timestamps[row], Int(times.counts[row]))
        }
        for row in late { body(row.sequence, row.timestamp, row.columns.count) }
    }

    /// The samples of one column within a stretch of commit order, in time order.
    func samples(
        _ column: Int,
        _ stretch: Range<UInt64>,
        times wanted: ClosedRange<Int64>? = nil,
        cells: inout ColumnCells,
        reader: SegmentReader
    ) throws(SourceError) -> SampleColumns {
        cells.removeAll()
        switch window.place {
        case .bundle: break
        case .segment(let segment, let number):
            try reader.cells(segment, number, column, into: &cells)
        case .head(let window):
            do throws(CorruptionError) {
                try window.regularCells(column, skippingChunks: skippedChunks, into: &cells)
            } catch {
                throw .unreadable("samples in memory: \(error)")
            }
        }
        var result = SampleColumns()
        if cells.values.count == times.count, isWithin(stretch, wanted) {
            // Every row has a value and all are asked for.
            result.timestamps = times.timestamps
            result.values = cells.values
            return result
        }
        var value = 0
        for row in 0..<min(times.count, cells.states.count) {
            let state = cells.states[row]
            guard state != CellState.absent else { continue }
            if stretch.contains(times.sequences[row]), wanted?.contains(times.timestamps[row]) ?? true {
                result.append(
                    times.timestamps[row],
                    state == CellState.stale ? StaleMarker.value : cells.values[value]
                )
            }
            if state == CellState.value { value += 1 }
        }
        for row in late.sorted(by: { $0.timestamp < $1.timestamp })
        where stretch.contains(row.sequence) && wanted?.contains(row.timestamp) ?? true {
            guard let bits = row.bits(of: column) else { continue }
            var one = SampleColumns()
            one.append(row.timestamp, Double(bitPattern: bits))
            result.merge(one)
        }
        return result
    }

    /// Whether all rows are within a stretch of commit order and a time, and none is out of order.
    private func isWithin(_ stretch: Range<UInt64>, _ wanted: ClosedRange<Int64>?) -> Bool {
        guard late.isEmpty, window.minSequence >= stretch.lowerBound,
            window.maxSequence < stretch.upperBound
        else { return false }
        guard let wanted, let first = times.timestamps.first, let last = times.timestamps.last else {
            return true
        }
        return wanted.contains(first) && wanted.contains(last)
    }

    /// Whether some row may lie within a time.
    func overlaps(_ range: TimeRange) -> Bool {
        if let first = times.timestamps.first, let last = times.timestamps.last, range.overlaps(first, last) {
            return true
        }
        return late.contains { range.contains($0.timestamp) }
    }
}
