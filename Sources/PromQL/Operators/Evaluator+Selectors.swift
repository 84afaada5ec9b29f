// SPDX-License-Identifier: Apache-2.0
//
// Where samples enter: instant selectors, and the windows of range selectors and subqueries. Each series is read from
// the store once per selector, over the whole span the query needs.

internal import Samples

extension Evaluator {
    /// An instant selector: at each step the newest sample not older than the lookback, unless it is a stale marker.
    func stream(_ selector: VectorSelector, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        try streamSelector(selector, grid, body) { value, _ in value }
    }

    /// `timestamp(selector)`: the time of that sample instead of its value.
    func streamTimestamps(_ selector: VectorSelector, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        try streamSelector(selector, grid, body) { _, time in Double(time) / 1000 }
    }

    @inline(__always)
    private func streamSelector(
        _ selector: VectorSelector,
        _ grid: Grid,
        _ body: SeriesBody,
        _ pick: (Double, Int64) -> Double
    ) throws(QueryError) {
        var windows = WindowGrid(grid, length: settings.lookback, modifiers: selector.modifiers)
        guard let found = try select(selector, &windows) else { return }
        var column = Column(count: grid.count)
        let length = windows.length
        try readSeries(found, windows) {
            [windows] (labels, samples: inout SampleColumns) throws(QueryError) in
            column.removeAll()
            var next = 0
            let count = samples.count
            for step in 0..<grid.count {
                let end = windows.end(step)
                while next < count, samples.timestamps[next] <= end { next += 1 }
                guard next > 0 else { continue }
                let time = samples.timestamps[next - 1]
                let value = samples.values[next - 1]
                if time > end.subtractingClamped(length), !value.isStale {
                    column.set(step, pick(value, time))
                }
            }
            if !column.isEmpty { try body(SeriesHeader(labels: labels), &column) }
        }
    }

    /// The series a selector finds over the span of its windows, which learn where the source is coarse; nil when
    /// there is no span.
    private func select(
        _ selector: VectorSelector,
        _ windows: inout WindowGrid
    ) throws(QueryError) -> (any SeriesSelection)? {
        let span = windows.span
        guard span.from <= span.through else { return nil }
        do {
            let found = try settings.source.select(
                selector.matchers,
                from: span.from,
                through: span.through
            )
            windows.coarse = found.coarse
            if found.count > 0 { noteCoarse(windows) }
            return found
        } catch {
            throw QueryError(.execution, "expanding series: \(Self.words(error))")
        }
    }

    /// Tells the reader which part of the answer does not come from samples.
    private func noteCoarse(_ windows: WindowGrid) {
        let span = windows.span
        for stretch in windows.coarse
        where span.from.milliseconds <= stretch.through && span.through.milliseconds > stretch.after {
            let time = CivilTime(milliseconds: stretch.through).rfc3339
            let resolution = PromDuration.format(.milliseconds(stretch.resolution))
            let info =
                "PromQL info: data before \(time) has a resolution of \(resolution) (storage.tiers)"
            if !storeInfos.contains(info) { storeInfos.append(info) }
        }
    }

    /// Reads each series over the span of the windows.
    private func readSeries(
        _ found: any SeriesSelection,
        _ windows: WindowGrid,
        _ body: (Labels, inout SampleColumns) throws(QueryError) -> Void
    ) throws(QueryError) {
        let span = windows.span
        // A selector inside a subquery runs within the body of another; each needs its own buffer.
        var samples = SampleColumns()
        swap(&samples, &scratch)
        defer { swap(&samples, &scratch) }
        for index in 0..<found.count {
            try checkTime()
            samples.removeAll()
            reading { () throws(SourceError) in
                try found.read(index, from: span.from, through: span.through, into: &samples)
            }
            guard samples.count > 0 else { continue }
            let count = samples.count
            try hold(count)
            try body(found.labels(index), &samples)
            release(count)
        }
    }

    /// Runs a read; the rest of the answer stands when a part could not be read, and the reader is told what is missing.
    func reading(_ body: () throws(SourceError) -> Void) {
        do throws(SourceError) {
            try body()
        } catch {
            // A dead disk has a reason for each block of each series.
            guard storeWarnings.count < Self.storeWarningLimit else { return }
            let warning = Self.words(error)
            if !storeWarnings.contains(warning) { storeWarnings.append(warning) }
        }
    }

    /// More than an answer shows.
    private static let storeWarningLimit = 100

    private static func words(_ error: SourceError) -> String {
        switch error {
        case .unreadable(let words): words
        }
    }

    // MARK: - Windows

    /// Hands over the samples of each series of a range expression, with the windows of all steps.
    func streamWindows(
        _ node: Node,
        _ grid: Grid,
        _ body: (SeriesHeader, borrowing SampleWindows) throws(QueryError) -> Void
    ) throws(QueryError) {
        switch node.unwrapped {
        case .matrix(let matrix):
            var windows = WindowGrid(
                grid,
                length: matrix.window.milliseconds,
                modifiers: matrix.selector.modifiers
            )
            guard let found = try select(matrix.selector, &windows) else { return }
            if let last = windows.coarse.last, windows.span.from.milliseconds <= last.through {
                return try readSummaries(found, windows, through: last.through, body)
            }
            try readSeries(found, windows) {
                [windows] (labels, samples: inout SampleColumns) throws(QueryError) in
                samples.removeStaleMarkers()
                try body(
                    SeriesHeader(labels: labels),
                    SampleWindows(timestamps: samples.timestamps, values: samples.values, windows: windows)
                )
            }
        case .subquery(let subquery): try streamSubquery(subquery, grid, body)
        default: throw QueryError(.internal, "not a range vector expression: \(Printer.text(node))")
        }
    }

    private func streamSubquery(
        _ subquery: Subquery,
        _ grid: Grid,
        _ body: (SeriesHeader, borrowing SampleWindows) throws(QueryError) -> Void
    ) throws(QueryError) {
        let windows = WindowGrid(grid, length: subquery.window.milliseconds, modifiers: subquery.modifiers)
        let step = subquery.step.map { max(1, $0.milliseconds) } ?? settings.defaultStep
        // The first multiple of the step inside of the first window.
        let edge = windows.start(0)
        var start = step &* (edge / step)
        if start <= edge { start &+= step }
        let end = windows.end(grid.count - 1)
        guard start <= end else { return }
        // A column takes memory for steps without a value, too.
        guard let inner = Grid(start: start, end: end, step: step), inner.count <= settings.maxSamples else {
            throw Self.tooManySamples
        }
        var timestamps: [Int64] = []
        var values: [Double] = []
        try stream(subquery.expression, inner) { (header, column: inout Column) throws(QueryError) in
            timestamps.removeAll(keepingCapacity: true)
            values.removeAll(keepingCapacity: true)
            column.visit { step, value in
                timestamps.append(inner.time(step))
                values.append(value)
            }
            guard !values.isEmpty else { return }
            try hold(values.count)
            try body(header, SampleWindows(timestamps: timestamps, values: values, windows: windows))
            release(values.count)
        }
    }

    /// A range expression as the answer of an instant query: the samples of its one window.
    func samples(_ node: Node, _ grid: Grid) throws(QueryError) -> [(SeriesHeader, SampleColumns)] {
        var result: [(SeriesHeader, SampleColumns)] = []
        try streamWindows(node, grid) { (header, samples: borrowing SampleWindows) throws(QueryError) in
            guard samples.count > 0 else { return }
            try hold(samples.count)
            var columns = SampleColumns()
            columns.timestamps = samples.timestamps
            columns.values = samples.values
            result.append((header, columns))
        }
        return result
    }
}

extension SampleColumns {
    /// Takes out the samples that only say that the series had ended.
    fileprivate mutating func removeStaleMarkers() {
        guard values.contains(where: \.isStale) else { return }
        var kept = 0
        for index in values.indices where !values[index].isStale {
            values[kept] = values[index]
            timestamps[kept] = timestamps[index]
            kept += 1
        }
        values.removeSubrange(kept...)
        timestamps.removeSubrange(kept...)
    }
}
