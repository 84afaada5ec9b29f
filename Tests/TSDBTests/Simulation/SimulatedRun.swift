// SPDX-License-Identifier: Apache-2.0
//
// One run of the simulation: a store on a simulated disk with a simulated clock, the dictionary it should be equal
// to, and what must hold whatever happens:
//
//     a kill costs nothing that was in the log file when it was acknowledged,
//     a power cut nothing that was synced; what is there is what was appended;
//     the outbox delivers every sample that is there, in order, and none twice;
//     without damage nothing is reported lost, and what damage costs is reported;
//     the store always opens, and its invariants hold after every step.
//
// The model knows of the store only what its promises are about: whether the log is written and synced by now, and
// which segments have left the ring.

import Platform
import Samples
import Synchronization

@testable import TSDB

/// A promise the store did not keep.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A store, its disk and its model.
struct SimulatedRun {
    /// What was acknowledged.
    struct Entry {
        var bits: UInt64
        /// Its place among all that were.
        var order: Int
        /// The commit sequence of its row, or of one before.
        var sequence: UInt64
    }

    struct Group {
        var id = GroupID(rawValue: 0)
        var newest = Int64.min
        var series: [(name: String, id: SeriesID)] = []
    }

    let plan: SimulationPlan
    /// Is told of each step and where the store stands after it.
    var trace: ((String) -> Void)?
    var random: SeededGenerator
    var disk = MemoryFileStore()
    let clock = ManualClock(wallMilliseconds: SimulatedRun.began)
    /// Nil only between two processes.
    var test: TestStore?
    var groups: [Group] = []
    var expected: [String: [Int64: Entry]] = [:]
    /// Every value that was ever acknowledged for a time.
    var sent: [String: [Int64: [UInt64]]] = [:]
    var levels: [String: Double] = [:]
    var time = SimulatedRun.began
    var order = 0
    /// What was acknowledged up to here survives a kill, and a power cut.
    var written = 0
    var durable = 0
    /// Rows up to this commit sequence may have left the ring.
    var goneThrough: UInt64?
    /// Samples that a power cut cost, by commit sequence.
    var cut: [UInt64: Int] = [:]
    /// The power was cut, or a process was stopped within an operation.
    var wasTorn = false
    /// Rows answered for a time; samples of it that come back later are no wonder.
    var wasCoarse = false
    /// Something on the disk was changed behind the store's back, or could not be read.
    var isDamaged = false
    /// The disk claimed a sync it did not do; then there is nothing left to tell a loss by.
    var wasLiedTo = false
    /// Faults that were not reached go on with the disk.
    var keepsFaults = false
    /// How a process that is stopped ends; by chance when nil.
    var endingOfStops: Ending?
    /// Processes stopped so far.
    var stops = 0
    var position = LogPosition(sequence: 0)
    var shipped: [String: [Int64: UInt64]] = [:]

    static let began: Int64 = 1_700_000_000_000

    init(_ plan: SimulationPlan, random: SeededGenerator) throws {
        self.plan = plan
        self.random = random
        groups = (0..<plan.groups).map { _ in Group() }
        for number in groups.indices {
            groups[number].series = (0..<plan.series).map { ("m\(number)_\($0)", SeriesID(rawValue: 0)) }
            if plan.hasHistograms { groups[number].series.append(("h\(number)", SeriesID(rawValue: 0))) }
        }
        plant()
        wasTorn = plan.tearsFailedWrites
        test = try open()
        try register()
    }

    /// The store of the process that runs now.
    var store: Store {
        get throws {
            guard let test else { throw BrokenPromise("no process runs") }
            return test.store
        }
    }

    func open() throws(StoreError) -> TestStore {
        let plan = plan
        traceOperations()
        return try TestStore(files: disk, clock: clock) { plan.set(&$0) }
    }

    /// Shows what is done to the disk between the steps.
    func traceOperations() {
        guard trace != nil else { return }
        disk.state.withLock { $0.onOperation = { print("    \($0) \($1)") } }
    }

    /// Makes the disk lie as the plan has it.
    func plant() {
        if plan.tearsFailedWrites { disk.state.withLock { $0.tearsFailedWrites = true } }
        guard let lie = plan.lie else { return }
        disk.state.withLock { $0.lie = lie }
    }

    /// Handles end with a process.
    mutating func register() throws {
        for number in groups.indices {
            groups[number].id = try store.group(Labels([("job", "g\(number)")]))
            for place in groups[number].series.indices {
                groups[number].series[place].id = try handle(groups[number].series[place].name, number)
            }
        }
    }

    private func handle(_ name: String, _ group: Int) throws -> SeriesID {
        try store.series(Labels([("__name__", name), ("job", "g\(group)")]), in: groups[group].id)
    }

    /// A series that joins later.
    mutating func addSeries() throws {
        let number = Int.random(in: 0..<groups.count, using: &random)
        guard groups[number].series.count < 3 * plan.series else { return }
        let name = "m\(number)_\(groups[number].series.count)"
        groups[number].series.append((name, try handle(name, number)))
    }

    // MARK: - Appending

    mutating func append() throws {
        let number = Int.random(in: 0..<groups.count, using: &random)
        let isLate = groups[number].newest > 0 && Int.random(in: 0..<12, using: &random) == 0
        var stamp = groups[number].newest
        if isLate {
            stamp -= Int64.random(in: 0...20_000, using: &random)
        } else {
            let step = Int64.random(in: 1...2_000, using: &random)
            time += step
            clock.advance(milliseconds: step)
            stamp = max(time, stamp == .min ? time : stamp + 1)
        }
        var batch = SampleBatch(group: groups[number].id, timestamp: Timestamp(milliseconds: stamp))
        var want = AppendResult()
        var added: [(name: String, bits: UInt64)] = []
        var isCertain = !isDamaged
        for (name, id) in groups[number].series where Int.random(in: 0..<8, using: &random) > 0 {
            let bits: UInt64
            if SimulatedRun.isHistogram(name) {
                guard Int.random(in: 0..<3, using: &random) == 0 else { continue }
                bits = UInt64.random(in: 1...1000, using: &random)
                batch.append(id, SimulatedRun.histogram(bits))
            } else {
                bits = value(name)
                batch.append(id, Double(bitPattern: bits))
            }
            if let there = expected[name]?[stamp] {
                if isGone(there) { isCertain = false }
                if there.bits != bits { want.duplicate += 1 }
            } else {
                if sent[name]?[stamp] != nil { isCertain = false }
                added.append((name, bits))
            }
        }
        want.appended = added.count
        let sequence = try store.end.sequence
        let before = try store.head.withLock { $0.nextSequence }
        let result: AppendResult
        do {
            result = try store.append(batch)
        } catch SinkError.unavailable {
            // Refused as a whole; or, where each append is to be durable, in memory and not promised.
            guard try store.head.withLock({ $0.nextSequence }) > before else { return }
            result = want
        }
        if isCertain, result != want, !disk.isDead {
            throw BrokenPromise("append at \(stamp) of g\(number) said \(result), not \(want)")
        }
        // Samples beside one that may be there or not, in a run that evicts: ask the store what it took.
        if added.isEmpty { return }
        order += 1
        for (name, bits) in added {
            expected[name, default: [:]][stamp] = Entry(bits: bits, order: order, sequence: sequence)
            sent[name, default: [:]][stamp, default: []].append(bits)
        }
        groups[number].newest = max(groups[number].newest, stamp)
    }

    static func isHistogram(_ name: String) -> Bool { name.hasPrefix("h") }

    /// The histogram that stands for a number, which is its count.
    static func histogram(_ number: UInt64) -> NativeHistogram {
        NativeHistogram(
            schema: 3,
            count: number,
            sum: Double(number) / 8,
            zeroCount: number % 3,
            positive: (0..<Int32(number % 4)).map { HistogramBucket(index: $0 * 5, rawCount: number) }
        )
    }

    private mutating func value(_ name: String) -> UInt64 {
        switch UInt64.random(in: 0..<20, using: &random) {
        case 0: return StaleMarker.bits
        case 1: return UInt64.random(in: 0...UInt64.max, using: &random)
        case 2..<8: return (levels[name] ?? 1).bitPattern
        default:
            let step = Double(Int.random(in: -50...50, using: &random)) / 10
            levels[name] = ((levels[name] ?? 1) * 10 + step * 10).rounded() / 10
            return (levels[name] ?? 0).bitPattern
        }
    }

    // MARK: - What the promises are about

    /// Notes after each step what is safe by now, and what has left the ring.
    mutating func settle() throws {
        let store = try store
        if let newest = store.sealer.withLock({ $0.ring.givenUpThrough }) {
            goneThrough = max(goneThrough ?? 0, newest)
        }
        guard !disk.isDead else { return }
        let isWritten =
            store.writer.withLock { !$0.isFailing } && store.head.withLock { $0.log.pendingPages == 0 }
        guard isWritten, store.writer.withLock({ $0.file.hasFile }) else { return }
        written = order
        if store.writer.withLock({ !$0.file.needsSync && $0.syncFailure == nil }) { durable = order }
    }

    /// All windows are in segments now.
    mutating func noteSealed() {
        if !disk.isDead { (written, durable) = (order, order) }
    }

    func isGone(_ entry: Entry) -> Bool {
        goneThrough.map { entry.sequence <= $0 } ?? false
    }
}
