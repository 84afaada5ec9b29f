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
        let windows = head.withLock { $0.loggedWindows(from: position.sequence) }
        var found: (sequence: UInt64, time: Int64)?
        for window in windows {
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
            let next = min(start, self.end.sequence)
            return LogChunk(series: [], next: LogPosition(sequence: next), lostRows: 0)
        }
        let stretch = Stretch(windows, range: start..<end, sampleLimit: max(1, sampleLimit)) { window in
            readable { () throws(SourceError) in try window.load(from: start, reader: reader) }
        }
        let next = stretch.next ?? end
        let range = start..<next
        let gapRows = head.withLock { $0.gapRows(in: range) }
        let missing = UInt64(range.count) - min(UInt64(range.count), stretch.rows + gapRows)
        return LogChunk(
            series: series(of: stretch.loaded, range, labels),
            next: LogPosition(sequence: next),
            lostRows: missing
        )
    }

    private func series(
        of windows: [LoadedWindow],
        _ range: Range<UInt64>,
        _ labels: [Labels]
    ) -> [LogChunk.Series] {
        var byReference: [SeriesReference: SampleColumns] = [:]
        var cells = ColumnCells()
        for loaded in windows {
            var touches = false
            loaded.forEachRow { sequence, _, _ in touches = touches || range.contains(sequence) }
            guard touches else { continue }
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
            result.append(LogChunk.Series(labels: labels[Int(reference)], samples: samples))
        }
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
private struct Stretch {
    private(set) var loaded: [LoadedWindow] = []
    /// Rows in the stretch.
    private(set) var rows: UInt64 = 0
    /// The sequence after the last row; nil when there is no row.
    private(set) var next: UInt64?

    /// Loads windows in order of their first row until the rows before the next window's suffice.
    init(
        _ windows: [LoggedWindow],
        range: Range<UInt64>,
        sampleLimit: Int,
        load: (LoggedWindow) -> LoadedWindow?
    ) {
        var waiting: [(sequence: UInt64, samples: Int)] = []
        var samples = 0
        for (place, window) in windows.enumerated() {
            guard window.minSequence < range.upperBound else { break }
            if let current = load(window) {
                loaded.append(current)
                current.forEachRow { sequence, _, count in
                    if range.contains(sequence) { waiting.append((sequence, count)) }
                }
            }
            let safe = place + 1 < windows.count ? windows[place + 1].minSequence : range.upperBound
            guard safe > range.lowerBound else { continue }
            for row in waiting.filter({ $0.sequence < safe }).sorted(by: { $0.sequence < $1.sequence }) {
                rows += 1
                samples += row.samples
                next = row.sequence + 1
                if samples >= sampleLimit { return }
            }
            waiting.removeAll { $0.sequence < safe }
        }
    }
}
