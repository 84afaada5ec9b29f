// SPDX-License-Identifier: Apache-2.0
//
// How spans are made: by commit positions for rows as they were stored, by time for windows.

public import Samples
internal import Synchronization

extension Store {
    /// The position up to which rows may be shipped.
    public var readableEnd: LogPosition {
        LogPosition(sequence: head.withLock { $0.readableEnd })
    }

    /// Whole rows from a position on, as far as the limits and the readable end allow.
    public func span(
        from position: LogPosition,
        _ limits: SpanLimits,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        let start = position.sequence
        let (windows, end, labels) = head.withLock { head in
            (head.loggedWindows(from: start), head.readableEnd, head.allLabels)
        }
        guard start < end else { return emptySpan(start..<start) }
        var rows = SpanRows(range: start..<end, limits: limits, rowLimit: SpanRows.rowLimit)
        gather(windows, from: start, into: &rows)
        return span(rows, start..<rows.next, nil, labels, where: wanted)
    }

    /// The rows of some positions, within a time when one is given.
    public func span(
        _ positions: Range<UInt64>,
        times: ClosedRange<Int64>?,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        let start = positions.lowerBound
        let (windows, labels) = head.withLock { ($0.loggedWindows(from: start), $0.allLabels) }
        // What a recipe names was within the limits when it was made.
        var rows = SpanRows(range: positions, limits: SpanLimits(rows: .max, samples: .max), rowLimit: .max)
        gather(windows, from: start, into: &rows)
        return span(rows, positions, times, labels, where: wanted)
    }

    /// The samples of a time in rows before a position, of series that satisfy all matchers.
    public func span(
        times: ClosedRange<Int64>,
        before position: LogPosition,
        _ matchers: [LabelMatcher],
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        let range = TimeRange(from: times.lowerBound, through: times.upperBound)
        let (references, windows, labels) = index.withLock { index in
            var references: Set<SeriesReference> = []
            for reference in index.select(matchers) where wanted(index.labels[Int(reference)]) {
                references.insert(reference)
                references.formUnion(index.links.parts(of: reference))
            }
            return head.withLock { (references, $0.loggedWindows(in: range), $0.allLabels) }
        }
        let positions = 0..<position.sequence
        var rows = SpanRows(range: positions, limits: SpanLimits(rows: .max, samples: .max), rowLimit: .max)
        gather(windows.filter { $0.hasAny(of: references) }, from: 0, within: range, into: &rows) {
            $0.hasAny(of: references)
        }
        return span(rows, positions, times, labels, only: references) { _ in true }
    }

    private func gather(
        _ windows: [LoggedWindow],
        from start: UInt64,
        within times: TimeRange? = nil,
        into rows: inout SpanRows,
        where wanted: (LoggedWindow) -> Bool = { _ in true }
    ) {
        var ordered = LoggedWindows(windows, from: start)
        while true {
            let next: LoggedWindow?
            do throws(SourceError) {
                next = try ordered.next(reader)
            } catch {
                noteLeftOut(error)
                continue
            }
            guard let window = next, rows.wants(window) else { break }
            guard wanted(window) else { continue }
            do throws(SourceError) {
                let loaded = try window.load(from: start, reader: reader)
                if times.map({ loaded.overlaps($0) }) ?? true { rows.add(loaded) }
            } catch {
                noteLeftOut(error)
            }
        }
        rows.finish()
    }

    private func span(
        _ rows: SpanRows,
        _ positions: Range<UInt64>,
        _ times: ClosedRange<Int64>?,
        _ labels: [Labels],
        only references: Set<SeriesReference>? = nil,
        where wanted: (Labels) -> Bool
    ) -> StoreSpan {
        var members = SpanMembers(labels: labels)
        var counts: [Int] = []
        var (low, high, inside) = (Int64.max, Int64.min, UInt64(0))
        for (number, (loaded, _)) in rows.windows.enumerated() {
            var count = 0
            loaded.forEachRow { sequence, time, _ in
                guard positions.contains(sequence), times?.contains(time) ?? true else { return }
                (low, high, count) = (min(low, time), max(high, time), count + 1)
            }
            counts.append(count)
            inside += UInt64(count)
            guard count > 0 else { continue }
            for (column, reference) in loaded.window.references.enumerated()
            where references?.contains(reference) ?? true {
                members.add(reference, window: number, column: column, where: wanted)
            }
        }
        // By time a span has no positions of its own, and nothing can be missing from them.
        let gaps = times == nil ? head.withLock { $0.gapRows(in: positions) } : 0
        let known = UInt64(rows.found.count) + gaps
        return StoreSpan(
            store: self,
            positions: positions,
            rows: inside,
            lostRows: times == nil ? UInt64(positions.count) - min(UInt64(positions.count), known) : 0,
            times: low <= high ? low...high : nil,
            wantedTimes: times,
            windows: rows.windows.map { $0.window },
            rowCounts: counts,
            members: members.sorted()
        )
    }

    private func emptySpan(_ positions: Range<UInt64>) -> StoreSpan {
        StoreSpan(
            store: self,
            positions: positions,
            rows: 0,
            lostRows: 0,
            times: nil,
            wantedTimes: nil,
            windows: [],
            rowCounts: [],
            members: []
        )
    }
}
