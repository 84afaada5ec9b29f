// SPDX-License-Identifier: Apache-2.0
//
// The state machine alone: what it decides after every kind of answer; and against simulated receivers that take a
// request as a whole or not at all, that everything acceptable arrives, in order, exactly once.

import Platform
import Samples
import Testing

@testable import Sync

private let backoff = Backoff(base: .milliseconds(30), cap: .seconds(5))

/// The machine behind a reference, which `#expect` can call mutating verbs on.
@dynamicMemberLookup
private final class Machine {
    var state = SyncState(cursor: LogPosition(sequence: 10), backoff: backoff)

    subscript<T>(dynamicMember path: KeyPath<SyncState, T>) -> T { state[keyPath: path] }

    /// Series with samples at times 0, 1, 2 and so on.
    func begin(_ counts: [Int], next: UInt64) -> SyncState.Action {
        begin(counts.map { (0..<Int64($0)).map { $0 } }, next: next)
    }

    func begin(_ timestamps: [[Int64]], next: UInt64) -> SyncState.Action {
        state.begin(Parts(timestamps: timestamps), next: LogPosition(sequence: next))
    }

    func conclude(_ verdict: Verdict, jitter: Double = 0) -> (drop: SyncState.Drop?, next: SyncState.Action) {
        state.conclude(verdict, jitter: jitter)
    }
}

private let poison = Verdict.rejected(reason: "bad label", isOrder: false)
private let old = Verdict.rejected(reason: "too old", isOrder: true)
private let down = Verdict.unreachable(reason: "down", isTimeout: false)
private let end = LogPosition(sequence: 20)

private func part(_ series: Range<Int>, _ times: ClosedRange<Int64>) -> Part {
    Part(series: series, times: times)
}

@Suite struct SyncStateTests {
    private let state = Machine()

    @Test func acceptedStretchMovesTheCursor() {
        #expect(state.begin([1, 2], next: 20) == .send(part(0..<2, 0...1), attempt: 0))
        #expect(state.state.samples(in: part(0..<2, 0...1)) == 3)
        #expect(state.cursor == LogPosition(sequence: 10))
        let (drop, action) = state.conclude(.accepted)
        #expect(drop == nil)
        #expect(action == .advance(end))
        #expect(state.cursor == end)
        #expect(state.health == .healthy)
    }

    @Test(arguments: [[], [0, 0]])
    func stretchWithoutSamplesIsPassedOver(counts: [Int]) {
        #expect(state.begin(counts, next: 20) == .advance(end))
        #expect(state.cursor == end)
    }

    // MARK: - Retries

    @Test func networkFailuresRepeatTheSamePartWithGrowingPauses() {
        _ = state.begin([5], next: 20)
        let whole = part(0..<1, 0...4)
        for (failures, milliseconds) in [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480)] {
            #expect(
                state.conclude(down, jitter: 1).next
                    == .wait(.milliseconds(milliseconds), whole, attempt: failures)
            )
        }
        for attempt in 6...200 {
            guard case .wait(let pause, whole, attempt) = state.conclude(down, jitter: 1).next else {
                Issue.record("not a wait")
                return
            }
            #expect(pause <= .seconds(5))
        }
        #expect(state.failures == 200)
        #expect(state.health == .retrying)
        #expect(state.conclude(.accepted).next == .advance(end))
        #expect(state.failures == 0)
        #expect(state.health == .healthy)
    }

    @Test func jitterCoversTheWholeRangeAboveTheBase() {
        #expect(backoff.pause(failures: 5, jitter: 0) == .milliseconds(30))
        #expect(backoff.pause(failures: 5, jitter: 0.5) == .milliseconds(240))
        #expect(backoff.pause(failures: .max, jitter: 1) == .seconds(5))
        #expect(Backoff(base: .seconds(9), cap: .seconds(5)).pause(failures: 1, jitter: 0) == .seconds(5))
    }

    @Test func busyWaitsAtLeastWhatIsAsked() {
        _ = state.begin([1], next: 20)
        let whole = part(0..<1, 0...0)
        let asked = Verdict.busy(retryAfter: .seconds(10), reason: "")
        #expect(state.conclude(asked).next == .wait(.seconds(10), whole, attempt: 1))
        #expect(state.conclude(asked, jitter: 1).next == .wait(.seconds(11), whole, attempt: 2))
        let unasked = Verdict.busy(retryAfter: nil, reason: "")
        #expect(state.conclude(unasked, jitter: 1).next == .wait(.milliseconds(120), whole, attempt: 3))
    }

    @Test func refusalsKeepEverythingAndSlowDown() {
        _ = state.begin([1], next: 20)
        let whole = part(0..<1, 0...0)
        let refused = Verdict.refused(reason: "status 401")
        #expect(state.conclude(refused, jitter: 1).next == .wait(.seconds(30), whole, attempt: 1))
        #expect(state.conclude(refused).next == .wait(.seconds(30), whole, attempt: 2))
        for _ in 0..<20 {
            let (drop, action) = state.conclude(refused, jitter: 1)
            #expect(drop == nil)
            guard case .wait(let pause, _, _) = action else {
                Issue.record("not a wait")
                return
            }
            #expect(pause >= .seconds(60) && pause <= .seconds(300))
        }
        #expect(state.health == .refused)
    }

    @Test func timeoutsInARowHalveTheRequest() {
        _ = state.begin([100, 100], next: 20)
        let timeout = Verdict.unreachable(reason: "timeout", isTimeout: true)
        #expect(
            state.conclude(timeout, jitter: 1).next
                == .wait(.milliseconds(30), part(0..<2, 0...99), attempt: 1)
        )
        #expect(
            state.conclude(timeout, jitter: 1).next
                == .wait(.milliseconds(60), part(0..<1, 0...99), attempt: 2)
        )
        #expect(state.readLimit == 100)
    }

    // MARK: - Halving

    @Test func tooLargeHalvesAndReadsLess() {
        _ = state.begin([100, 100, 100, 100], next: 20)
        let (drop, action) = state.conclude(.tooLarge(reason: ""))
        #expect(drop == nil)
        #expect(action == .send(part(0..<2, 0...99), attempt: 0))
        #expect(state.readLimit == 200)
        #expect(state.conclude(.accepted).next == .send(part(2..<4, 0...99), attempt: 0))
        #expect(state.conclude(.accepted).next == .advance(end))
        // Eight good stretches and it tries twice as much.
        for index in 0..<7 {
            _ = state.begin([1], next: UInt64(30 + index))
            _ = state.conclude(.accepted)
        }
        #expect(state.readLimit == 400)
    }

    @Test func oneSeriesIsHalvedByTimeDownToOneSample() {
        _ = state.begin([[5, 8, 9]], next: 20)
        #expect(state.conclude(poison).next == .send(part(0..<1, 5...7), attempt: 0))
        let (drop, action) = state.conclude(poison)
        #expect(drop == SyncState.Drop(firstSeries: 0, samples: 1, reason: .rejected, words: "bad label"))
        #expect(action == .send(part(0..<1, 8...9), attempt: 0))
        #expect(state.conclude(.accepted).next == .advance(end))
    }

    @Test func seriesAreHalvedFirstUnlessTimeIsTheMatter() {
        _ = state.begin([[1, 9], [1, 9]], next: 20)
        #expect(state.conclude(poison).next == .send(part(0..<1, 1...9), attempt: 0))
        let other = Machine()
        _ = other.begin([[1, 9], [1, 9]], next: 20)
        #expect(other.conclude(old).next == .send(part(0..<2, 1...5), attempt: 0))
    }

    @Test func extremeTimesDoNotOverflow() {
        _ = state.begin([[.min, 0, .max]], next: 20)
        var action = state.conclude(old).next
        var requests = 0
        while case .send = action, requests < 20 {
            requests += 1
            action = state.conclude(old).next
        }
        #expect(action == .advance(end))
    }

    // MARK: - Giving up

    @Test func aStretchThatIsRejectedThroughoutIsGivenUpSoonAndTheNextSooner() {
        for (round, limit) in [SyncState.hopelessRequests, 2, 2].enumerated() {
            var action = state.begin([Int](repeating: 10, count: 1000), next: UInt64(20 + round))
            var dropped = 0
            var requests = 0
            while case .send = action {
                requests += 1
                let (drop, following) = state.conclude(poison)
                dropped += drop?.samples ?? 0
                action = following
            }
            #expect(requests == limit)
            #expect(dropped == 10_000)
            #expect(action == .advance(LogPosition(sequence: UInt64(20 + round))))
        }
        // The oldest row is accepted: the rest goes as one, in order.
        #expect(state.begin([10, 10], next: 40) == .send(part(0..<2, 0...0), attempt: 0))
        #expect(state.conclude(.accepted).next == .send(part(0..<2, 1...9), attempt: 0))
        #expect(state.conclude(.accepted).next == .advance(LogPosition(sequence: 40)))
        #expect(state.begin([10, 10], next: 50) == .send(part(0..<2, 0...9), attempt: 0))
    }

    @Test func onTheBoundaryOfWhatIsTooOldTheNewestIsTried() {
        state.state.isHopeless = true
        #expect(state.begin([10, 10], next: 20) == .send(part(0..<2, 0...0), attempt: 0))
        #expect(state.conclude(old).next == .send(part(0..<2, 9...9), attempt: 0))
        #expect(state.conclude(.accepted).next == .send(part(0..<2, 1...8), attempt: 0))
        #expect(state.conclude(.accepted).next == .advance(end))
    }

    @Test func networkFailuresAreNoRejections() {
        _ = state.begin([10, 10], next: 20)
        for _ in 0..<200 { _ = state.conclude(down) }
        let (drop, action) = state.conclude(poison)
        #expect(drop == nil)
        #expect(action == .send(part(0..<1, 0...9), attempt: 0))
    }

    @Test func aProbeThatIsTooLargeIsHalvedNotGivenUp() {
        state.state.isHopeless = true
        _ = state.begin([10, 10], next: 20)
        let (drop, action) = state.conclude(.tooLarge(reason: ""))
        #expect(drop == nil)
        #expect(action == .send(part(0..<1, 0...0), attempt: 0))
        #expect(state.conclude(.accepted).next == .send(part(1..<2, 0...0), attempt: 0))
        #expect(state.conclude(.accepted).next == .send(part(0..<2, 1...9), attempt: 0))
    }

    // MARK: - Against receivers

    private struct Sample: Hashable {
        var series: Int
        var time: Int64
    }

    private func samples(_ part: Part, _ timestamps: [[Int64]]) -> [Sample] {
        part.series.flatMap { series in
            timestamps[series].filter(part.times.contains).map { Sample(series: series, time: $0) }
        }
    }

    @Test func everythingButThePoisonArrivesOnceAndInOrder() {
        var generator = SeededGenerator(seed: 11)
        for round in 0..<300 {
            let state = Machine()
            let timestamps = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                (0..<Int64.random(in: 0...12, using: &generator)).map { $0 * 1000 }
            }
            let all = timestamps.indices.flatMap { series in
                timestamps[series].map { Sample(series: series, time: $0) }
            }
            guard !all.isEmpty else { continue }
            let poisoned = Set(
                (0..<Int.random(in: 0...3, using: &generator)).compactMap { _ in
                    all.randomElement(using: &generator)
                }
            )
            let sizeLimit = Int.random(in: 1...200, using: &generator)
            var received: [Sample] = []
            var dropped = 0
            var action = state.begin(timestamps, next: 20)
            for _ in 0..<10_000 {
                let part: Part
                switch action {
                case .advance: continue
                case .send(let next, _), .wait(_, let next, _): part = next
                }
                let content = samples(part, timestamps)
                #expect(!content.isEmpty)
                let verdict: Verdict =
                    switch Int.random(in: 0..<10, using: &generator) {
                    case 0: .unreachable(reason: "", isTimeout: Bool.random(using: &generator))
                    case 1: .busy(retryAfter: nil, reason: "")
                    default:
                        content.count > sizeLimit
                            ? .tooLarge(reason: "")
                            : content.contains(where: poisoned.contains) ? poison : .accepted
                    }
                if verdict == .accepted { received += content }
                let (drop, next) = state.conclude(verdict, jitter: 0.5)
                dropped += drop?.samples ?? 0
                action = next
            }
            #expect(action == .advance(end))
            #expect(received.count + poisoned.count == all.count, "round \(round)")
            #expect(Set(received) == Set(all).subtracting(poisoned), "round \(round)")
            #expect(dropped == poisoned.count, "round \(round)")
            for (_, arrived) in Dictionary(grouping: received, by: \.series) {
                #expect(arrived.map(\.time) == arrived.map(\.time).sorted())
            }
        }
    }

    /// Prometheus without an out-of-order window: a sample not newer than its series' newest fails the whole request,
    /// unless it is the newest itself, bit for bit.
    @Test func anInOrderReceiverGetsEachSampleOnceDespiteLostAnswers() {
        var generator = SeededGenerator(seed: 12)
        for round in 0..<300 {
            let state = Machine()
            var stored: [[Int64]] = []
            var sent: [[Int64]] = []
            var time: Int64 = 0
            let seriesCount = Int.random(in: 1...30, using: &generator)
            stored = [[Int64]](repeating: [], count: seriesCount)
            sent = stored
            var rejections = 0
            for stretch in 0..<6 {
                let rows = Int.random(in: 1...15, using: &generator)
                let times = (0..<rows).map { time + Int64($0) * 1000 }
                time += Int64(rows) * 1000
                let timestamps = [[Int64]](repeating: times, count: seriesCount)
                for index in sent.indices { sent[index] += times }
                var action = state.begin(timestamps, next: UInt64(20 + stretch))
                for _ in 0..<2000 {
                    let part: Part
                    switch action {
                    case .advance: continue
                    case .send(let next, _), .wait(_, let next, _): part = next
                    }
                    let content = samples(part, timestamps)
                    let isRejected = content.contains { sample in
                        stored[sample.series].last.map { $0 > sample.time } ?? false
                    }
                    var verdict = isRejected ? old : .accepted
                    switch Int.random(in: 0..<8, using: &generator) {
                    case 0:
                        verdict = .unreachable(reason: "before", isTimeout: Bool.random(using: &generator))
                    case 1 where !isRejected:
                        // Stored, and the answer is lost.
                        for sample in content where stored[sample.series].last != sample.time {
                            stored[sample.series].append(sample.time)
                        }
                        verdict = .unreachable(reason: "after", isTimeout: Bool.random(using: &generator))
                    default: break
                    }
                    if verdict == .accepted {
                        for sample in content where stored[sample.series].last != sample.time {
                            stored[sample.series].append(sample.time)
                        }
                    }
                    if isRejected { rejections += 1 }
                    action = state.conclude(verdict, jitter: 0.5).next
                }
                #expect(action == .advance(LogPosition(sequence: UInt64(20 + stretch))))
            }
            #expect(stored == sent, "round \(round)")
            // A replayed stretch costs requests in its rows, not in its samples.
            #expect(rejections < 6 * 80, "round \(round)")
        }
    }
}
