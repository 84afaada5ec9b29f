// SPDX-License-Identifier: Apache-2.0
//
// Seeded runs of everything at once (Simulation/SimulatedRun.swift). A failure names the seed and the command that
// repeats it. More seeds, on all cores and optimised: `make simulate SEEDS=10000`.

import Foundation
import Platform
import Samples
import Testing

@testable import TSDB

struct SimulationTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }

    /// One seed to repeat, or many in batches.
    private static let batches: [ClosedRange<UInt64>] = {
        if let seed = number("EDGEWATCH_SIMULATION_SEED") { return [seed...seed] }
        let count = max(1, number("EDGEWATCH_SIMULATION_SEEDS") ?? 120)
        return stride(from: 1, through: count, by: 20).map { $0...min(count, $0 + 19) }
    }()

    @Test(arguments: batches)
    func everythingAtOnce(seeds: ClosedRange<UInt64>) {
        for seed in seeds {
            do {
                // One seed alone is run to be looked at.
                try SimulatedRun.run(seed: seed, trace: seeds.count == 1 ? { print($0) } : nil)
            } catch {
                Issue.record(
                    "\(error)\nrepeat with: EDGEWATCH_SIMULATION_SEED=\(seed) make unit FILTER=SimulationTests"
                )
            }
        }
    }
}
