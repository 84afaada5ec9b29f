// SPDX-License-Identifier: Apache-2.0
//
// Worlds by their seeds: whatever is lost, killed or cut, a receiver ends with every sample it takes, once, and nothing
// else; nothing is given up that it would have taken; nothing leaves that is not kept. A seed repeats its world:
// EDGEWATCH_SYNC_SEED. More of them: EDGEWATCH_SYNC_SEEDS, or `make simulate`.

import Foundation
import Platform
import Testing

@testable import Sync

@Suite struct SyncSimulationTests {
    private func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func everyWorldEndsWithEverySampleOnce() throws {
        let seeds: ClosedRange<UInt64>
        if let one = number("EDGEWATCH_SYNC_SEED") {
            seeds = one...one
        } else {
            seeds = 1...(number("EDGEWATCH_SYNC_SEEDS") ?? 300)
        }
        var (kills, powerCuts, repeated, stored) = (0, 0, 0, 0)
        for seed in seeds {
            var world = SyncWorld(seed: seed)
            do {
                try world.run()
            } catch {
                Issue.record("\(error)\nrepeat with EDGEWATCH_SYNC_SEED=\(seed)")
            }
            kills += world.kills
            powerCuts += world.powerCuts
            repeated += world.repeatedSamples
            stored += world.receiver.stored.values.reduce(0) { $0 + $1.count }
        }
        // The worlds are worth something: all of it happened.
        if seeds.count >= 300 {
            #expect(kills > 1000 && powerCuts > 500 && repeated > 500 && stored > 50_000)
        }
    }

    /// What this is for: with a cursor alone, a kill in a half divided stretch repeats all of it, and what the receiver
    /// says of the rows it has makes the sender give up those it has not.
    @Test func withACursorAloneSamplesAreLost() throws {
        var lost = 0
        for seed in 1...300 as ClosedRange<UInt64> where lost == 0 {
            var world = SyncWorld(seed: seed)
            world.state.forgetRecipes()
            do {
                try world.run()
            } catch {
                lost += 1
            }
        }
        #expect(lost > 0)
    }
}
