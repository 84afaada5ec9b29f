// SPDX-License-Identifier: Apache-2.0
//
// What a stream still owes: disjoint ranges of its ordinals, ascending, each with a mode. Ordinals leave it when a recipe
// is frozen over them, when they are counted as lost, and never otherwise; ranges are not joined over a gap.
//
// The set is small by construction: near its bound nothing is split any more, and the stream works from the oldest on
// until there is room again.

/// Disjoint ascending ranges of ordinals.
struct RangeSet: Sendable, Equatable {
    /// Ranges kept at most; a record of them is a few KiB.
    static let limit = 64
    /// From so many on a split is refused: the rest is room for what ages into another mode.
    static let splitLimit = 60

    private(set) var ranges: [OrdinalRange]

    /// Everything from an ordinal on.
    init(from ordinal: UInt64) {
        ranges = [OrdinalRange(ordinals: ordinal..<UInt64.max)]
    }

    /// Takes ranges as they were kept; nil when they are not what a set is.
    init?(_ ranges: [OrdinalRange]) {
        self.ranges = ranges
        guard invariantViolation == nil else { return nil }
    }

    var first: OrdinalRange? { ranges.first }
    var isEmpty: Bool { ranges.isEmpty }

    /// Whether an ordinal is owed.
    func contains(_ ordinal: UInt64) -> Bool { ranges.contains { $0.ordinals.contains(ordinal) } }

    /// Takes ordinals out; what of them is not in the set stays out.
    ///
    /// - Returns: false when this would need more ranges than there may be; then nothing has changed.
    mutating func remove(_ removed: Range<UInt64>) -> Bool {
        guard !removed.isEmpty else { return true }
        var result: [OrdinalRange] = []
        for range in ranges {
            let (low, high) = (range.ordinals.lowerBound, range.ordinals.upperBound)
            guard range.ordinals.overlaps(removed) else {
                result.append(range)
                continue
            }
            for part in [
                low..<max(low, min(high, removed.lowerBound)), min(high, max(low, removed.upperBound))..<high,
            ]
            where !part.isEmpty {
                var piece = range
                piece.ordinals = part
                result.append(piece)
            }
        }
        guard result.count <= Self.limit else { return false }
        ranges = result
        return true
    }

    /// Puts ordinals back that were taken out, as a range of their own or at the end of a neighbour of the same mode.
    ///
    /// - Returns: false when some are in the set, or there is no room; then nothing has changed.
    mutating func insert(_ range: OrdinalRange) -> Bool {
        guard !range.ordinals.isEmpty else { return true }
        let place = ranges.firstIndex { $0.ordinals.upperBound > range.ordinals.lowerBound } ?? ranges.count
        if place < ranges.count, ranges[place].ordinals.lowerBound < range.ordinals.upperBound {
            return false
        }
        if place < ranges.count, ranges[place].mode == range.mode,
            ranges[place].ordinals.lowerBound == range.ordinals.upperBound
        {
            ranges[place].ordinals = range.ordinals.lowerBound..<ranges[place].ordinals.upperBound
            ranges[place].times = Self.hull(range.times, ranges[place].times)
            return true
        }
        guard ranges.count < Self.limit else { return false }
        ranges.insert(range, at: place)
        return true
    }

    /// Cuts the range that has an ordinal in two before it; refused near the bound.
    mutating func split(at ordinal: UInt64) -> Bool {
        guard ranges.count < Self.splitLimit,
            let place = ranges.firstIndex(where: { $0.ordinals.contains(ordinal) }),
            ranges[place].ordinals.lowerBound < ordinal
        else { return false }
        var upper = ranges[place]
        upper.ordinals = ordinal..<upper.ordinals.upperBound
        ranges[place].ordinals = ranges[place].ordinals.lowerBound..<ordinal
        ranges.insert(upper, at: place + 1)
        return true
    }

    /// What is wrong with the set, nil when nothing is.
    var invariantViolation: String? {
        if ranges.count > Self.limit { return "\(ranges.count) ranges" }
        for (place, range) in ranges.enumerated() {
            if range.ordinals.isEmpty { return "range \(place) is empty" }
            if place > 0, ranges[place - 1].ordinals.upperBound > range.ordinals.lowerBound {
                return "range \(place) begins before the one before it ends"
            }
        }
        return nil
    }

    /// Both times when both are known.
    private static func hull(_ left: ClosedRange<Int64>?, _ right: ClosedRange<Int64>?) -> ClosedRange<Int64>?
    {
        guard let left, let right else { return nil }
        return min(left.lowerBound, right.lowerBound)...max(left.upperBound, right.upperBound)
    }
}
