// SPDX-License-Identifier: Apache-2.0
//
// The set of ranges against a set of numbers, for every small set and every range; and its bounds.

import Testing

@testable import Sync

/// A set behind a reference, which `#expect` can call mutating verbs on.
private final class Box {
    var value: RangeSet
    init(_ value: RangeSet) { self.value = value }

    var ranges: [OrdinalRange] { value.ranges }
    func remove(_ ordinals: Range<UInt64>) -> Bool { value.remove(ordinals) }
    func insert(_ range: OrdinalRange) -> Bool { value.insert(range) }
    func split(at ordinal: UInt64) -> Bool { value.split(at: ordinal) }
}

@Suite struct RangeSetTests {
    private static let width: UInt64 = 7

    /// The set whose ordinals below `width` are the bits of a mask, as ranges that do not touch.
    private func set(_ mask: UInt64) -> RangeSet? {
        var ranges: [OrdinalRange] = []
        for bit in 0..<Self.width where mask >> bit & 1 == 1 {
            if let last = ranges.last, last.ordinals.upperBound == bit {
                ranges[ranges.count - 1].ordinals = last.ordinals.lowerBound..<(bit + 1)
            } else {
                ranges.append(OrdinalRange(ordinals: bit..<(bit + 1)))
            }
        }
        return RangeSet(ranges)
    }

    private func mask(_ set: RangeSet) -> UInt64 {
        (0..<Self.width).reduce(0) { $0 | (set.contains($1) ? 1 << $1 : 0) }
    }

    @Test func everySmallSetAndEveryRange() throws {
        for start in 0..<(1 << Self.width) as Range<UInt64> {
            let before = try #require(set(start))
            #expect(mask(before) == start)
            for low in 0..<Self.width {
                for high in (low + 1)...Self.width {
                    let bits = ((1 << (high - low)) - 1) << low as UInt64
                    let removed = Box(before)
                    #expect(removed.remove(low..<high))
                    #expect(mask(removed.value) == start & ~bits && removed.value.invariantViolation == nil)
                    let inserted = Box(before)
                    let isFree = start & bits == 0
                    #expect(inserted.insert(OrdinalRange(ordinals: low..<high)) == isFree)
                    #expect(mask(inserted.value) == (isFree ? start | bits : start))
                    #expect(inserted.value.invariantViolation == nil)
                }
                let cut = Box(before)
                let isInside = low > 0 && start >> (low - 1) & 3 == 3
                #expect(cut.split(at: low) == isInside)
                #expect(
                    mask(cut.value) == start && cut.ranges.count == before.ranges.count + (isInside ? 1 : 0)
                )
                #expect(cut.value.invariantViolation == nil)
            }
        }
    }

    @Test func theOpenEndStaysOpen() {
        let set = Box(RangeSet(from: 10))
        #expect(set.value.first?.isOpen == true)
        #expect(set.remove(10..<20) && set.remove(30..<40))
        #expect(set.ranges.map(\.ordinals) == [20..<30, 40..<UInt64.max])
        #expect(set.ranges.map(\.isOpen) == [false, true])
        #expect(set.insert(OrdinalRange(ordinals: 30..<40)))
        #expect(set.ranges.map(\.ordinals) == [20..<30, 30..<UInt64.max])
        #expect(set.remove(0..<25) && set.ranges.map(\.ordinals) == [25..<30, 30..<UInt64.max])
    }

    @Test func boundsAreKept() {
        let set = Box(RangeSet(from: 0))
        var cut: UInt64 = 0
        while set.split(at: cut + 10) { cut += 10 }
        #expect(set.ranges.count == RangeSet.splitLimit)
        // Removing may cut four more times.
        var holes = 0
        while set.remove(cut + 10..<cut + 11) {
            cut += 10
            holes += 1
        }
        #expect(holes == RangeSet.limit - RangeSet.splitLimit)
        #expect(set.ranges.count == RangeSet.limit)
        #expect(!set.insert(OrdinalRange(ordinals: cut + 10..<cut + 11)))
        #expect(set.remove(0..<UInt64.max - 1) && set.ranges.count == 1)
    }

    @Test func modesAndTimesStayWithTheirOrdinals() throws {
        let coarse = OrdinalRange(ordinals: 0..<10, mode: .tier(.seconds(300)), times: 5...50)
        let set = Box(try #require(RangeSet([coarse, OrdinalRange(ordinals: 20..<30, times: 100...200)])))
        #expect(set.remove(3..<5))
        #expect(set.ranges.map(\.mode) == [.tier(.seconds(300)), .tier(.seconds(300)), .rows])
        #expect(set.ranges.map(\.times) == [5...50, 5...50, 100...200])
        // A neighbour of another mode stays another range.
        #expect(set.insert(OrdinalRange(ordinals: 10..<20, times: 60...90)))
        #expect(set.ranges.map(\.ordinals) == [0..<3, 5..<10, 10..<30])
        #expect(set.ranges.last?.times == 60...200)
        #expect(RangeSet([OrdinalRange(ordinals: 5..<9), OrdinalRange(ordinals: 8..<10)]) == nil)
        #expect(RangeSet([OrdinalRange(ordinals: 5..<5)]) == nil)
    }
}
