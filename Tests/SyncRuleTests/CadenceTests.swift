// SPDX-License-Identifier: Apache-2.0
//
// When rules ship.

import Testing

@testable import Sync

@Suite struct CadenceTests {
    @Test func alignedAndSpread() {
        let minute: Int64 = 60_000
        var shifts: [Int64] = []
        for node in 0..<1000 as Range<UInt64> {
            let cadence = Cadence(every: .seconds(60), node: node &* 0x1_0001, rule: "bulk")
            #expect(cadence == Cadence(every: .seconds(60), node: node &* 0x1_0001, rule: "bulk"))
            #expect((0..<minute).contains(cadence.shift))
            shifts.append(cadence.shift)
            for time in [0, 1, minute, 1_700_000_000_123, -1, -minute] as [Int64] {
                let next = cadence.next(after: time)
                #expect(next > time && next <= time + minute && (next - cadence.shift) % minute == 0)
                #expect(cadence.next(after: next) == next + minute)
                #expect(cadence.next(after: next - 1) == next)
            }
        }
        // A thousand nodes in sixty seconds: no second has many more than its share of 17.
        let busiest = Dictionary(grouping: shifts) { $0 / 1000 }.values.map(\.count).max() ?? 0
        #expect(busiest < 40 && Set(shifts).count > 950)
        let names = Set((0..<100).map { Cadence(every: .seconds(60), node: 7, rule: "rule\($0)").shift })
        #expect(names.count > 95)
    }

    @Test func edgesOfTime() {
        let cadence = Cadence(every: .seconds(60), node: 1, rule: "")
        #expect(cadence.next(after: .max) == .max)
        #expect(Cadence(every: .zero, node: 1, rule: "").next(after: 5) == 6)
    }
}
