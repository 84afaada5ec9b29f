// SPDX-License-Identifier: Apache-2.0
//
// A stretch as a rectangle of series and time, and how to cut it. Cutting never makes an empty piece, and the pieces in
// order keep every series' samples in order.

/// A piece of a stretch: some of its series within a span of time.
struct Part: Sendable, Equatable {
    /// Which of the stretch's series.
    var series: Range<Int>
    /// Which times, in milliseconds, both ends included.
    var times: ClosedRange<Int64>

    /// The smallest rectangle around both.
    func joined(with other: Part) -> Part {
        Part(
            series: min(
                series.lowerBound,
                other.series.lowerBound
            )..<max(
                series.upperBound,
                other.series.upperBound
            ),
            times: min(
                times.lowerBound,
                other.times.lowerBound
            )...max(times.upperBound, other.times.upperBound)
        )
    }
}

struct Parts: Sendable {
    /// The times of each series' samples, ascending; shares its memory with the stretch.
    private let timestamps: [[Int64]]

    init(timestamps: [[Int64]]) {
        self.timestamps = timestamps
    }

    var seriesCount: Int { timestamps.count }

    /// All of it; nil when there is nothing.
    var whole: Part? {
        let first = timestamps.lazy.compactMap(\.first).min()
        let last = timestamps.lazy.compactMap(\.last).max()
        guard let first, let last, first <= last else { return nil }
        return Part(series: 0..<timestamps.count, times: first...last)
    }

    func samples(in part: Part) -> Int {
        part.series.reduce(0) { $0 + samples(ofSeries: $1, in: part.times).count }
    }

    /// Which samples of a series lie in a span of time.
    func samples(ofSeries index: Int, in times: ClosedRange<Int64>) -> Range<Int> {
        let column = timestamps[index]
        let first = Self.firstIndex(column) { $0 >= times.lowerBound }
        return first..<max(first, Self.firstIndex(column) { $0 > times.upperBound })
    }

    /// The time of all samples of a part; nil when they have several.
    func onlyTimestamp(in part: Part) -> Int64? {
        let span = span(part)
        return span.lowerBound == span.upperBound ? span.lowerBound : nil
    }

    /// Whether a part is one of this stretch and not empty.
    func has(_ part: Part) -> Bool {
        part.series.upperBound <= timestamps.count && samples(in: part) > 0
    }

    /// The oldest row of a part and the rest; nil when it has one row only.
    func oldestRow(of part: Part) -> (row: Part, rest: Part)? {
        let span = span(part)
        guard span.lowerBound < span.upperBound else { return nil }
        return (
            Part(series: part.series, times: span.lowerBound...span.lowerBound),
            Part(series: part.series, times: (span.lowerBound + 1)...span.upperBound)
        )
    }

    /// Two pieces, the one to be sent first first; nil for a single sample.
    func halves(of part: Part, byTimeFirst: Bool) -> (Part, Part)? {
        byTimeFirst
            ? halvesByTime(part) ?? halvesBySeries(part)
            : halvesBySeries(part) ?? halvesByTime(part)
    }

    /// The middle, the newest and the oldest row, to be taken from the end; nil when there are not three times.
    func probe(_ whole: Part) -> [Part]? {
        let first = whole.times.lowerBound
        let last = whole.times.upperBound
        guard first < last, first + 1 < last else { return nil }
        let middle = Part(series: whole.series, times: (first + 1)...(last - 1))
        guard samples(in: middle) > 0 else { return nil }
        return [
            middle, Part(series: whole.series, times: last...last),
            Part(series: whole.series, times: first...first),
        ]
    }

    private func halvesBySeries(_ part: Part) -> (Part, Part)? {
        let present = part.series.filter { !samples(ofSeries: $0, in: part.times).isEmpty }
        guard present.count > 1 else { return nil }
        let middle = present[present.count / 2]
        return (
            Part(series: part.series.lowerBound..<middle, times: part.times),
            Part(series: middle..<part.series.upperBound, times: part.times)
        )
    }

    private func halvesByTime(_ part: Part) -> (Part, Part)? {
        let span = span(part)
        guard span.lowerBound < span.upperBound else { return nil }
        // The distance fits an unsigned number, wherever the two lie; half of it a signed one.
        let distance = UInt64(bitPattern: span.upperBound) &- UInt64(bitPattern: span.lowerBound)
        let middle = span.lowerBound + Int64(distance / 2)
        return (
            Part(series: part.series, times: span.lowerBound...middle),
            Part(series: part.series, times: (middle + 1)...span.upperBound)
        )
    }

    /// The times a part's samples really cover.
    private func span(_ part: Part) -> ClosedRange<Int64> {
        var low = Int64.max
        var high = Int64.min
        for index in part.series {
            let range = samples(ofSeries: index, in: part.times)
            guard !range.isEmpty else { continue }
            low = min(low, timestamps[index][range.lowerBound])
            high = max(high, timestamps[index][range.upperBound - 1])
        }
        return low <= high ? low...high : part.times
    }

    /// The first index whose time satisfies a condition that stays true; O(log n).
    private static func firstIndex(_ column: [Int64], _ condition: (Int64) -> Bool) -> Int {
        var low = 0
        var high = column.count
        while low < high {
            let middle = (low + high) / 2
            if condition(column[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
