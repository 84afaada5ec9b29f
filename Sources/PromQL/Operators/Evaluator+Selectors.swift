// SPDX-License-Identifier: Apache-2.0
//
// Where samples enter: instant selectors, and the windows of range selectors and subqueries. Each series is read from
// the store once per selector, over the whole span the query needs.

internal import Samples

/// What a series has over a span, and since when its counter counts.
struct SeriesSamples {
    var numbers = SampleColumns()
    var histograms = HistogramColumns()
    var starts = StartColumns()

    mutating func removeAll() {
        numbers.removeAll()
        histograms.removeAll()
        starts.removeAll()
    }

    var isEmpty: Bool { numbers.count == 0 && histograms.count == 0 }

    /// What the samples count as against the sample limit.
    var weight: Int { histograms.histograms.reduce(numbers.count) { $0 + $1.weight } }

    /// Takes out the samples that only say that the series had ended.
    mutating func removeStaleMarkers() {
        numbers.removeStaleMarkers()
        guard histograms.histograms.contains(where: \.isStale) else { return }
        let kept = histograms.histograms.indices.filter { !histograms.histograms[$0].isStale }
        histograms.timestamps = kept.map { histograms.timestamps[$0] }
        histograms.histograms = kept.map { histograms.histograms[$0] }
    }

    /// Reads what a series has beside numbers, and says what could not be read.
    mutating func readParts(
        _ found: any SeriesSelection,
        _ index: Int,
        _ span: (from: Timestamp, through: Timestamp),
        needsStarts: Bool,
        _ failed: (SourceError) -> Void
    ) {
        do throws(SourceError) {
            try found.readHistograms(index, from: span.from, through: span.through, into: &histograms)
        } catch {
            failed(error)
        }
        for place in histograms.histograms.indices where !histograms.histograms[place].isFloat {
            histograms.histograms[place] = histograms.histograms[place].floating()
        }
        guard needsStarts else { return }
        do throws(SourceError) {
            try found.readStartTimestamps(index, from: span.from, through: span.through, into: &starts)
        } catch {
            failed(error)
        }
    }

    /// Finds out whether the counter began anew where that is not known.
    mutating func detectResets() {
        for place in histograms.histograms.indices.dropFirst() {
            let (histogram, previous) = (histograms.histograms[place], histograms.histograms[place - 1])
            guard histogram.counterReset == .unknown, !histogram.isStale, !previous.isStale else { continue }
            histograms.histograms[place].counterReset =
                histogram.isReset(after: previous) ? .reset : .notReset
        }
    }

    /// The start of each of the samples at `times`, 0 where none is known.
    func starts(at times: [Int64]) -> [Int64] {
        var result = [Int64](repeating: 0, count: times.count)
        var index = 0
        for (place, time) in times.enumerated() {
            while index < starts.count, starts.timestamps[index] < time { index += 1 }
            if index < starts.count, starts.timestamps[index] == time { result[place] = starts.starts[index] }
        }
        return result
    }
}

/// What of a selected sample is the result.
enum SelectedPart {
    case value, timestamp, startTimestamp
}

extension Evaluator {
    /// An instant selector: at each step the newest sample not older than the lookback, unless it is a stale marker.
    func stream(_ selector: VectorSelector, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        if selector.edges == .smoothed { return try streamSmoothed(selector, grid, body) }
        try stream(selector, .value, grid, body)
    }

    /// Each step's selected sample, its time, or since when its counter counts.
    func stream(
        _ selector: VectorSelector,
        _ part: SelectedPart,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        var windows = WindowGrid(grid, length: settings.lookback, modifiers: selector.modifiers)
        guard let found = try select(selector, &windows) else { return }
        var column = Column(count: grid.count)
        let needsStarts = part == .startTimestamp
        try readSeries(found, windows, newestOnly: grid.count == 1 && tally == nil, needsStarts: needsStarts)
        {
            [windows] (labels, samples: inout SeriesSamples) throws(QueryError) in
            if selector.detectsResets { samples.detectResets() }
            column.removeAll()
            if samples.histograms.count > 0 || needsStarts {
                Self.pickAny(samples, part, windows, &column)
            } else if part == .value {
                Self.pick(samples.numbers, windows, &column) { value, _ in value }
            } else {
                Self.pick(samples.numbers, windows, &column) { _, time in Double(time) / 1000 }
            }
            tally?.count(column)
            if !column.isEmpty { try body(SeriesHeader(labels: labels), &column) }
        }
    }

    @inline(__always)
    private static func pick(
        _ samples: SampleColumns,
        _ windows: WindowGrid,
        _ column: inout Column,
        _ part: (Double, Int64) -> Double
    ) {
        let length = windows.length
        var next = 0
        let count = samples.count
        for step in 0..<windows.grid.count {
            let end = windows.end(step)
            while next < count, samples.timestamps[next] <= end { next += 1 }
            guard next > 0 else { continue }
            let time = samples.timestamps[next - 1]
            let value = samples.values[next - 1]
            if time > end.subtractingClamped(length), !value.isStale {
                column.set(step, part(value, time))
            }
        }
    }

    /// As `pick`, where the series has histograms or starts too.
    private static func pickAny(
        _ samples: SeriesSamples,
        _ part: SelectedPart,
        _ windows: WindowGrid,
        _ column: inout Column
    ) {
        let (numbers, histograms) = (samples.numbers, samples.histograms)
        let numberStarts = samples.starts(at: numbers.timestamps)
        let histogramStarts = samples.starts(at: histograms.timestamps)
        var (nextNumber, nextHistogram) = (0, 0)
        for step in 0..<windows.grid.count {
            let end = windows.end(step)
            while nextNumber < numbers.count, numbers.timestamps[nextNumber] <= end { nextNumber += 1 }
            while nextHistogram < histograms.count, histograms.timestamps[nextHistogram] <= end {
                nextHistogram += 1
            }
            let numberTime = nextNumber > 0 ? numbers.timestamps[nextNumber - 1] : .min
            let histogramTime = nextHistogram > 0 ? histograms.timestamps[nextHistogram - 1] : .min
            let time = max(numberTime, histogramTime)
            guard time > end.subtractingClamped(windows.length), time != .min else { continue }
            let isHistogram = histogramTime > numberTime
            let isStale =
                isHistogram
                ? histograms.histograms[nextHistogram - 1].isStale : numbers.values[nextNumber - 1].isStale
            if isStale { continue }
            switch part {
            case .timestamp: column.set(step, Double(time) / 1000)
            case .startTimestamp:
                let start = isHistogram ? histogramStarts[nextHistogram - 1] : numberStarts[nextNumber - 1]
                column.set(step, Double(start) / 1000)
            case .value where isHistogram: column.set(step, histograms.histograms[nextHistogram - 1])
            case .value: column.set(step, numbers.values[nextNumber - 1])
            }
        }
    }

    /// `selector smoothed`: between the neighbours of each step.
    private func streamSmoothed(
        _ selector: VectorSelector,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        var windows = WindowGrid(grid, length: settings.lookback, modifiers: selector.modifiers)
        windows.reachAhead = settings.lookback
        guard let found = try select(selector, &windows) else { return }
        var column = Column(count: grid.count)
        try readSeries(found, windows) {
            [windows] (labels, samples: inout SeriesSamples) throws(QueryError) in
            samples.removeStaleMarkers()
            var notes = WindowNotes()
            SampleWindows(samples, windows).smooth(into: &column, &notes)
            report(notes, of: labels, at: selector.range)
            tally?.count(column)
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
            let found = try find(selector.matchers, span)
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

    /// Reads each series over the span of the windows, or only what the newest sample of the span tells.
    func readSeries(
        _ found: any SeriesSelection,
        _ windows: WindowGrid,
        from first: Int = 0,
        through last: Int = .max,
        newestOnly: Bool = false,
        needsStarts: Bool = false,
        _ body: (Labels, inout SeriesSamples) throws(QueryError) -> Void
    ) throws(QueryError) {
        let span = windows.span
        // A selector inside a subquery runs within the body of another; each needs its own buffer.
        var batch = SeriesBatch()
        swap(&batch, &scratch)
        defer { swap(&batch, &scratch) }
        var next = first
        let end = last < found.count ? last + 1 : found.count
        batch.begin(longest: first == 0 ? 0 : batch.longest)
        while next < end {
            let indices = next..<(next + batch.wanted(of: end - next))
            next = indices.upperBound
            try checkTime()
            reading { () throws(SourceError) in
                if newestOnly {
                    try found.readNewest(
                        indices,
                        from: span.from,
                        through: span.through,
                        into: &batch.numbers
                    )
                } else {
                    try found.read(indices, from: span.from, through: span.through, into: &batch.numbers)
                }
            }
            for (place, index) in indices.enumerated() {
                if !newestOnly { try checkTime() }
                var samples = batch.take(place)
                defer { batch.giveBack(samples, place) }
                if found.hasParts(index) {
                    samples.readParts(found, index, span, needsStarts: needsStarts) { error in
                        reading { () throws(SourceError) in throw error }
                    }
                }
                guard !samples.isEmpty else { continue }
                let count = samples.weight
                tally?.read += count
                try hold(count)
                try body(found.labels(index), &samples)
                release(count)
            }
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
    ///
    /// With `needsStarts` it is also looked up since when counters count.
    func streamWindows(
        _ node: Node,
        _ grid: Grid,
        needsStarts: Bool = false,
        _ body: (SeriesHeader, borrowing SampleWindows) throws(QueryError) -> Void
    ) throws(QueryError) {
        switch node.unwrapped {
        case .matrix(let matrix):
            guard let (found, windows) = try open(matrix, grid) else { return }
            try streamWindows(matrix, found, windows, needsStarts: needsStarts, body)
        case .subquery(let subquery): try streamSubquery(subquery, grid, body)
        default: throw QueryError(.internal, "not a range vector expression: \(Printer.text(node))")
        }
    }

    /// The series of a range selector, and the windows over them; nil when there can be none.
    func open(
        _ matrix: MatrixSelector,
        _ grid: Grid
    ) throws(QueryError) -> (found: any SeriesSelection, windows: WindowGrid)? {
        var windows = WindowGrid(
            grid,
            length: matrix.window.milliseconds,
            modifiers: matrix.selector.modifiers
        )
        if let edges = matrix.selector.edges {
            windows.edges = edges
            windows.reachBack = settings.lookback
            if edges == .smoothed { windows.reachAhead = settings.lookback }
        }
        guard let found = try select(matrix.selector, &windows) else { return nil }
        return (found, windows)
    }

    /// Hands over the samples of some of the series of a range selector, with the windows of all steps.
    func streamWindows(
        _ matrix: MatrixSelector,
        _ found: any SeriesSelection,
        _ windows: WindowGrid,
        from first: Int = 0,
        through last: Int = .max,
        needsStarts: Bool,
        _ body: (SeriesHeader, borrowing SampleWindows) throws(QueryError) -> Void
    ) throws(QueryError) {
        if let seam = windows.seam { return try readSummaries(found, windows, through: seam, body) }
        let needsStarts = needsStarts && settings.features.startTimestamps
        try readSeries(found, windows, from: first, through: last, needsStarts: needsStarts) {
            [windows] (labels, samples: inout SeriesSamples) throws(QueryError) in
            if matrix.selector.detectsResets { samples.detectResets() }
            samples.removeStaleMarkers()
            let series = SampleWindows(samples, windows)
            tally?.count(series)
            try body(SeriesHeader(labels: labels), series)
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
        var samples = SeriesSamples()
        tally?.enterSubquery()
        defer { tally?.enterSubquery(-1) }
        try stream(subquery.expression, inner) { (header, column: inout Column) throws(QueryError) in
            tally?.enterSubquery(-1)
            defer { tally?.enterSubquery() }
            samples.removeAll()
            column.visit { step, value in samples.numbers.append(inner.time(step), value) }
            column.visitHistograms { step, histogram in
                // What came before a sample of the series is not what comes before it here.
                let isGauge = histogram.counterReset == .gauge
                samples.histograms.append(inner.time(step), isGauge ? histogram : histogram.hinting(.unknown))
            }
            guard !samples.isEmpty else { return }
            let weight = samples.weight
            try hold(weight)
            let series = SampleWindows(samples, windows)
            tally?.count(series)
            try body(header, series)
            release(weight)
        }
    }

    /// A range expression as the answer of an instant query: the samples of its one window.
    func samples(_ node: Node, _ grid: Grid) throws(QueryError) -> [(SeriesHeader, SeriesSamples)] {
        var result: [(SeriesHeader, SeriesSamples)] = []
        if case .subquery = node.unwrapped { tally?.countAnswer() }
        try streamWindows(node, grid) { (header, samples: borrowing SampleWindows) throws(QueryError) in
            guard !samples.isEmpty else { return }
            var found = SeriesSamples()
            if let edges = samples.windows.edges {
                guard samples.histograms.isEmpty else {
                    let words = "\(edges.rawValue) modifier is not supported with histograms"
                    throw QueryError(.execution, words)
                }
                found.numbers = samples.edged()
            } else {
                found.numbers.timestamps = samples.timestamps
                found.numbers.values = samples.values
                found.histograms.timestamps = samples.histogramTimes
                found.histograms.histograms = samples.histograms
            }
            guard !found.isEmpty else { return }
            try hold(found.weight)
            result.append((header, found))
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
