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

    init(_ grid: Grid, length: Int64, modifiers: TimeModifiers) {
        self.grid = grid
        self.length = length
        offset = modifiers.offset
        if case .time(let time)? = modifiers.at { at = time } else { at = nil }
    }

    /// The right edge at a step.
    func end(_ step: Int) -> Int64 {
        (at ?? grid.time(step)).subtractingClamped(offset)
    }

    /// The left edge at a step.
    func start(_ step: Int) -> Int64 { end(step).subtractingClamped(length) }

    /// The span that holds every window, both ends included.
    var span: (from: Timestamp, through: Timestamp) {
        let first = start(0)
        return (
            Timestamp(milliseconds: first == .max ? first : first + 1),
            Timestamp(milliseconds: end(grid.count - 1))
        )
    }
}

extension Int64 {
    /// The difference, clamped to what the type can hold.
    func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}

/// Samples without stale markers, and the windows over them.
struct SampleWindows: ~Copyable {
    let timestamps: [Int64]
    let values: [Double]
    let windows: WindowGrid

    var count: Int { values.count }

    /// How many windows a sample is in, on average.
    var overlap: Int64 {
        windows.at != nil ? 1 : windows.length / max(1, windows.grid.step)
    }

    /// Calls `body` with the samples `low..<high` of each window that has any; its result is the step's value.
    @inline(__always)
    borrowing func slide(into column: inout Column, _ body: (_ step: Int, _ low: Int, _ high: Int) -> Double?)
    {
        column.removeAll()
        var low = 0
        var high = 0
        let count = timestamps.count
        for step in 0..<windows.grid.count {
            let end = windows.end(step)
            let start = end.subtractingClamped(windows.length)
            while high < count, timestamps[high] <= end { high += 1 }
            while low < high, timestamps[low] <= start { low += 1 }
            if low < high, let value = body(step, low, high) { column.set(step, value) }
        }
    }
}
