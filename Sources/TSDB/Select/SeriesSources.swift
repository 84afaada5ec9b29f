// SPDX-License-Identifier: Apache-2.0
//
// Where the samples of one series are: copied under the lock, decoded without it. The pieces of one series do not
// overlap except for late rows, so merging is the rare case.

internal import Bytes
internal import Samples

/// One series' pieces.
struct SeriesSources: Sendable {
    /// A series of a bundle of a segment.
    struct Stored: Sendable {
        let segment: Segment
        let bundle: Int
        /// The series' place among the bundle's.
        let place: Int
    }

    var stored: [Stored] = []
    var columns: [HeadColumn] = []

    var isEmpty: Bool { stored.isEmpty && columns.isEmpty }
}

/// Segments a query looked up when it began.
struct KnownSegments: Sendable {
    var segments: [Segment] = []
    /// The ring sequence up to which `segments` is complete.
    var newest: UInt64 = 0
}

extension SeriesSources {
    fileprivate mutating func add(_ segment: Segment, _ reference: SeriesReference, _ range: TimeRange) {
        guard range.overlaps(segment.minTime, segment.maxTime) else { return }
        for (number, bundle) in segment.bundles.enumerated()
        where range.overlaps(bundle.bounds.minTime, bundle.bounds.maxTime) {
            bundle.columns.forEachPlace(of: reference) { place in
                stored.append(Stored(segment: segment, bundle: number, place: place))
            }
        }
    }

    /// Oldest first, so that merging is mostly appending: segments are in commit order, and backfill comes late.
    fileprivate mutating func sortStored() {
        func start(_ stored: Stored) -> Int64 { stored.segment.bundles[stored.bundle].bounds.minTime }
        for place in stored.indices.dropFirst() where start(stored[place]) < start(stored[place - 1]) {
            // Of two with one time the one stored first counts; the order of equal elements must not change.
            let order = stored.indices.sorted { (start(stored[$0]), $0) < (start(stored[$1]), $1) }
            stored = order.map { stored[$0] }
            return
        }
    }
}

extension Head {
    /// The segments a query of the range needs.
    func knownSegments(_ range: TimeRange) -> KnownSegments {
        KnownSegments(
            segments: segments.filter { range.overlaps($0.minTime, $0.maxTime) },
            newest: segments.last?.ringSequence ?? 0
        )
    }

    /// The pieces of a series that may have samples in the range.
    ///
    /// - Parameters:
    ///   - reference: the series.
    ///   - range: the times wanted.
    ///   - known: segments up to `KnownSegments.newest` that overlap the range, so that a query of many
    ///     series looks through the ring once.
    /// - Returns: the pieces, segments before memory.
    func sources(
        of reference: SeriesReference,
        _ range: TimeRange,
        known: KnownSegments = KnownSegments()
    ) -> SeriesSources {
        var sources = SeriesSources()
        for segment in known.segments { sources.add(segment, reference, range) }
        // Newer ones are at the end: windows that were sealed since.
        let first = segments.lastIndex { $0.ringSequence <= known.newest }.map { $0 + 1 } ?? 0
        for segment in segments[first...] { sources.add(segment, reference, range) }
        handles.forEach(reference) { id in
            forEachPlace(of: id, in: range) { sources.columns.append(column($0, range)) }
        }
        sources.sortStored()
        return sources
    }

    /// A series' column in one window in memory.
    private struct Place {
        let lane: Int
        /// The window's place among the frozen ones; nil for the one that grows.
        let frozen: Int?
        let column: Int
    }

    /// Calls `body` with the places of a series in windows in memory that overlap the range.
    ///
    /// A window is large and is not copied for this.
    @inline(__always)
    private func forEachPlace(of id: SeriesID, in range: TimeRange, _ body: (Place) -> Void) {
        let handle = handles[id]
        if handle.column != SeriesHandle.noColumn, isOpen(Int(handle.lane), in: range) {
            body(Place(lane: Int(handle.lane), frozen: nil, column: Int(handle.column)))
        }
        guard handle.otherWindows > 0 else { return }
        for number in groups[Int(handle.group)].lanes {
            let lane = Int(number)
            for place in lanes[lane].frozen.indices {
                guard
                    range.overlaps(lanes[lane].frozen[place].minTime, lanes[lane].frozen[place].maxTime),
                    let column = lanes[lane].frozen[place].series.firstIndex(of: id)
                else { continue }
                body(Place(lane: lane, frozen: place, column: column))
            }
            guard handle.lane != number || handle.column == SeriesHandle.noColumn else { continue }
            if isOpen(lane, in: range), let column = lanes[lane].column(of: id) {
                body(Place(lane: lane, frozen: nil, column: column))
            }
        }
    }

    @inline(__always)
    private func isOpen(_ lane: Int, in range: TimeRange) -> Bool {
        range.overlaps(lanes[lane].window.minTime, lanes[lane].window.maxTime)
    }

    private func column(_ place: Place, _ range: TimeRange) -> HeadColumn {
        if let frozen = place.frozen { return lanes[place.lane].frozen[frozen].column(place.column, range) }
        return lanes[place.lane].window.column(place.column, range)
    }

    /// Whether a series may have samples in memory within the range.
    func hasSamples(_ reference: SeriesReference, in range: TimeRange) -> Bool {
        var found = false
        handles.forEach(reference) { id in
            forEachPlace(of: id, in: range) { _ in found = true }
        }
        return found
    }

    /// The newest sample of a series within a range, when its newest rows alone tell; nil when more must be looked at.
    func newest(of reference: SeriesReference, in range: TimeRange) -> (time: Int64, bits: UInt64)? {
        guard let id = handles.only(reference) else { return nil }
        let handle = handles[id]
        guard handle.column != SeriesHandle.noColumn, lanes[Int(handle.lane)].window.late.isEmpty,
            let found = lanes[Int(handle.lane)].window.tail.newest(
                of: Int(handle.column),
                through: range.through
            )
        else { return nil }
        // No other window has a newer one then.
        return found.time >= range.from && found.time >= handle.newest ? found : nil
    }
}

/// A range of milliseconds, both ends included.
struct TimeRange: Sendable {
    let from: Int64
    let through: Int64

    init(from: Int64, through: Int64) {
        (self.from, self.through) = (from, through)
    }

    init(_ from: Timestamp, _ through: Timestamp) {
        self.from = from.milliseconds
        self.through = through.milliseconds
    }

    @inline(__always)
    func overlaps(_ low: Int64, _ high: Int64) -> Bool { low <= through && high >= from }

    @inline(__always)
    func contains(_ time: Int64) -> Bool { time >= from && time <= through }
}

extension HeadColumn {
    /// Appends the samples within the range, in time order.
    func read(_ range: TimeRange, into out: inout SampleColumns) throws(CorruptionError) {
        var memo = ReadMemo()
        try read(range, using: &memo, into: &out)
    }

    /// The same as part of a read of several series.
    func read(
        _ range: TimeRange,
        using memo: inout ReadMemo,
        into out: inout SampleColumns
    ) throws(CorruptionError) {
        for chunk in chunks where range.overlaps(chunk.firstTime, chunk.lastTime) {
            let times = try memo.timestamps(chunk, of: stream)
            guard times.contains(where: { range.contains($0) }) else { continue }
            memo.workspace.cells.removeAll()
            try chunk.append(
                column,
                base: base,
                using: &memo.workspace.decoder,
                to: &memo.workspace.cells
            )
            memo.workspace.cells.appendSamples(times, range, to: &out)
        }
        for index in tailTimes.indices where range.contains(tailTimes[index]) {
            out.append(tailTimes[index], Double(bitPattern: tailBits[index]))
        }
        guard !late.isEmpty else { return }
        var behind = SampleColumns()
        for entry in late.sorted(by: { $0.time < $1.time }) where range.contains(entry.time) {
            behind.append(entry.time, Double(bitPattern: entry.bits))
        }
        out.merge(behind)
    }
}

extension ColumnCells {
    /// Appends the samples of rows with these timestamps that fall within the range.
    func appendSamples(_ timestamps: [Int64], _ range: TimeRange, to out: inout SampleColumns) {
        if values.count == timestamps.count, states.count == timestamps.count {
            // Every row has a value; the times ascend.
            let low = timestamps.firstPlace { $0 >= range.from }
            let high = timestamps.firstPlace { $0 > range.through }
            guard low < high else { return }
            out.timestamps.append(contentsOf: timestamps[low..<high])
            out.values.append(contentsOf: values[low..<high])
            return
        }
        var value = 0
        for row in 0..<min(timestamps.count, states.count) {
            switch states[row] {
            case CellState.value:
                if range.contains(timestamps[row]) { out.append(timestamps[row], values[value]) }
                value += 1
            case CellState.stale:
                if range.contains(timestamps[row]) { out.append(timestamps[row], StaleMarker.value) }
            default: break
            }
        }
    }
}

extension SampleColumns {
    /// Adds samples in time order wherever they belong; of two with one time the one already here stays.
    ///
    /// O(1) a sample when all are newer, O(n) once otherwise.
    mutating func merge(_ other: SampleColumns) {
        guard let first = other.timestamps.first else { return }
        guard let last = timestamps.last, first <= last else {
            timestamps += other.timestamps
            values += other.values
            return
        }
        var merged = SampleColumns(capacity: count + other.count)
        var left = 0
        var right = 0
        while left < count || right < other.count {
            let takesLeft =
                right >= other.count || (left < count && timestamps[left] <= other.timestamps[right])
            if takesLeft {
                if right < other.count, timestamps[left] == other.timestamps[right] { right += 1 }
                merged.append(timestamps[left], values[left])
                left += 1
            } else {
                merged.append(other.timestamps[right], other.values[right])
                right += 1
            }
        }
        self = merged
    }
}
