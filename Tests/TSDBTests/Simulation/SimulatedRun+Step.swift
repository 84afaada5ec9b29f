// SPDX-License-Identifier: Apache-2.0
//
// The steps of a run, chosen by the seed, or given by a test that goes through all places of one fault.

import Platform
import Samples
import Synchronization

@testable import TSDB

extension SimulatedRun {
    /// Something that happens.
    enum Step {
        case append
        case addSeries
        /// Upkeep after some time.
        case maintain(milliseconds: Int64)
        case sync
        case seal
        case ship
        /// The wall clock is set.
        case setClock(Int64)
        case fault(MemoryFileStore.Fault)
        case failSync
        case failWrite(after: Int)
        /// The disk has only so much room left; nil ends that.
        case room(Int?)
        /// The process is stopped at one of its next operations.
        case stop(after: Int)
        case end(Ending)
        case rot(Int)
        case lie(name: String)
        /// Somebody removes a file.
        case remove(name: String)
    }

    mutating func nextStep() -> Step {
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<700: return .append
        case 700..<730: return .maintain(milliseconds: 11_000)
        case 730..<745: return .maintain(milliseconds: 1000)
        case 745..<775: return .sync
        case 775..<790: return .seal
        case 790..<870: return .ship
        case 870..<880: return .addSeries
        case 880..<890:
            let year: Int64 = 365 * 86_400_000
            return .setClock([0, time, time + year, time - 3_600_000].randomElement(using: &random) ?? 0)
        case 890..<905: return .failWrite(after: Int.random(in: 0..<6, using: &random))
        case 905..<915: return .failSync
        case 915..<925: return .room(Int.random(in: 0..<20_000, using: &random))
        case 925..<940: return .room(nil)
        case 940..<955: return .stop(after: Int.random(in: 1...25, using: &random))
        case 955..<965: return .end(.killed)
        case 965..<975: return .end(.powerCut)
        case 975..<983: return .end(.closed)
        case _ where !plan.damages: return .fault(quietFault())
        case 983..<990: return .rot(Int.random(in: 1...4, using: &random))
        case 990..<991:
            return .remove(name: ["log", "ring-00", "warm-00"].randomElement(using: &random) ?? "")
        case 991..<994: return .lie(name: ["", "log", "ring", "data"].randomElement(using: &random) ?? "")
        default:
            let code = Bool.random(using: &random) ? ErrorNumber.inputOutput : 0
            return .fault(
                MemoryFileStore.Fault(
                    operation: .read,
                    after: Int.random(in: 0..<20, using: &random),
                    code: code,
                    lasts: code != 0 && Int.random(in: 0..<6, using: &random) == 0
                )
            )
        }
    }

    /// An operation that fails once and has nothing to do with reading.
    private mutating func quietFault() -> MemoryFileStore.Fault {
        let kinds: [MemoryFileStore.Operation] = [
            .write, .sync, .syncDirectory, .open, .truncate, .size, .identity, .rename, .remove,
        ]
        let code = [ErrorNumber.inputOutput, ErrorNumber.noSpace].randomElement(using: &random)
        return MemoryFileStore.Fault(
            operation: kinds.randomElement(using: &random),
            after: Int.random(in: 0..<4, using: &random),
            code: code ?? ErrorNumber.inputOutput
        )
    }

    mutating func perform(_ step: Step) throws {
        switch step {
        case .append: try append()
        case .addSeries: try addSeries()
        case .maintain(let milliseconds):
            clock.advance(milliseconds: milliseconds)
            try? store.maintain()
        case .sync: try? store.syncLog()
        case .seal: if (try? store.sealAll()) != nil { noteSealed() }
        case .ship: try ship()
        case .setClock(let time): clock.step(toWallMilliseconds: time)
        case .fault(let fault):
            if fault.operation == .read { isDamaged = true }
            disk.state.withLock { $0.faults.append(fault) }
        case .failSync: disk.state.withLock { $0.failSyncs = 1 }
        case .failWrite(let left): disk.state.withLock { ($0.failWriteAfter, $0.failsOnce) = (left, true) }
        case .room(let bytes):
            disk.state.withLock { state in
                let used = state.bytes
                state.capacity = bytes.map { used + $0 } ?? .max
            }
        case .stop(let left): disk.state.withLock { $0.crashAt = $0.operations + left }
        case .end(let ending): try restart(ending)
        case .rot(let flips):
            isDamaged = true
            disk.rot(flips, using: &random)
        case .lie(let name):
            (isDamaged, wasLiedTo) = (true, true)
            disk.state.withLock { $0.lie = (name, 0, false) }
        case .remove(let name):
            // What is in the file that was open goes with the process; the log says nothing of it.
            (isDamaged, wasLiedTo) = (true, true)
            try? disk.remove("/data/\(name)")
        }
        try settle()
        if disk.isDead { wasTorn = true }
        if disk.isDead {
            stops += 1
            let chosen: Ending = Bool.random(using: &random) ? .killed : .powerCut
            try restart(endingOfStops ?? chosen)
        }
        try store.checkInvariants()
    }

    /// Ends the process and begins another on what it left.
    mutating func restart(_ ending: Ending) throws {
        var ending = ending
        if ending == .closed, !disk.isDead {
            try store.close()
            try settle()
        }
        test = nil
        if ending == .powerCut { wasTorn = true }
        var attempts = 0
        repeat {
            let faults = keepsFaults ? disk.state.withLock { $0.faults } : []
            disk = ending == .powerCut ? disk.afterPowerCut(using: &random) : disk.afterKill()
            disk.state.withLock { $0.faults = faults }
            attempts += 1
            // The next process may be stopped in the middle of its start.
            if plan.stopsStarts, attempts < 4, Int.random(in: 0..<5, using: &random) == 0 {
                disk.state.withLock { $0.crashAt = Int.random(in: 1...40, using: &random) }
            }
            do throws(StoreError) {
                test = try open()
            } catch {
                guard disk.isDead || error.isOutOfSpace else {
                    throw BrokenPromise("the store does not open: \(error)")
                }
                if !disk.isDead { disk.state.withLock { $0.capacity = .max } }
                test = nil
            }
            if disk.isDead {
                test = nil
                wasTorn = true
                if Bool.random(using: &random) { ending = .powerCut }
            }
        } while test == nil
        disk.state.withLock { $0.crashAt = nil }
        try check(after: ending)
        if ending == .powerCut { (written, durable) = (order, order) }
        try register()
        try settle()
    }

    /// Everything in order again: what is there is complete, delivered, and still there for another process.
    mutating func finish() throws {
        disk.state.withLock { state in
            state.faults = []
            (state.failSyncs, state.failWriteAfter, state.capacity) = (0, nil, .max)
            state.crashAt = nil
        }
        clock.advance(milliseconds: 11_000)
        try store.sealAll()
        try settle()
        noteSealed()
        try store.checkInvariants()
        try check(after: nil)
        try shipAll()
        try restart(.powerCut)
    }

    /// Where everything stands, for a trace.
    func standing() throws -> String {
        let store = try store
        let (tail, sequence) = store.head.withLock { ($0.log.tail, $0.log.sequence) }
        return """
            row \(store.end.sequence) pages \(tail)...\(sequence) synced \(store.head.withLock { $0.syncedRow }) \
            segments \(store.head.withLock { $0.segments.map { "\($0.ringSequence): \($0.fileNumber)/\($0.offset)+\($0.length) \($0.minSequence)...\($0.maxSequence)" } }) \
            gaps \(store.head.withLock { $0.gaps }) order \(order) written \(written) durable \(durable) \
            shipped to \(position.sequence) gone \(goneThrough.map { "\($0)" } ?? "-") operations \
            \(disk.state.withLock { $0.operations })
            """
    }

    /// A whole run, decided by the seed; `trace` is told of each step and where the store stands after it.
    static func run(
        seed: UInt64,
        trace: ((String) -> Void)? = nil,
        change: (inout SimulationPlan) -> Void = { _ in }
    ) throws {
        var random = SeededGenerator(seed: seed)
        var plan = SimulationPlan(using: &random)
        change(&plan)
        var run = try SimulatedRun(plan, random: random)
        run.trace = trace
        run.traceOperations()
        for number in 0..<plan.steps { try run.perform(number, run.nextStep()) }
        do {
            try run.finish()
        } catch {
            throw BrokenPromise("at the end: \(error)")
        }
    }

    /// Performs a step, and says which it was when a promise is broken.
    mutating func perform(_ number: Int, _ step: Step) throws {
        do {
            try perform(step)
            trace?("\(number) \(step): \(try standing())")
        } catch {
            throw BrokenPromise("step \(number), \(step): \(error)")
        }
    }
}

extension StoreError {
    fileprivate var isOutOfSpace: Bool {
        if case .outOfSpace = self { true } else { false }
    }
}
