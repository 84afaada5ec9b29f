// SPDX-License-Identifier: Apache-2.0
//
// One group of an aggregation over all steps. `column` is the running value and, after `finish`, the result.

internal import Samples

/// Adds up the series of a group.
struct Accumulator {
    private let aggregator: Aggregator
    var header: SeriesHeader
    var column: Column
    /// What rounding lost (sum, avg) or the mean (stddev, stdvar).
    private var second: [Double] = []
    private var counts: [Double] = []
    /// Steps whose sum overflowed; their column holds the running mean instead.
    private var isIncremental: [Bool] = []
    /// The histograms of each step; empty as long as there is none.
    private var histograms: [HistogramAccumulator?] = []
    /// What there is to say about the group.
    private(set) var notes: Notes = []

    /// What there is to say about groups with histograms.
    struct Notes: OptionSet {
        let rawValue: UInt8

        static let mixedTypes = Notes(rawValue: 1)
        static let mixedSchemas = Notes(rawValue: 2)
        static let resetsCollide = Notes(rawValue: 4)
        static let boundsReconciled = Notes(rawValue: 8)
        static let ignored = Notes(rawValue: 16)
    }

    init(_ aggregator: Aggregator, _ labels: Labels, _ count: Int) {
        self.aggregator = aggregator
        header = SeriesHeader(labels: labels)
        column = Column(count: count)
        switch aggregator {
        case .sum: second = [Double](repeating: 0, count: count)
        case .avg, .stddev, .stdvar:
            second = [Double](repeating: 0, count: count)
            counts = [Double](repeating: 0, count: count)
        default: break
        }
    }

    mutating func add(_ series: Column) {
        switch aggregator {
        case .sum: addToSum(series)
        case .avg: addToMean(series)
        case .stddev, .stdvar: addToDeviation(series)
        case .count:
            series.visit { step, _ in column.set(step, column.has(step) ? column.values[step] + 1 : 1) }
        case .group: series.visit { step, _ in column.set(step, 1) }
        case .min:
            series.visit { step, value in
                let least = column.values[step]
                if !column.has(step) || value < least || least.isNaN { column.set(step, value) }
            }
        default:
            series.visit { step, value in
                let most = column.values[step]
                if !column.has(step) || value > most || most.isNaN { column.set(step, value) }
            }
        }
    }

    /// Adds the histograms of a series; the result is what steps with a first one take, as against the sample limit.
    mutating func addHistograms(_ series: Column) -> Int {
        var weight = 0
        series.visitHistograms { step, histogram in
            switch aggregator {
            case .count: column.set(step, column.has(step) ? column.values[step] + 1 : 1)
            case .group: column.set(step, 1)
            case .sum, .avg:
                if histograms.isEmpty {
                    histograms = [HistogramAccumulator?](repeating: nil, count: column.count)
                }
                if histograms[step] == nil {
                    weight += histogram.weight
                    histograms[step] = HistogramAccumulator(histogram, isMean: aggregator == .avg)
                } else {
                    histograms[step]?.add(histogram)
                }
            default: notes.insert(.ignored)
            }
        }
        return weight
    }

    private mutating func addToSum(_ series: Column) {
        let (values, presence) = (series.values.span, series.presence.span)
        // Taken out so that all can be written at once.
        var (totals, lost): ([Double], [Double]) = ([], [])
        swap(&totals, &column.values)
        swap(&lost, &second)
        defer {
            swap(&totals, &column.values)
            swap(&lost, &second)
        }
        var sums = totals.mutableSpan
        var errors = lost.mutableSpan
        var known = column.presence.mutableSpan
        for word in presence.indices {
            var bits = presence[word]
            let firsts = bits & ~known[word]
            known[word] |= bits
            if firsts == 0, bits == .max {
                for step in (word << 6)..<(word << 6 + 64) {
                    Self.add(values[step], to: &sums, &errors, step)
                }
                continue
            }
            while bits != 0 {
                let step = word << 6 + bits.trailingZeroBitCount
                if firsts >> UInt64(step & 63) & 1 == 1 {
                    sums[step] = values[step]
                } else {
                    Self.add(values[step], to: &sums, &errors, step)
                }
                bits &= bits - 1
            }
        }
    }

    @inline(__always)
    private static func add(
        _ value: Double,
        to sums: inout MutableSpan<Double>,
        _ errors: inout MutableSpan<Double>,
        _ step: Int
    ) {
        var sum = CompensatedSum(sums[step], compensation: errors[step])
        sum.add(value)
        sums[step] = sum.sum
        errors[step] = sum.compensation
    }

    private mutating func addToMean(_ series: Column) {
        series.visit { step, value in
            counts[step] += 1
            guard column.has(step) else { return column.set(step, value) }
            let count = counts[step]
            var sum = CompensatedSum(column.values[step], compensation: second[step])
            if isIncremental.isEmpty || !isIncremental[step] {
                var next = sum
                next.add(value)
                if !next.sum.isInfinite {
                    column.values[step] = next.sum
                    second[step] = next.compensation
                    return
                }
                if isIncremental.isEmpty {
                    isIncremental = [Bool](repeating: false, count: column.count)
                }
                isIncremental[step] = true
                sum = CompensatedSum(sum.sum / (count - 1), compensation: sum.compensation / (count - 1))
            }
            let weight = (count - 1) / count
            var mean = CompensatedSum(weight * sum.sum, compensation: weight * sum.compensation)
            mean.add(value / count)
            column.values[step] = mean.sum
            second[step] = mean.compensation
        }
    }

    private mutating func addToDeviation(_ series: Column) {
        series.visit { step, value in
            counts[step] += 1
            guard column.has(step) else {
                second[step] = value
                return column.set(step, value.isFinite ? 0 : .nan)
            }
            let delta = value - second[step]
            second[step] += delta / counts[step]
            column.values[step] += delta * (value - second[step])
        }
    }

    /// Turns the running values into the result.
    mutating func finish() {
        finishNumbers()
        for step in histograms.indices {
            guard let histogram = histograms[step] else { continue }
            notes.formUnion(histogram.notes)
            if column.has(step) {
                notes.insert(.mixedTypes)
                column.remove(step)
            } else if let value = histogram.value {
                column.set(step, value)
            }
        }
    }

    private mutating func finishNumbers() {
        switch aggregator {
        case .sum: column.update { step, sum in CompensatedSum(sum, compensation: second[step]).value }
        case .avg:
            column.update { step, sum in
                if !isIncremental.isEmpty, isIncremental[step] { return sum + second[step] }
                return sum / counts[step] + second[step] / counts[step]
            }
        case .stdvar: column.update { step, squares in squares / counts[step] }
        case .stddev: column.update { step, squares in (squares / counts[step]).squareRoot() }
        default: break
        }
    }
}

/// The histograms of a group at one step.
private struct HistogramAccumulator {
    private var sum: HistogramSum?
    private var mean: HistogramMean?
    private var hasReset = false
    private var hasNoReset = false
    private(set) var notes: Accumulator.Notes = []

    init(_ first: NativeHistogram, isMean: Bool) {
        if isMean { mean = HistogramMean(first) } else { sum = HistogramSum(first) }
        noteHint(first)
    }

    private mutating func noteHint(_ histogram: NativeHistogram) {
        if histogram.counterReset == .reset { hasReset = true }
        if histogram.counterReset == .notReset { hasNoReset = true }
        if hasReset, hasNoReset { notes.insert(.resetsCollide) }
    }

    mutating func add(_ histogram: NativeHistogram) {
        guard !notes.contains(.mixedSchemas) else { return }
        noteHint(histogram)
        do throws(MixedSchemas) {
            let remarks = mean == nil ? try sum?.add(histogram) : try mean?.add(histogram)
            guard let remarks else { return }
            if remarks.contains(.boundsReconciled) { notes.insert(.boundsReconciled) }
        } catch {
            notes.insert(.mixedSchemas)
        }
    }

    /// Nil when the group's histograms do not go together.
    var value: NativeHistogram? {
        notes.contains(.mixedSchemas) ? nil : mean?.value ?? sum?.value
    }
}
