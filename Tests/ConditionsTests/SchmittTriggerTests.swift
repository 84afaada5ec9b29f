// SPDX-License-Identifier: Apache-2.0

import Conditions
import Testing

@Suite struct SchmittTriggerTests {
    private func seconds(_ count: UInt64) -> UInt64 { count * 1_000_000_000 }

    @Test func entersAtOnceAndLeavesAfterTheDwell() {
        var trigger = SchmittTrigger()
        #expect(trigger.update(false, at: seconds(0)) == .none)
        #expect(trigger.update(true, at: seconds(1)) == .entered)
        #expect(trigger.isActive)
        #expect(trigger.update(true, at: seconds(2)) == .none)
        #expect(trigger.update(false, at: seconds(10)) == .none)
        #expect(trigger.update(false, at: seconds(309)) == .none)
        #expect(trigger.isActive)
        #expect(trigger.update(false, at: seconds(310)) == .left)
        #expect(!trigger.isActive)
    }

    @Test func aTrueInBetweenRestartsTheDwell() {
        var trigger = SchmittTrigger(dwell: .seconds(60))
        _ = trigger.update(true, at: 0)
        _ = trigger.update(false, at: seconds(10))
        _ = trigger.update(true, at: seconds(60))
        #expect(trigger.update(false, at: seconds(80)) == .none)
        #expect(trigger.update(false, at: seconds(139)) == .none)
        #expect(trigger.update(false, at: seconds(140)) == .left)
    }

    @Test func waitsForSeveralInARow() {
        var trigger = SchmittTrigger(entryCount: 3)
        #expect(trigger.update(true, at: 0) == .none)
        #expect(trigger.update(true, at: 1) == .none)
        #expect(trigger.update(false, at: 2) == .none)
        #expect(trigger.update(true, at: 3) == .none)
        #expect(trigger.update(nil, at: 4) == .none)
        #expect(trigger.update(true, at: 5) == .none)
        #expect(trigger.update(true, at: 6) == .entered)
    }

    @Test func unknownKeepsTheState() {
        var trigger = SchmittTrigger(dwell: .seconds(60))
        #expect(trigger.update(nil, at: 0) == .none)
        #expect(!trigger.isActive)
        _ = trigger.update(true, at: 0)
        #expect(trigger.update(nil, at: seconds(1799)) == .none)
        #expect(trigger.isActive)
    }

    @Test func unknownNeitherRestartsNorEndsTheDwell() {
        var trigger = SchmittTrigger(dwell: .seconds(60))
        _ = trigger.update(true, at: 0)
        _ = trigger.update(false, at: seconds(10))
        #expect(trigger.update(nil, at: seconds(75)) == .none)
        #expect(trigger.update(false, at: seconds(76)) == .left)
    }

    @Test func letsGoWhenNothingIsKnownForLong() {
        var trigger = SchmittTrigger(patience: .seconds(100))
        _ = trigger.update(true, at: seconds(5))
        #expect(trigger.update(nil, at: seconds(104)) == .none)
        #expect(trigger.update(nil, at: seconds(105)) == .left)
    }

    @Test func noDwellLeavesAtOnce() {
        var trigger = SchmittTrigger(dwell: .zero)
        _ = trigger.update(true, at: 0)
        #expect(trigger.update(false, at: 1) == .left)
    }
}
