// SPDX-License-Identifier: Apache-2.0
//
// One gateway and one receiver, by a seed: rows come, also late and behind the end that may be shipped; the ring
// overwrites; requests and answers are lost; the process is killed, or the power cut, at any put and any request. What
// happens in between is StreamDelivery's, as in the daemon.

import Config
import HTTPClient
import Platform
import Samples
import StateStore

@testable import Sync

struct SyncWorld {
    /// What is wrong, with the seed that shows it.
    struct Violation: Error, CustomStringConvertible {
        let description: String
    }

    private struct SimulatedPeer: Peer {
        var profile: PeerProfile { PeerProfile() }
        let real: RemoteWritePeer

        func encode(
            _ series: [LogChunk.Series],
            _ message: MessageKind,
            _ encoding: BodyEncoding,
            into body: inout [UInt8]
        ) { real.encode(series, message, encoding, into: &body) }

        func request(_ batch: Batch, attempt: Int) -> HTTPClientRequest {
            HTTPClientRequest(url: "http://nowhere")
        }
        func verdict(_ response: HTTPClientResponse, of batch: Batch) -> Verdict { .accepted }
    }

    let seed: UInt64
    var random: SeededGenerator
    let log = MemoryLog()
    let state = SimulatedState()
    let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    var receiver: SimulatedReceiver
    private let plan: Destination.Plan
    private let key = StreamRecord.key(destination: "d", rule: .everything)
    private let batchSamples: Int
    /// Out of a hundred requests so many go wrong.
    private let troubles: Int
    private let groups: Int
    private let series: Int
    private let hasEvictions: Bool
    private let poisonPercent: Int
    /// A target whose samples nobody takes.
    private let badGroup: Int?
    private var process: StreamDelivery?
    private var step: StreamDelivery.Step?
    /// Rows that left the ring before they were delivered.
    private var excused: Set<Int> = []
    private var isQuiet = false
    private var newestSecond: Int64 = 1_700_000_000_000
    private(set) var kills = 0
    private(set) var powerCuts = 0
    private(set) var givenUp = 0
    private(set) var repeatedSamples = 0

    init(seed: UInt64) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        let kinds = SimulatedReceiver.Kind.allCases
        receiver = SimulatedReceiver(
            kinds[Int.random(in: 0..<kinds.count, using: &random)],
            sizeLimit: Bool.random(using: &random) ? .max : Int.random(in: 1...60, using: &random)
        )
        troubles = [0, 10, 30, 60].randomElement(using: &random) ?? 0
        groups = Int.random(in: 1...3, using: &random)
        series = Int.random(in: 1...6, using: &random)
        hasEvictions = Int.random(in: 0..<4, using: &random) == 0
        poisonPercent = [0, 0, 2].randomElement(using: &random) ?? 0
        badGroup = Int.random(in: 0..<5, using: &random) == 0 ? 0 : nil
        // What is rejected throughout is given up after 64 requests, with whatever lies behind.
        batchSamples = Int.random(in: 1...(badGroup == nil ? 120 : 20), using: &random)
        plan = Destination.Plan(
            config: RemoteWriteConfig(name: "d", url: "http://nowhere"),
            sync: SyncConfig(),
            externalLabels: Labels()
        )
        self.random = random
    }

    /// Lives through some hundred events, then waits until everything is delivered, and looks.
    mutating func run(events: Int = 160) throws {
        for _ in 0..<events {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<5: append()
            case 5 where hasEvictions: evict()
            case 6:
                let end = log.end.sequence
                log.hold(UInt64.random(in: 0...min(4, end), using: &random))
            case 7:
                state.die(
                    afterPuts: Int.random(in: 0...6, using: &random),
                    keepsLast: Bool.random(using: &random)
                )
            case 8: try end(powerCut: Int.random(in: 0..<3, using: &random) == 0)
            default: try pump()
            }
        }
        isQuiet = true
        log.hold(0)
        for _ in 0..<100_000 {
            try pump()
            if process?.position == log.end, step == nil { return try check() }
        }
        throw violation("it never ends")
    }

    // MARK: - What happens

    private mutating func append() {
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let group = Int.random(in: 0..<groups, using: &random)
            newestSecond += 1000
            // Who keeps to an order gets late rows once there is a gate for them.
            let isLate = receiver.kind != .inOrder && Int.random(in: 0..<10, using: &random) == 0
            let late = isLate ? Int64.random(in: 1...1200, using: &random) * 1000 : 0
            // No two rows of one time: a receiver's objection to one row says nothing of another.
            append(group, newestSecond - late + Int64(log.end.sequence % 1000))
        }
    }

    private mutating func append(_ group: Int, _ time: Int64) {
        var samples: [(labels: Labels, value: Double)] = []
        for number in 0..<series where Int.random(in: 0..<8, using: &random) > 0 {
            let isPoison = group == badGroup || Int.random(in: 0..<100, using: &random) < poisonPercent
            let value = Double(Int.random(in: 1...1000, using: &random))
            samples.append(
                (Labels([("__name__", "m\(number)"), ("job", "g\(group)")]), isPoison ? -value : value)
            )
        }
        log.append(MemoryLog.Row(timestamp: time, samples: samples))
    }

    private mutating func evict() {
        let (oldest, end) = (Int(log.oldest.sequence), Int(log.end.sequence))
        guard oldest < end else { return }
        let next = Int.random(in: oldest...min(end, oldest + 30), using: &random)
        for place in oldest..<next
        where !log.rows[place].samples.allSatisfy({ receiver.has($0.labels, log.rows[place].timestamp) }) {
            excused.insert(place)
        }
        log.drop(before: next)
    }

    private mutating func end(powerCut: Bool) throws {
        process = nil
        step = nil
        if powerCut {
            powerCuts += 1
            clock.reboot(wallMilliseconds: clock.wallMilliseconds())
        } else {
            kills += 1
        }
        state.revive(afterPowerCut: powerCut)
    }

    // MARK: - Delivery

    private mutating func pump() throws {
        if state.isDead { try end(powerCut: Int.random(in: 0..<3, using: &random) == 0) }
        if process == nil {
            let peer = SimulatedPeer(real: RemoteWritePeer(plan, clock: clock))
            let keeper = try StreamKeeper(
                key: key,
                destination: "d",
                oldest: log.oldest,
                end: log.end,
                state: state,
                clock: clock
            )
            let backoff = Backoff(base: .milliseconds(30), cap: .seconds(5))
            process = StreamDelivery(
                keeper: keeper,
                state: SyncState(cursor: LogPosition(sequence: keeper.record.position), backoff: backoff),
                source: RowSource(log: log, peer: peer, clock: clock, plan: plan),
                peer: peer
            )
        }
        guard var running = process else { return }
        process = nil
        defer { if !state.isDead { process = running } else { step = nil } }
        switch step {
        case nil, .nothing, .done:
            let begun = try running.begin(BatchLimits(samples: batchSamples))
            if begun.isRebuilt, !hasEvictions { throw violation("a frozen batch came out different") }
            step = begun.step
            if case .nothing = begun.step { step = nil }
            if case .done = begun.step { step = nil }
        case .wait(let pause, let batch, let attempt):
            clock.advance(milliseconds: pause.milliseconds)
            step = .send(batch, attempt: attempt)
        case .send(let batch, _):
            try send(batch, &running)
        }
        try checkRecord(running.keeper.record)
    }

    private mutating func send(_ batch: Batch, _ running: inout StreamDelivery) throws {
        // No byte leaves before its recipe is kept.
        guard !state.isDead else { return }
        guard let kept = state.committed(key),
            kept.recipes.contains(where: { $0.number == batch.recipe.number })
        else { throw violation("a batch was sent that is not kept") }
        clock.advance(milliseconds: Int64.random(in: 1...800, using: &random))
        let trouble = isQuiet ? 100 : Int.random(in: 0..<100, using: &random)
        let verdict: Verdict
        switch trouble < troubles ? Int.random(in: 0..<6, using: &random) : 6 {
        case 0: verdict = .unreachable(reason: "no route", isTimeout: false)
        case 1: verdict = .unreachable(reason: "timeout", isTimeout: true)
        case 2:
            _ = receiver.receive(batch.series)
            verdict = .unreachable(reason: "reset", isTimeout: Bool.random(using: &random))
        case 3: verdict = .busy(retryAfter: nil, reason: "status 503")
        case 4: verdict = .refused(reason: "status 401")
        case 5:
            // The process ends before the request arrives, or before its answer does.
            if Bool.random(using: &random) { _ = receiver.receive(batch.series) }
            return state.die()
        default: verdict = receiver.receive(batch.series)
        }
        let time = Timestamp(milliseconds: clock.wallMilliseconds())
        let concluded = running.conclude(verdict, jitter: 0.5, time: time)
        if let drop = concluded.drop, !state.isDead {
            if drop.isRepeated { repeatedSamples += drop.samples } else { givenUp += drop.samples }
        }
        step = concluded.step
        if case .done = concluded.step { step = nil }
        if trouble < troubles, case .send = concluded.step, Int.random(in: 0..<4, using: &random) == 0 {
            state.die(
                afterPuts: Int.random(in: 0...2, using: &random),
                keepsLast: Bool.random(using: &random)
            )
        }
    }

    // MARK: - What must hold

    private func violation(_ words: String) -> Violation {
        Violation(description: "seed \(seed), \(receiver.kind): \(words)")
    }

    private func checkRecord(_ record: StreamRecord) throws {
        if let words = record.invariantViolation { throw violation(words) }
        guard StreamRecord(record.bytes) == record else {
            throw violation("a record is not what was written")
        }
    }

    private func check() throws {
        var known: [Labels: [Int64: UInt64]] = [:]
        var missing = 0
        var poison = 0
        for (place, row) in log.rows.enumerated() {
            for (labels, value) in row.samples {
                if SimulatedReceiver.isPoison(value), receiver.kind != .everything {
                    poison += 1
                    continue
                }
                known[labels, default: [:]][row.timestamp] = value.bitPattern
                if !excused.contains(place), !receiver.has(labels, row.timestamp) { missing += 1 }
            }
        }
        if missing > 0 { throw violation("\(missing) samples are missing") }
        for (labels, samples) in receiver.stored {
            for (time, bits) in samples where known[labels]?[time] != bits {
                throw violation("\(labels) at \(time) was invented")
            }
        }
        if kills + powerCuts == 0, !hasEvictions, givenUp != poison {
            throw violation("\(givenUp) samples were given up, \(poison) are unacceptable")
        }
    }
}
