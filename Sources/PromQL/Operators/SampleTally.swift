// SPDX-License-Identifier: Apache-2.0
//
// Counts what selectors hand to the query, by step. As in Prometheus, the samples behind a subquery do not count, those
// in its windows do; and what is the same at every step counts at every step.

internal import Samples

/// A query's count of samples.
struct SampleTally {
    /// Samples by step of the query.
    private(set) var perStep: [Int]
    /// Samples read from the store.
    var read = 0
    /// How many subqueries the evaluation is inside of.
    private var depth = 0
    /// Whether the part evaluated is the same at every step.
    private var isInvariant = false

    /// The steps of the query that are evaluated now.
    var steps: Range<Int>

    init(steps: Int) {
        perStep = [Int](repeating: 0, count: max(1, steps))
        self.steps = perStep.indices
    }

    var total: Int { perStep.reduce(0, &+) }

    /// Counts the selected sample of each step.
    mutating func count(_ column: Column) {
        guard depth == 0 else { return }
        column.visit { step, _ in add(1, step) }
        column.visitHistograms { step, histogram in add(histogram.weight, step) }
    }

    /// Counts the samples in the window of each step.
    mutating func count(_ samples: borrowing SampleWindows) {
        guard depth == 0 else { return }
        let windows = samples.windows
        var (low, high, lowHistogram, highHistogram) = (0, 0, 0, 0)
        for step in 0..<windows.grid.count {
            let (start, end) = (windows.start(step), windows.end(step))
            while high < samples.timestamps.count, samples.timestamps[high] <= end { high += 1 }
            while low < high, samples.timestamps[low] <= start { low += 1 }
            let times = samples.histogramTimes
            while highHistogram < times.count, times[highHistogram] <= end { highHistogram += 1 }
            while lowHistogram < highHistogram, times[lowHistogram] <= start { lowHistogram += 1 }
            let histograms = samples.histograms[lowHistogram..<highHistogram].reduce(0) { $0 + $1.weight }
            add(high - low + histograms, step)
        }
    }

    private mutating func add(_ count: Int, _ step: Int) {
        if isInvariant {
            for index in steps { perStep[index] += count }
        } else if step < steps.count {
            perStep[steps.lowerBound + step] += count
        }
    }

    /// Goes into a subquery, and with -1 out of it.
    mutating func enterSubquery(_ levels: Int = 1) { depth += levels }

    /// The answer is a subquery's: what is behind it counts, not its one window.
    mutating func countAnswer() {
        depth = -1
        isInvariant = true
    }

    /// Says whether the part evaluated from now on is the same at every step.
    ///
    /// - Returns: what held before.
    mutating func setInvariant(_ value: Bool) -> Bool {
        defer { isInvariant = value }
        return isInvariant
    }
}
