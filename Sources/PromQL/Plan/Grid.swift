// SPDX-License-Identifier: Apache-2.0
//
// The times a query is evaluated at. Every grid has at least one step, and its last time is representable.

/// The evaluation times of a query or subquery: `count` steps from `start`, `step` apart, in milliseconds.
struct Grid: Sendable, Equatable {
    let start: Int64
    let step: Int64
    let count: Int

    /// The last evaluation time.
    var end: Int64 { time(count - 1) }

    /// The time of a step.
    func time(_ index: Int) -> Int64 {
        // The initialisers have checked that the last time is representable.
        start &+ Int64(index) &* step
    }

    /// One evaluation.
    static func instant(_ time: Int64) -> Grid {
        Grid(start: time, step: 1, count: 1)
    }

    /// Some of the steps, by their numbers.
    func piece(_ steps: Range<Int>) -> Grid {
        Grid(start: time(steps.lowerBound), step: step, count: steps.count)
    }

    private init(start: Int64, step: Int64, count: Int) {
        self.start = start
        self.step = step
        self.count = count
    }

    /// Every time from `start` to `end`; nil when there are more than `Int32.max` or none.
    init?(start: Int64, end: Int64, step: Int64) {
        let (span, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow, span >= 0, step > 0, span / step < Int64(Int32.max) else { return nil }
        self.init(start: start, step: step, count: Int(span / step) + 1)
    }
}
