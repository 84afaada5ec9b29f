// SPDX-License-Identifier: Apache-2.0
//
// One series' samples with the windows a range function looks at. Windows are open on the left: a sample exactly
// `length` old is outside.

internal import Samples

/// The windows of all steps.
struct WindowGrid {
    let grid: Grid
    /// Milliseconds from a window's left edge (outside) to its right edge (inside).
    let length: Int64
    let offset: Int64
    /// The time `@` names, for all steps.
    let at: Int64?
    /// Where the source has windows of its own instead of samples; there both edges move back to their ends.
    var coarse: [CoarseStretch] = []
    /// How values at the edges are found; nil: only samples inside count.
    var edges: RangeEdges?
    /// Milliseconds of samples wanted before each window, and after it.
    var reachBack: Int64 = 0
    var reachAhead: Int64 = 0

    init(_ grid: Grid, length: Int64, modifiers: TimeModifiers) {
        self.grid = grid
        self.length = length
        offset = modifiers.offset
        if case .time(let time)? = modifiers.at { at = time } else { at = nil }
    }

    /// The right edge at a step.
    func end(_ step: Int) -> Int64 {
        let end = wantedEnd(step)
        return coarse.isEmpty ? end : coarse.windowEnd(at: end).time
    }

    /// The left edge at a step.
    ///
    /// In a coarse stretch a window is never empty.
    func start(_ step: Int) -> Int64 {
        let wanted = wantedEnd(step)
        let start = wanted.subtractingClamped(length)
        guard !coarse.isEmpty else { return start }
        let end = coarse.windowEnd(at: wanted)
        return min(coarse.windowEnd(at: start).time, end.time.subtractingClamped(end.resolution))
    }

    /// The edges of all windows when they lie on a line and no edge had to be clamped.
    struct Line {
        fileprivate let firstEnd: Int64
        fileprivate let step: Int64
        fileprivate let length: Int64

        // The initialiser's caller has checked that the last end and the first start are representable.
        @inline(__always)
        func end(_ step: Int) -> Int64 { firstEnd &+ Int64(step) &* self.step }

        @inline(__always)
        func start(_ step: Int) -> Int64 { firstEnd &+ Int64(step) &* self.step &- length }
    }

    /// Nil where edges must be looked up one by one.
    var line: Line? {
        guard coarse.isEmpty else { return nil }
        let (first, overflows) = (at ?? grid.start).subtractingReportingOverflow(offset)
        let (last, lastOverflows) = (at ?? grid.end).subtractingReportingOverflow(offset)
        guard !overflows, !lastOverflows, first <= last,
            !first.subtractingReportingOverflow(length).overflow
        else { return nil }
        return Line(firstEnd: first, step: at == nil ? grid.step : 0, length: length)
    }

    private func wantedEnd(_ step: Int) -> Int64 {
        (at ?? grid.time(step)).subtractingClamped(offset)
    }

    /// Where the samples begin when some windows reach into what the source has only coarsely.
    var seam: Int64? {
        guard let last = coarse.last, span.from.milliseconds <= last.through else { return nil }
        return last.through
    }

    /// The span that holds every window, both ends included.
    var span: (from: Timestamp, through: Timestamp) {
        let first = start(0).subtractingClamped(reachBack)
        return (
            Timestamp(milliseconds: first == .max ? first : first + 1),
            Timestamp(milliseconds: end(grid.count - 1).subtractingClamped(-reachAhead))
        )
    }
}

extension [CoarseStretch] {
    /// The last time up to `time` about which the source can tell, and the length of the window that ends there; `time`
    /// itself behind the last stretch.
    fileprivate func windowEnd(at time: Int64) -> (time: Int64, resolution: Int64) {
        guard let index = firstIndex(where: { time <= $0.through }) else { return (time, 0) }
        let resolution = self[index].resolution
        let rest = time % resolution
        let end = time.subtractingClamped(rest < 0 ? rest + resolution : rest)
        // Before the first window of a stretch the last one of the stretch before it counts.
        guard end <= self[index].after, index > 0 else { return (end, resolution) }
        return (self[index - 1].through, self[index - 1].resolution)
    }
}

extension Int64 {
    /// The difference, clamped to what the type can hold.
    func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}

extension SampleWindows {
    /// Windows over what was read of a series, without its stale markers.
    init(_ samples: SeriesSamples, _ windows: WindowGrid) {
        self.init(
            timestamps: samples.numbers.timestamps,
            values: samples.numbers.values,
            windows: windows,
            histogramTimes: samples.histograms.timestamps,
            histograms: samples.histograms.histograms
        )
        guard samples.starts.count > 0 else { return }
        starts = samples.starts(at: timestamps)
        histogramStarts = samples.starts(at: histogramTimes)
    }
}

/// Samples without stale markers, and the windows over them.
struct SampleWindows: ~Copyable {
    let timestamps: [Int64]
    let values: [Double]
    let windows: WindowGrid
    /// For each sample what it stands for, when the source has windows instead of some samples; otherwise empty.
    var summaries: [SampleSummary] = []
    /// Histograms of the series, at other times than its numbers.
    var histogramTimes: [Int64] = []
    var histograms: [NativeHistogram] = []
    /// For each number since when the counter counts, 0 where that is unknown; empty when none is known.
    var starts: [Int64] = []
    /// The same for each histogram.
    var histogramStarts: [Int64] = []

    /// The number of samples that are numbers.
    var count: Int { values.count }

    var isEmpty: Bool { values.isEmpty && histograms.isEmpty }

    /// How many windows a sample is in, on average.
    var overlap: Int64 {
        windows.at != nil || windows.grid.count == 1 ? 1 : windows.length / max(1, windows.grid.step)
    }

    /// Calls `body` with the samples `low..<high` of each window that has any; its result is the step's value.
    @inline(__always)
    borrowing func slide(into column: inout Column, _ body: (_ step: Int, _ low: Int, _ high: Int) -> Double?)
    {
        column.removeHistograms()
        let line = windows.line
        let count = windows.grid.count
        let times = timestamps.span
        // Taken out so that both can be written at once.
        var kept: [Double] = []
        swap(&kept, &column.values)
        defer { swap(&kept, &column.values) }
        var values = kept.mutableSpan
        var presence = column.presence.mutableSpan
        var low = 0
        var high = 0
        var bits: UInt64 = 0
        for step in 0..<count {
            let end = line?.end(step) ?? windows.end(step)
            let start = line?.start(step) ?? windows.start(step)
            while high < times.count, times[high] <= end { high += 1 }
            while low < high, times[low] <= start { low += 1 }
            if low < high, let value = body(step, low, high) {
                values[step] = value
                bits |= 1 << UInt64(step & 63)
            }
            if step & 63 == 63 || step + 1 == count {
                presence[step >> 6] = bits
                bits = 0
            }
        }
    }
}
