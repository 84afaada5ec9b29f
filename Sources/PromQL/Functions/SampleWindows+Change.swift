// SPDX-License-Identifier: Apache-2.0
//
// `rate`, `increase`, `delta`, `irate` and `idelta` where there are histograms, or where it is known since when the
// counter counts. The extrapolation to the window's edges is that of plain numbers (`RangeFunctions`).

internal import Samples

extension SampleWindows {
    /// `rate`, `increase` and `delta`.
    borrowing func changes(
        _ column: inout Column,
        _ notes: inout WindowNotes,
        isCounter: Bool,
        perSecond: Bool
    ) {
        slideAll(into: &column) { window in
            guard let (isHistogram, places) = window.oneKind(&notes) else { return nil }
            let times = isHistogram ? histogramTimes : timestamps
            let known = isHistogram ? histogramStarts : starts
            if isCounter, overlaps(places, times, known) { notes.overlaps += 1 }
            // A counter known to have begun inside the window was zero then.
            var origin: Int64?
            if isCounter, !known.isEmpty {
                let start = known[places.lowerBound]
                if start > window.start, start < times[places.lowerBound], start != 0 { origin = start }
            }
            guard places.count >= 2 || origin != nil else { return nil }
            let span = Span(
                first: times[places.lowerBound],
                last: times[places.upperBound - 1],
                intervals: places.count - 1,
                origin: origin
            )
            let length = perSecond ? Double(windows.length) / 1000 : 1
            if isHistogram {
                guard let change = histogramChange(places, origin != nil, isCounter, &notes) else {
                    return nil
                }
                let first = histograms[places.lowerBound].count
                let factor = span.factor(window, isCounter, change: change.count, first: first) / length
                return .histogram(change.scaled(by: factor))
            }
            let change = numberChange(places, origin != nil, isCounter)
            let first = values[places.lowerBound]
            return .number(change * (span.factor(window, isCounter, change: change, first: first) / length))
        }
    }

    /// The times of a window's samples, and how far they reach toward its edges.
    private struct Span {
        let first: Int64
        let last: Int64
        let intervals: Int
        /// When the counter began, inside the window.
        let origin: Int64?

        /// What the change over the samples is to be multiplied by to be the change over the window.
        func factor(_ window: SampleWindow, _ isCounter: Bool, change: Double, first value: Double) -> Double
        {
            let sampled = Double(last - (origin ?? first)) / 1000
            let gap = sampled / Double(origin == nil ? intervals : intervals + 1)
            var toStart = origin == nil ? Double(first - window.start) / 1000 : 0
            var toEnd = Double(window.end - last) / 1000
            if toStart >= gap * 1.1 { toStart = gap / 2 }
            if isCounter, origin == nil, change > 0, value >= 0 {
                toStart = min(toStart, sampled * (value / change))
            }
            if toEnd >= gap * 1.1 { toEnd = gap / 2 }
            return (sampled + toStart + toEnd) / sampled
        }
    }

    /// Whether a counter of the window began before the sample ahead although that had another start.
    private borrowing func overlaps(_ places: Range<Int>, _ times: [Int64], _ known: [Int64]) -> Bool {
        guard !known.isEmpty else { return false }
        for place in places.dropFirst() {
            if StartReset.overlaps(known[place - 1], times[place - 1], known[place]) { return true }
        }
        return false
    }

    private borrowing func numberChange(_ places: Range<Int>, _ hasOrigin: Bool, _ isCounter: Bool) -> Double
    {
        let first = values[places.lowerBound]
        var change = values[places.upperBound - 1] - first
        guard isCounter else { return change }
        if hasOrigin { change += first }
        for place in places.dropFirst() {
            let isKnown =
                !starts.isEmpty
                && StartReset.isReset(
                    starts[place - 1],
                    timestamps[place - 1],
                    starts[place],
                    timestamps[place]
                )
            if values[place] < values[place - 1] || isKnown { change += values[place - 1] }
        }
        return change
    }

    private borrowing func isHistogramReset(_ place: Int) -> Bool {
        if !histogramStarts.isEmpty,
            StartReset.isReset(
                histogramStarts[place - 1],
                histogramTimes[place - 1],
                histogramStarts[place],
                histogramTimes[place]
            )
        {
            return true
        }
        return histograms[place].isReset(after: histograms[place - 1])
    }

    /// The change over histograms; nil when they do not go together.
    private borrowing func histogramChange(
        _ places: Range<Int>,
        _ hasOrigin: Bool,
        _ isCounter: Bool,
        _ notes: inout WindowNotes
    ) -> NativeHistogram? {
        noteKinds(places, isCounter, &notes)
        var first = histograms[places.lowerBound]
        let last = histograms[places.upperBound - 1]
        // After a reset at the second sample the first one's buckets do not matter.
        let isAnew = isCounter && places.count > 1 && isHistogramReset(places.lowerBound + 1)
        if isAnew, !hasOrigin { first = .empty(like: histograms[places.lowerBound + 1]) }
        var schema = min(first.schema, last.schema)
        if isCounter {
            for place in places.dropFirst().dropLast() { schema = min(schema, histograms[place].schema) }
        }
        do throws(MixedSchemas) {
            guard first.hasCustomBounds == last.hasCustomBounds else { throw MixedSchemas() }
            var sum = HistogramSum(last.hasCustomBounds ? last : last.reduced(to: schema))
            if !hasOrigin { notes.insert(try sum.subtract(first), of: .subtraction) }
            if isCounter {
                var previous = first
                for place in places.dropFirst() {
                    let histogram = histograms[place]
                    guard histogram.hasCustomBounds == last.hasCustomBounds else { throw MixedSchemas() }
                    if isHistogramReset(place) { notes.insert(try sum.add(previous), of: .addition) }
                    previous = histogram
                }
            }
            return sum.value.hinting(.gauge)
        } catch {
            notes.insert(.mixedSchemas)
            return nil
        }
    }

    /// Notes gauges where counters are wanted, and counters where gauges are.
    private borrowing func noteKinds(_ places: Range<Int>, _ isCounter: Bool, _ notes: inout WindowNotes) {
        if isCounter {
            if histograms[places].contains(where: { $0.counterReset == .gauge }) { notes.insert(.notCounter) }
        } else if histograms[places.lowerBound].counterReset != .gauge
            || histograms[places.upperBound - 1].counterReset != .gauge
        {
            notes.insert(.notGauge)
        }
    }

    // MARK: - The last two samples

    /// `irate` and `idelta`.
    borrowing func lastTwoOfAny(_ column: inout Column, _ notes: inout WindowNotes, isRate: Bool) {
        slideAll(into: &column) { window in
            guard let (before, last) = lastTwo(of: window) else { return nil }
            let milliseconds = last.time - before.time
            guard milliseconds != 0 else { return nil }
            let seconds = Double(milliseconds) / 1000
            let isKnownReset = StartReset.isReset(before.start, before.time, last.start, last.time)
            switch (before.value, last.value) {
            case (.number(let previous), .number(let value)):
                guard isRate else { return .number(value - previous) }
                return .number((value < previous || isKnownReset ? value : value - previous) / seconds)
            case (.histogram(let previous), .histogram(let value)):
                let isGauge = previous.counterReset == .gauge && value.counterReset == .gauge
                let isAnyGauge = previous.counterReset == .gauge || value.counterReset == .gauge
                if isRate, isAnyGauge { notes.insert(.notCounter) }
                if !isRate, !isGauge { notes.insert(.notGauge) }
                var result = value
                if !isRate || !(isKnownReset || value.isReset(after: previous)) {
                    var sum = HistogramSum(value)
                    do throws(MixedSchemas) {
                        notes.insert(try sum.subtract(previous), of: .subtraction)
                    } catch {
                        notes.insert(.mixedSchemas)
                        return nil
                    }
                    result = sum.value
                }
                result = result.hinting(.gauge)
                return .histogram(isRate ? result.divided(by: seconds) : result)
            default:
                notes.insert(.mixedTypes)
                return nil
            }
        }
    }

    private typealias Timed = (time: Int64, start: Int64, value: SampleValue)

    private borrowing func lastTwo(of window: SampleWindow) -> (Timed, Timed)? {
        guard window.numbers.count + window.histograms.count >= 2 else { return nil }
        var (number, histogram) = (window.numbers.upperBound, window.histograms.upperBound)
        func takeLast() -> Timed {
            let takesNumber =
                histogram <= window.histograms.lowerBound
                || (number > window.numbers.lowerBound
                    && timestamps[number - 1] > histogramTimes[histogram - 1])
            if takesNumber {
                number -= 1
                return (timestamps[number], starts.isEmpty ? 0 : starts[number], .number(values[number]))
            }
            histogram -= 1
            let start = histogramStarts.isEmpty ? 0 : histogramStarts[histogram]
            return (histogramTimes[histogram], start, .histogram(histograms[histogram]))
        }
        let last = takeLast()
        return (takeLast(), last)
    }
}
