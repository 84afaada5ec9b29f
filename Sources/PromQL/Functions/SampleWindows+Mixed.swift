// SPDX-License-Identifier: Apache-2.0
//
// The functions over a window of a series that has histograms, or of which it is known since when its counter counts.
// Each window is computed from its samples; series of plain numbers never come here.

internal import Samples

/// The samples of one window: places in the columns of numbers and of histograms.
struct SampleWindow {
    let step: Int
    let numbers: Range<Int>
    let histograms: Range<Int>
    /// The edges: the left one is outside.
    let start: Int64
    let end: Int64

    /// Where the samples are when they are of one kind; nil and a note when they are not.
    func oneKind(_ notes: inout WindowNotes) -> (isHistogram: Bool, places: Range<Int>)? {
        guard numbers.isEmpty || histograms.isEmpty else {
            notes.insert(.mixedTypes)
            return nil
        }
        return numbers.isEmpty ? (true, histograms) : (false, numbers)
    }
}

extension SampleWindows {
    /// Computes a function for all steps.
    ///
    /// - Parameters:
    ///   - function: one that takes a range vector.
    ///   - parameters: the scalar arguments at each step.
    ///   - column: receives the values.
    ///   - notes: receives what there is to say about the windows.
    borrowing func evaluate(
        _ function: Function,
        parameters: [[Double]],
        into column: inout Column,
        _ notes: inout WindowNotes
    ) {
        if windows.edges != nil { return evaluateEdged(function, into: &column, &notes) }
        if histograms.isEmpty, starts.isEmpty {
            return evaluate(
                function,
                parameter: parameters.first ?? [],
                second: parameters.count > 1 ? parameters[1] : [],
                into: &column
            )
        }
        switch function {
        case .rate: changes(&column, &notes, isCounter: true, perSecond: true)
        case .increase: changes(&column, &notes, isCounter: true, perSecond: false)
        case .delta: changes(&column, &notes, isCounter: false, perSecond: false)
        case .irate: lastTwoOfAny(&column, &notes, isRate: true)
        case .idelta: lastTwoOfAny(&column, &notes, isRate: false)
        case .changes, .resets:
            slideAll(into: &column) { window in .number(Double(transitions(in: window, function))) }
        case .sumOverTime: total(&column, &notes, isMean: false)
        case .avgOverTime: total(&column, &notes, isMean: true)
        case .countOverTime:
            slideAll(into: &column) { .number(Double($0.numbers.count + $0.histograms.count)) }
        case .presentOverTime: slideAll(into: &column) { _ in .number(1) }
        case .firstOverTime: slideAll(into: &column) { first(of: $0).value }
        case .lastOverTime: slideAll(into: &column) { last(of: $0).value }
        case .tsOfFirstOverTime: slideAll(into: &column) { .number(Double(first(of: $0).time) / 1000) }
        case .tsOfLastOverTime: slideAll(into: &column) { .number(Double(last(of: $0).time) / 1000) }
        default:
            evaluate(
                function,
                parameter: parameters.first ?? [],
                second: parameters.count > 1 ? parameters[1] : [],
                into: &column
            )
            noteIgnored(&notes)
        }
    }

    /// Calls `body` with each window that has any sample; its result is the step's value.
    borrowing func slideAll(into column: inout Column, _ body: (SampleWindow) -> SampleValue?) {
        column.removeAll()
        forEachWindow { window in
            if let value = body(window) { column.set(window.step, value) }
        }
    }

    private borrowing func forEachWindow(_ body: (SampleWindow) -> Void) {
        var (low, high, histogramLow, histogramHigh) = (0, 0, 0, 0)
        for step in 0..<windows.grid.count {
            let end = windows.end(step)
            let start = windows.start(step)
            while high < timestamps.count, timestamps[high] <= end { high += 1 }
            while low < high, timestamps[low] <= start { low += 1 }
            while histogramHigh < histogramTimes.count, histogramTimes[histogramHigh] <= end {
                histogramHigh += 1
            }
            while histogramLow < histogramHigh, histogramTimes[histogramLow] <= start { histogramLow += 1 }
            guard low < high || histogramLow < histogramHigh else { continue }
            body(
                SampleWindow(
                    step: step,
                    numbers: low..<high,
                    histograms: histogramLow..<histogramHigh,
                    start: start,
                    end: end
                )
            )
        }
    }

    /// Notes where a function saw only the numbers.
    private borrowing func noteIgnored(_ notes: inout WindowNotes) {
        forEachWindow { window in
            if !window.numbers.isEmpty, !window.histograms.isEmpty { notes.insert(.histogramsIgnored) }
        }
    }

    private borrowing func first(of window: SampleWindow) -> (time: Int64, value: SampleValue) {
        let number = window.numbers.first
        if let place = window.histograms.first,
            number.map({ histogramTimes[place] <= timestamps[$0] }) ?? true
        {
            return (histogramTimes[place], .histogram(histograms[place]))
        }
        let place = number ?? 0
        return (timestamps[place], .number(values[place]))
    }

    private borrowing func last(of window: SampleWindow) -> (time: Int64, value: SampleValue) {
        let number = window.numbers.last
        if let place = window.histograms.last,
            number.map({ histogramTimes[place] >= timestamps[$0] }) ?? true
        {
            return (histogramTimes[place], .histogram(histograms[place]))
        }
        let place = number ?? 0
        return (timestamps[place], .number(values[place]))
    }

    // MARK: - Sums

    private borrowing func total(_ column: inout Column, _ notes: inout WindowNotes, isMean: Bool) {
        if histograms.isEmpty {
            return evaluate(isMean ? .avgOverTime : .sumOverTime, parameter: [], into: &column)
        }
        evaluate(isMean ? .avgOverTime : .sumOverTime, parameter: [], into: &column)
        let numbers = column
        slideAll(into: &column) { window in
            guard !window.histograms.isEmpty else { return .number(numbers.values[window.step]) }
            guard window.numbers.isEmpty else {
                notes.insert(.mixedTypes)
                return nil
            }
            do throws(MixedSchemas) {
                return .histogram(try total(of: window.histograms, &notes, isMean: isMean))
            } catch {
                notes.insert(.mixedSchemas)
                return nil
            }
        }
    }

    private borrowing func total(
        of places: Range<Int>,
        _ notes: inout WindowNotes,
        isMean: Bool
    ) throws(MixedSchemas) -> NativeHistogram {
        var sum = HistogramSum(histograms[places.lowerBound])
        var mean = HistogramMean(histograms[places.lowerBound])
        for place in places.dropFirst() {
            let remarks = isMean ? try mean.add(histograms[place]) : try sum.add(histograms[place])
            notes.insert(remarks, of: .aggregation)
        }
        let hints = Set(histograms[places].map(\.counterReset))
        if hints.contains(.reset), hints.contains(.notReset) { notes.insert(.resetsCollide) }
        return isMean ? mean.value : sum.value
    }

    // MARK: - Changes

    /// `changes` and `resets`: how often neighbours differ, or the counter began anew.
    borrowing func transitions(in window: SampleWindow, _ function: Function) -> Int {
        var count = 0
        var (number, histogram) = (window.numbers.lowerBound, window.histograms.lowerBound)
        var previous: SampleValue?
        var (previousTime, previousStart): (Int64, Int64) = (0, 0)
        while number < window.numbers.upperBound || histogram < window.histograms.upperBound {
            let takesNumber =
                histogram >= window.histograms.upperBound
                || (number < window.numbers.upperBound && timestamps[number] < histogramTimes[histogram])
            let value: SampleValue
            let (time, start): (Int64, Int64)
            if takesNumber {
                value = .number(values[number])
                (time, start) = (timestamps[number], starts.isEmpty ? 0 : starts[number])
                number += 1
            } else {
                value = .histogram(histograms[histogram])
                time = histogramTimes[histogram]
                start = histogramStarts.isEmpty ? 0 : histogramStarts[histogram]
                histogram += 1
            }
            if let previous {
                let isReset = StartReset.isReset(previousStart, previousTime, start, time)
                let isHit =
                    function == .resets ? value.isReset(after: previous) : value.isChange(from: previous)
                if isHit || (function == .resets && isReset) { count += 1 }
            }
            (previous, previousTime, previousStart) = (value, time, start)
        }
        return count
    }
}

extension SampleValue {
    /// Whether a counter with this value after another has begun anew.
    fileprivate func isReset(after previous: SampleValue) -> Bool {
        switch (previous, self) {
        case (.number(let before), .number(let now)): now < before
        case (.histogram(let before), .histogram(let now)): now.isReset(after: before)
        default: true
        }
    }

    fileprivate func isChange(from previous: SampleValue) -> Bool {
        switch (previous, self) {
        case (.number(let before), .number(let now)): now != before && !(now.isNaN && before.isNaN)
        case (.histogram(let before), .histogram(let now)): !now.isSame(as: before)
        default: true
        }
    }
}

/// What since when a counter counts says of its resets.
enum StartReset {
    /// Whether the counter began anew between two samples.
    ///
    /// A start at the time of the sample before is one only when that had another start: a source that knows none
    /// begins with its first sample.
    static func isReset(_ previousStart: Int64, _ previousTime: Int64, _ start: Int64, _ time: Int64) -> Bool
    {
        guard start != 0, start < time else { return false }
        if start == previousTime { return previousStart != 0 && previousStart != start }
        return start > previousTime
    }

    /// Whether a start lies before the sample ahead although that had another one.
    static func overlaps(_ previousStart: Int64, _ previousTime: Int64, _ start: Int64) -> Bool {
        start > 0 && start < previousTime && start != previousStart
    }
}
