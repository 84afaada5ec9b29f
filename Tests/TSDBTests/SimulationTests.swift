// SPDX-License-Identifier: Apache-2.0
//
// Seeded runs of everything at once (Simulation/SimulatedRun.swift). A failure names the seed and the command that
// repeats it. More seeds, on all cores and optimised: `make simulate SEEDS=10000`.

import Foundation
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct SimulationTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }

    /// One seed to repeat, or many in batches.
    private static let batches: [ClosedRange<UInt64>] = {
        if let seed = number("EDGEWATCH_SIMULATION_SEED") { return [seed...seed] }
        let count = max(1, number("EDGEWATCH_SIMULATION_SEEDS") ?? 60)
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
                    "\(error)\nrepeat with: make simulate SEED=\(seed)"
                )
            }
        }
    }

    /// A simulation that did not see a sync that is left out would prove nothing.
    @Test(arguments: ["log", "ring", "data"])
    func syncsThatAreLeftOutAreCaught(name: String) {
        var caught = 0
        for seed in 1...40 as ClosedRange<UInt64> where caught == 0 {
            do {
                try SimulatedRun.run(seed: seed, trace: nil) { plan in
                    (plan.damages, plan.lie) = (false, (name, 0, true))
                }
            } catch {
                caught += 1
            }
        }
        #expect(caught > 0)
    }

    /// Also when it is a single one, and nothing is said of a disk that does not lie.
    @Test(arguments: ["log", "ring"])
    func oneSyncThatIsLeftOutIsCaught(name: String) throws {
        var caught = 0
        for seed in 1...30 as ClosedRange<UInt64> {
            try SimulationTests.powerCut(afterSyncOf: name, isLeftOut: false, seed)
            do {
                try SimulationTests.powerCut(afterSyncOf: name, isLeftOut: true, seed)
            } catch {
                caught += 1
            }
        }
        #expect(caught > 10)
    }

    private static func powerCut(afterSyncOf name: String, isLeftOut: Bool, _ seed: UInt64) throws {
        var plan = SimulationPlan()
        plan.stopsStarts = false
        var run = try SimulatedRun(plan, random: SeededGenerator(seed: seed))
        for _ in 0..<8 { try run.perform(.append) }
        if isLeftOut { run.disk.state.withLock { $0.lie = (name, 0, false) } }
        try run.perform(name == "log" ? .sync : .seal)
        try run.perform(.end(.powerCut))
        try run.finish()
    }
}

/// Every operation of a fixed course of events fails, or is the last of its process, in turn.
struct EveryOperationTests {
    private static let course: [SimulatedRun.Step] =
        [SimulatedRun.Step](repeating: .append, count: 8) + [.sync, .append, .append, .ship]
        + [.seal] + [SimulatedRun.Step](repeating: .append, count: 5)
        + [.maintain(milliseconds: 11_000), .append, .end(.killed), .append, .append]
        + [.maintain(milliseconds: 11_000), .ship, .append, .seal, .append, .end(.powerCut)]
        + [.append, .seal, .append, .end(.closed), .append, .ship]

    private static func run(
        isStaged: Bool,
        seed: UInt64 = 5,
        _ prepare: (inout SimulatedRun) -> Void
    ) throws -> SimulatedRun {
        var plan = SimulationPlan()
        (plan.isStaged, plan.stopsStarts) = (isStaged, false)
        var run = try SimulatedRun(plan, random: SeededGenerator(seed: seed))
        prepare(&run)
        for (number, step) in course.enumerated() { try run.perform(number, step) }
        return run
    }

    /// Nothing is lost when one operation other than a read fails, and no start.
    @Test(arguments: [false, true])
    func eachMayFailOnce(isStaged: Bool) throws {
        let kinds: [MemoryFileStore.Operation] = [
            .open, .size, .write, .sync, .truncate, .rename, .remove, .syncDirectory, .identity,
        ]
        for kind in kinds {
            for code in [ErrorNumber.inputOutput, ErrorNumber.noSpace] {
                var number = 0
                var isReached = true
                while isReached {
                    do {
                        var run = try EveryOperationTests.run(isStaged: isStaged) { run in
                            run.keepsFaults = true
                            run.disk.state.withLock {
                                $0.faults = [.init(operation: kind, after: number, code: code)]
                            }
                        }
                        isReached = run.disk.state.withLock { $0.faults.isEmpty }
                        try run.finish()
                    } catch {
                        throw BrokenPromise("\(kind) \(number), error \(code): \(error)")
                    }
                    number += 1
                }
                #expect(number > 0)
            }
        }
    }

    /// A read that fails may cost what it was to read, says so, and costs nothing for good that was not written over.
    @Test(arguments: [ErrorNumber.inputOutput, 0])
    func eachReadMayFailOnce(code: Int32) throws {
        var number = 0
        var isReached = true
        while isReached {
            var run = try EveryOperationTests.run(isStaged: false) { run in
                (run.keepsFaults, run.isDamaged) = (true, true)
                run.disk.state.withLock {
                    $0.faults = [.init(operation: .read, after: number, code: code)]
                }
            }
            isReached = run.disk.state.withLock { $0.faults.isEmpty }
            try run.finish()
            number += 1
        }
        #expect(number > 40)
    }

    /// The process is stopped at every operation, and at every one of the start after that.
    @Test(arguments: [false, true])
    func eachMayBeTheLast(isStaged: Bool) throws {
        for ending in [Ending.killed, .powerCut] {
            var number = 1
            var isReached = true
            while isReached {
                var run = try EveryOperationTests.run(isStaged: isStaged, seed: UInt64(number)) { run in
                    run.endingOfStops = ending
                    run.disk.state.withLock { $0.crashAt = $0.operations + number }
                }
                isReached = run.stops > 0
                try run.finish()
                number += 1
            }
            #expect(number > 20)
        }
    }
}
