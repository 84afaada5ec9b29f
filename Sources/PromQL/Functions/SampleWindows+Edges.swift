// SPDX-License-Identifier: Apache-2.0
//
// `anchored` and `smoothed`: values are wanted at the window's very edges. Anchored takes at the left edge the newest
// sample before it, smoothed draws a line between the samples on both sides of each edge; where an outer sample is
// missing the nearest inner one stands in. Nothing is extrapolated.
//
// A counter that began anew between two samples counts from zero at the first of them.

internal import Samples

/// How values at the edges of a window are found.
enum RangeEdges: String, Sendable {
    case anchored, smoothed

    /// Whether a function is defined for such windows.
    func allows(_ function: Function) -> Bool {
        switch function {
        case .delta, .increase, .rate: true
        case .changes, .resets: self == .anchored
        default: false
        }
    }

    /// What to say when it is not.
    func refusal(_ function: Function) -> QueryError {
        let allowed =
            self == .anchored ? "changes, delta, increase, rate, resets" : "delta, increase, rate"
        return QueryError(
            .execution,
            "\(rawValue) modifier can only be used with: \(allowed) - not with \(function.rawValue)"
        )
    }
}

extension SampleWindows {
    /// Computes a function over windows with values at their edges.
    borrowing func evaluateEdged(_ function: Function, into column: inout Column, _ notes: inout WindowNotes)
    {
        slideReaching(into: &column) { window in
            switch function {
            case .changes, .resets: return anchoredTransitions(in: window, function)
            case .rate, .increase, .delta: break
            default: return nil
            }
            guard window.numbers.isEmpty || window.histograms.isEmpty else {
                notes.insert(.mixedTypes)
                return nil
            }
            let isCounter = function != .delta
            let length = function == .rate ? Double(windows.length) / 1000 : 1
            if window.histograms.isEmpty {
                return edgedChange(of: window, isCounter).map { .number($0 / length) }
            }
            guard let change = edgedHistogramChange(of: window, isCounter, &notes) else { return nil }
            return .histogram(function == .rate ? change.divided(by: length) : change)
        }
    }

    /// As `slideAll`, with the samples around each window that edges need.
    private borrowing func slideReaching(
        into column: inout Column,
        _ body: (SampleWindow) -> SampleValue?
    ) {
        column.removeAll()
        var (low, high, histogramLow, histogramHigh) = (0, 0, 0, 0)
        for step in 0..<windows.grid.count {
            let (start, end) = (windows.start(step), windows.end(step))
            let from = start.subtractingClamped(windows.reachBack)
            let through = end.subtractingClamped(-windows.reachAhead)
            while high < timestamps.count, timestamps[high] <= through { high += 1 }
            while low < high, timestamps[low] <= from { low += 1 }
            while histogramHigh < histogramTimes.count, histogramTimes[histogramHigh] <= through {
                histogramHigh += 1
            }
            while histogramLow < histogramHigh, histogramTimes[histogramLow] <= from { histogramLow += 1 }
            guard low < high || histogramLow < histogramHigh else { continue }
            let window = SampleWindow(
                step: step,
                numbers: low..<high,
                histograms: histogramLow..<histogramHigh,
                start: start,
                end: end
            )
            if let value = body(window) { column.set(step, value) }
        }
    }

    // MARK: - Edges

    /// The samples that a window's edges lie at or between.
    private struct Edges {
        /// The newest sample at or before the left edge, else the first.
        let first: Int
        /// The last sample, or for `smoothed` the first at or behind the right edge.
        let last: Int
        let isLeftBetween: Bool
        let isRightBetween: Bool
    }

    /// Nil when there is nothing behind the left edge, or nothing up to the right one.
    private borrowing func edges(of places: Range<Int>, _ times: [Int64], _ window: SampleWindow) -> Edges? {
        let isSmoothed = windows.edges == .smoothed
        var first = places.lowerBound
        while first + 1 < places.upperBound, times[first + 1] <= window.start { first += 1 }
        var last = places.upperBound - 1
        if isSmoothed {
            last = places.lowerBound
            while last < places.upperBound - 1, times[last] < window.end { last += 1 }
        }
        guard times[last] > window.start, times[first] <= window.end else { return nil }
        return Edges(
            first: first,
            last: last,
            isLeftBetween: isSmoothed && times[first] < window.start,
            isRightBetween: isSmoothed && last > places.lowerBound && times[last] > window.end
        )
    }

    /// The value of the line between two neighbours.
    private borrowing func between(_ left: Int, _ time: Int64, isCounter: Bool) -> Double {
        let to = values[left + 1]
        let from = isCounter && to < values[left] ? 0 : values[left]
        let share = Double(time - timestamps[left]) / Double(timestamps[left + 1] - timestamps[left])
        return from + (to - from) * share
    }

    private borrowing func edgeValues(
        _ edges: Edges,
        _ window: SampleWindow,
        isCounter: Bool
    ) -> (left: Double, right: Double) {
        (
            edges.isLeftBetween
                ? between(edges.first, window.start, isCounter: isCounter) : values[edges.first],
            edges.isRightBetween
                ? between(edges.last - 1, window.end, isCounter: isCounter) : values[edges.last]
        )
    }

    /// The samples strictly between the edges.
    private func inner(_ edges: Edges, _ times: [Int64], _ window: SampleWindow) -> Range<Int> {
        let low = times[edges.first] <= window.start ? edges.first + 1 : edges.first
        let high = times[edges.last] >= window.end ? edges.last : edges.last + 1
        return low..<max(low, high)
    }

    private borrowing func edgedChange(of window: SampleWindow, _ isCounter: Bool) -> Double? {
        guard let edges = edges(of: window.numbers, timestamps, window) else { return nil }
        let (left, right) = edgeValues(edges, window, isCounter: isCounter)
        var change = right - left
        guard isCounter else { return change }
        var previous = left
        for place in inner(edges, timestamps, window) {
            if values[place] < previous { change += previous }
            previous = values[place]
        }
        if right < previous { change += previous }
        return change
    }

    /// A bare range expression: the samples inside and one at each edge.
    borrowing func edged() -> SampleColumns {
        var result = SampleColumns()
        var ignored = Column(count: windows.grid.count)
        slideReaching(into: &ignored) { window in
            guard let edges = edges(of: window.numbers, timestamps, window) else { return nil }
            let (left, right) = edgeValues(edges, window, isCounter: false)
            result.append(window.start, left)
            for place in inner(edges, timestamps, window) { result.append(timestamps[place], values[place]) }
            result.append(window.end, right)
            return nil
        }
        return result
    }

    // MARK: - Histograms

    private borrowing func edgedHistogramChange(
        of window: SampleWindow,
        _ isCounter: Bool,
        _ notes: inout WindowNotes
    ) -> NativeHistogram? {
        guard let edges = edges(of: window.histograms, histogramTimes, window) else { return nil }
        let used = histograms[edges.first...edges.last]
        if used.contains(where: { $0.hasCustomBounds != used[edges.first].hasCustomBounds }) {
            notes.insert(.mixedSchemas)
            return nil
        }
        let isGauge =
            used[edges.first].counterReset == .gauge && used[edges.last].counterReset == .gauge
        if isCounter, used.contains(where: { $0.counterReset == .gauge }) { notes.insert(.notCounter) }
        if !isCounter, !isGauge { notes.insert(.notGauge) }
        do throws(MixedSchemas) {
            let left =
                edges.isLeftBetween
                ? try between(edges.first, window.start, isCounter: isCounter, &notes)
                : histograms[edges.first]
            let right =
                edges.isRightBetween
                ? try between(edges.last - 1, window.end, isCounter: isCounter, &notes)
                : histograms[edges.last]
            var change = HistogramSum(right)
            notes.insert(try change.subtract(left), of: .subtraction)
            if isCounter, edges.first < edges.last {
                for place in edges.first..<edges.last
                where histograms[place + 1].isReset(after: histograms[place]) {
                    // A value drawn across a reset is what was counted since.
                    if place == edges.first, edges.isLeftBetween { continue }
                    let lost = place == edges.first ? left : histograms[place]
                    notes.insert(try change.add(lost), of: .addition)
                }
            }
            return change.value.hinting(.gauge)
        } catch {
            notes.insert(.mixedSchemas)
            return nil
        }
    }

    /// The histogram on the way from one sample to the next.
    private borrowing func between(
        _ left: Int,
        _ time: Int64,
        isCounter: Bool,
        _ notes: inout WindowNotes
    ) throws(MixedSchemas) -> NativeHistogram {
        let (from, to) = (histograms[left], histograms[left + 1])
        let share =
            Double(time - histogramTimes[left]) / Double(histogramTimes[left + 1] - histogramTimes[left])
        guard from.hasCustomBounds == to.hasCustomBounds else { throw MixedSchemas() }
        if isCounter, to.isReset(after: from) { return to.scaled(by: share) }
        var sum = HistogramSum(to)
        notes.insert(try sum.subtract(from), of: .subtraction)
        sum.scale(by: share)
        notes.insert(try sum.add(from), of: .addition)
        return sum.value.hinting(from.counterReset == .gauge ? .gauge : .unknown)
    }

    // MARK: - Transitions

    /// `changes` and `resets` from the newest sample at or before the left edge on, of whichever kind it is.
    private borrowing func anchoredTransitions(
        in window: SampleWindow,
        _ function: Function
    ) -> SampleValue? {
        let lastNumber = window.numbers.last.map { timestamps[$0] } ?? .min
        let lastHistogram = window.histograms.last.map { histogramTimes[$0] } ?? .min
        guard max(lastNumber, lastHistogram) > window.start else { return nil }
        var number = window.numbers.lowerBound
        while number < window.numbers.upperBound, timestamps[number] <= window.start { number += 1 }
        var histogram = window.histograms.lowerBound
        while histogram < window.histograms.upperBound, histogramTimes[histogram] <= window.start {
            histogram += 1
        }
        let numberAnchor = number > window.numbers.lowerBound ? timestamps[number - 1] : .min
        let histogramAnchor = histogram > window.histograms.lowerBound ? histogramTimes[histogram - 1] : .min
        if numberAnchor > histogramAnchor {
            number -= 1
        } else if histogramAnchor > numberAnchor {
            histogram -= 1
        }
        let anchored = SampleWindow(
            step: window.step,
            numbers: number..<window.numbers.upperBound,
            histograms: histogram..<window.histograms.upperBound,
            start: window.start,
            end: window.end
        )
        return .number(Double(transitions(in: anchored, function)))
    }

    // MARK: - Instants

    /// `selector smoothed`: the value on the way between the samples around each step.
    ///
    /// Behind the last sample that stays, before the first there is none.
    borrowing func smooth(into column: inout Column, _ notes: inout WindowNotes) {
        slideReaching(into: &column) { window in
            guard let (isHistogram, places) = window.oneKind(&notes) else { return nil }
            let times = isHistogram ? histogramTimes : timestamps
            let time = window.end
            guard let before = places.last(where: { times[$0] <= time }) else { return nil }
            let isBetween = times[before] < time && before + 1 < places.upperBound
            if !isHistogram {
                return .number(isBetween ? between(before, time, isCounter: false) : values[before])
            }
            guard isBetween else { return .histogram(histograms[before]) }
            do throws(MixedSchemas) {
                let isCounter = histograms[before].counterReset != .gauge
                return .histogram(try between(before, time, isCounter: isCounter, &notes))
            } catch {
                notes.insert(.mixedSchemas)
                return nil
            }
        }
    }
}
