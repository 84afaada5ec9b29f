// SPDX-License-Identifier: Apache-2.0
//
// The store as an outbox. Commit order is not stored as such: each window has the sequences of its rows, and a
// stretch of commit order is put together from the windows that touch it. Which rows a chunk has depends only on
// rows and their sample counts, never on where they are, so a chunk stays the same through seal and restart.

internal import Logging
public import Samples
internal import Synchronization

extension Store: SampleLog {
    /// The oldest position still readable.
    public var oldest: LogPosition {
        LogPosition(sequence: head.withLock { $0.oldestSequence })
    }

    /// The position the next row will get.
    public var end: LogPosition {
        LogPosition(sequence: head.withLock { $0.nextSequence })
    }

    /// The time of the oldest sample at or after a position, nil when there is none.
    public func timestamp(at position: LogPosition) -> Timestamp? {
        var windows = LoggedWindows(
            head.withLock { $0.loggedWindows(from: position.sequence) },
            from: position.sequence
        )
        var found: (sequence: UInt64, time: Int64)?
        while true {
            let next = readable { () throws(SourceError) in try windows.next(reader) }
            guard let next else { continue }
            guard let window = next else { break }
            let earliest = max(window.minSequence, position.sequence)
            if let found, found.sequence <= earliest { break }
            guard let loaded = try? window.load(from: position.sequence, reader: reader) else { continue }
            loaded.forEachRow { sequence, time, _ in
                guard sequence >= position.sequence, sequence < (found?.sequence ?? .max) else { return }
                found = (sequence, time)
            }
        }
        return found.map { Timestamp(milliseconds: $0.time) }
    }

    /// Reads whole rows from a position on until about `sampleLimit` samples are gathered.
    ///
    /// What cannot be read is left out, logged and counted, and rows left out whole are among `lostRows`: damage
    /// must not hold up everything behind it.
    public func read(from position: LogPosition, sampleLimit: Int) throws(SourceError) -> LogChunk {
        let start = position.sequence
        let (windows, end, labels) = head.withLock { head in
            (head.loggedWindows(from: start), head.readableEnd, head.allLabels)
        }
        guard start < end else {
            // Whoever has read further than there is knows a log that is gone; the rows of this process are new to it.
            let next = start <= self.end.sequence ? start : min(firstRow, self.end.sequence)
            return LogChunk(series: [], next: LogPosition(sequence: next), lostRows: 0)
        }
        var ordered = LoggedWindows(windows, from: start)
        var stretch = Stretch(range: start..<end, sampleLimit: max(1, sampleLimit))
        while true {
            let next = readable { () throws(SourceError) in try ordered.next(reader) }
            guard let next else { continue }
            guard let window = next, stretch.wants(window) else { break }
            let loaded = readable { () throws(SourceError) in try window.load(from: start, reader: reader) }
            if let loaded { stretch.add(loaded) }
        }
        stretch.finish()
        let next = stretch.next ?? end
        let range = start..<next
        let gapRows = head.withLock { $0.gapRows(in: range) }
        let missing = UInt64(range.count) - min(UInt64(range.count), stretch.rows + gapRows)
        return LogChunk(
            series: series(of: stretch.windows, range, labels),
            next: LogPosition(sequence: next),
            lostRows: missing
        )
    }

    private func series(
        of windows: [LoggedWindow],
        _ range: Range<UInt64>,
        _ labels: [Labels]
    ) -> [LogChunk.Series] {
        var byReference: [SeriesReference: SampleColumns] = [:]
        var parts = ShippedParts()
        var cells = ColumnCells()
        for window in windows {
            let loaded = readable { () throws(SourceError) in
                try window.load(from: range.lowerBound, reader: reader)
            }
            guard let loaded else { continue }
            for (column, reference) in loaded.window.references.enumerated() {
                let samples = readable { () throws(SourceError) in
                    try loaded.samples(column, range, cells: &cells, reader: reader)
                }
                if let samples, samples.count > 0 {
                    byReference[reference, default: SampleColumns()].merge(samples)
                }
            }
        }
        var result: [LogChunk.Series] = []
        for (reference, samples) in byReference where Int(reference) < labels.count {
            if parts.take(labels[Int(reference)], samples) { continue }
            result.append(LogChunk.Series(labels: labels[Int(reference)], samples: samples))
        }
        if !parts.isEmpty { result = parts.joined(to: result) { note($0, of: $1) } }
        return result.sorted { $0.labels < $1.labels }
    }
}

extension Store {
    /// The result of a read, or nil and a line in the log.
    private func readable<Result>(_ body: () throws(SourceError) -> Result) -> Result? {
        do throws(SourceError) {
            return try body()
        } catch {
            logger.warning("left out of what is shipped", metadata: ["error": "\(error)"])
            return nil
        }
    }
}

/// The windows of a stretch of commit order, and where it ends.
///
/// Windows are looked at one after the other and let go again: thousands of groups may have rows in one stretch.
private struct Stretch {
    /// Windows with rows in the stretch.
    private(set) var windows: [LoggedWindow] = []
    private let start: UInt64
    private let sampleLimit: Int
    private var touched: [(window: LoggedWindow, first: UInt64)] = []
    /// Rows in the stretch.
    private(set) var rows: UInt64 = 0
    /// The sequence after the last row; nil when there is no row.
    private(set) var next: UInt64?
    /// The first rows found so far.
    private var found: [(sequence: UInt64, samples: Int)] = []
    private var samples = 0
    /// Rows from here on are beyond the limit.
    private var end: UInt64

    /// Windows are added in order of their first row while `wants` says so.
    init(range: Range<UInt64>, sampleLimit: Int) {
        start = range.lowerBound
        end = range.upperBound
        self.sampleLimit = sampleLimit
    }

    /// Whether this window or a later one can have rows within the limit.
    func wants(_ window: LoggedWindow) -> Bool { window.minSequence < end }

    mutating func add(_ loaded: LoadedWindow) {
        var first = UInt64.max
        loaded.forEachRow { sequence, _, count in
            guard sequence >= start, sequence < end else { return }
            found.append((sequence, count))
            samples += count
            first = min(first, sequence)
        }
        if first < end { touched.append((loaded.window, first)) }
        if samples >= 2 * sampleLimit { cut(sampleLimit) }
    }

    /// Settles windows and end.
    mutating func finish() {
        cut(sampleLimit)
        rows = UInt64(found.count)
        next = found.last.map { $0.sequence + 1 }
        let last = next ?? 0
        windows = touched.filter { $0.first < last }.map { $0.window }
        touched = []
    }

    /// Keeps the rows in order up to the one that reaches the limit.
    private mutating func cut(_ sampleLimit: Int) {
        found.sort { $0.sequence < $1.sequence }
        samples = 0
        for (place, row) in found.enumerated() {
            samples += row.samples
            guard samples >= sampleLimit else { continue }
            found.removeLast(found.count - place - 1)
            end = row.sequence + 1
            return
        }
    }
}
