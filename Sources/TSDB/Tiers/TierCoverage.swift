// SPDX-License-Identifier: Apache-2.0
//
// Which times a tier has rows for, as spans and not as one high-water mark: after a clock that was wrong for a while,
// rows from the future must not keep those of now from being built.
//
// Invariant: spans are ascending and do not touch.

/// Spans of time.
struct TierCoverage: Sendable {
    private(set) var spans: [TierSpan] = []

    /// Gaps are as many as clocks go wrong; beyond this the two oldest spans become one.
    private static let limit = 1024

    /// Adds a span, joined with those it touches.
    mutating func insert(_ span: TierSpan) {
        guard span.from < span.through else { return }
        var joined = span
        var kept: [TierSpan] = []
        var position = 0
        for other in spans {
            if other.through < joined.from {
                kept.append(other)
                position = kept.count
            } else if other.from > joined.through {
                kept.append(other)
            } else {
                joined = TierSpan(
                    from: min(joined.from, other.from),
                    through: max(joined.through, other.through)
                )
            }
        }
        kept.insert(joined, at: position)
        if kept.count > TierCoverage.limit {
            kept[1].from = kept[0].from
            kept.removeFirst()
        }
        spans = kept
    }

    /// These spans and others.
    func union(_ other: TierCoverage) -> TierCoverage {
        var all = self
        for span in other.spans { all.insert(span) }
        return all
    }

    /// The last time up to `time` that a span has; `.min` when there is none.
    func end(upTo time: Int64) -> Int64 {
        spans.last { $0.from < time }.map { min($0.through, time) } ?? .min
    }

    func contains(_ time: Int64) -> Bool { firstUncovered(time...time) == nil }

    /// The first time in the range that no span has.
    func firstUncovered(_ range: ClosedRange<Int64>) -> Int64? {
        var time = range.lowerBound
        for span in spans where span.through >= time {
            guard span.from < time else { break }
            guard span.through < range.upperBound else { return nil }
            time = span.through + 1
        }
        return time
    }

    /// Where the first span begins that is not before a time; nil when there is none.
    func nextStart(from time: Int64) -> Int64? {
        spans.first { $0.from >= time }?.from
    }
}
