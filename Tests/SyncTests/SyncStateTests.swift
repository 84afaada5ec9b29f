// SPDX-License-Identifier: Apache-2.0
//
// The state machine alone: what it decides after every kind of answer, and by a simulated receiver with poison samples
// that everything else arrives, in order, exactly once.

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

    func begin(sampleCounts: [Int], next: LogPosition) -> SyncState.Action {
        state.begin(sampleCounts: sampleCounts, next: next)
    }

    func conclude(_ verdict: Verdict, jitter: Double) -> (drop: SyncState.Drop?, next: SyncState.Action) {
        state.conclude(verdict, jitter: jitter)
    }
}

private func whole(_ count: Int) -> Part { Part(series: 0..<count, samples: nil) }

@Suite struct SyncStateTests {
    private func fresh() -> Machine { Machine() }

    @Test func acceptedStretchMovesTheCursor() {
        let state = fresh()
        let next = LogPosition(sequence: 20)
        #expect(state.begin(sampleCounts: [1, 2], next: next) == .send(whole(2), attempt: 0))
        #expect(state.state.samples(in: whole(2)) == 3)
        #expect(state.cursor == LogPosition(sequence: 10))
        let (drop, action) = state.conclude(.accepted, jitter: 0)
        #expect(drop == nil)
        #expect(action == .advance(next))
        #expect(state.cursor == next)
        #expect(state.health == .healthy)
    }

    @Test(arguments: [[], [0, 0]])
    func stretchWithoutSamplesIsPassedOver(counts: [Int]) {
        let state = fresh()
        let next = LogPosition(sequence: 30)
        #expect(state.begin(sampleCounts: counts, next: next) == .advance(next))
        #expect(state.cursor == next)
    }

    @Test func networkFailuresRepeatTheSamePartWithGrowingPauses() {
        let state = fresh()
        _ = state.begin(sampleCounts: [5], next: LogPosition(sequence: 20))
        let verdict = Verdict.unreachable(reason: "down", isTimeout: false)
        for (failures, milliseconds) in [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480)] {
            #expect(
                state.conclude(verdict, jitter: 1).next
                    == .wait(.milliseconds(milliseconds), whole(1), attempt: failures)
            )
        }
        for attempt in 6...200 {
            guard case .wait(let pause, whole(1), attempt) = state.conclude(verdict, jitter: 1).next else {
                Issue.record("not a wait")
                return
            }
            #expect(pause <= .seconds(5))
        }
        #expect(state.failures == 200)
        #expect(state.health == .retrying)
        #expect(state.conclude(.accepted, jitter: 0).next == .advance(LogPosition(sequence: 20)))
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
        let state = fresh()
        _ = state.begin(sampleCounts: [5], next: LogPosition(sequence: 20))
        let asked = Verdict.busy(retryAfter: .seconds(10), reason: "")
        #expect(state.conclude(asked, jitter: 0).next == .wait(.seconds(10), whole(1), attempt: 1))
        #expect(state.conclude(asked, jitter: 1).next == .wait(.seconds(11), whole(1), attempt: 2))
        let unasked = Verdict.busy(retryAfter: nil, reason: "")
        #expect(state.conclude(unasked, jitter: 1).next == .wait(.milliseconds(120), whole(1), attempt: 3))
    }

    @Test func refusalsKeepEverythingAndSlowDown() {
        let state = fresh()
        _ = state.begin(sampleCounts: [5], next: LogPosition(sequence: 20))
        let refused = Verdict.refused(reason: "status 401")
        #expect(state.conclude(refused, jitter: 1).next == .wait(.seconds(30), whole(1), attempt: 1))
        #expect(state.conclude(refused, jitter: 0).next == .wait(.seconds(30), whole(1), attempt: 2))
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

    @Test func tooLargeHalvesAndReadsLess() {
        let state = fresh()
        _ = state.begin(sampleCounts: [100, 100, 100, 100], next: LogPosition(sequence: 20))
        let (drop, action) = state.conclude(.tooLarge(reason: ""), jitter: 0)
        #expect(drop == nil)
        #expect(action == .send(Part(series: 0..<2, samples: nil), attempt: 0))
        #expect(state.readLimit == 200)
        #expect(
            state.conclude(.accepted, jitter: 0).next == .send(Part(series: 2..<4, samples: nil), attempt: 0)
        )
        #expect(state.conclude(.accepted, jitter: 0).next == .advance(LogPosition(sequence: 20)))
        // Eight good stretches and it tries twice as much.
        for index in 0..<7 {
            _ = state.begin(sampleCounts: [1], next: LogPosition(sequence: UInt64(30 + index)))
            _ = state.conclude(.accepted, jitter: 0)
        }
        #expect(state.readLimit == 400)
    }

    @Test func oneSeriesIsHalvedByItsSamplesDownToOne() {
        let state = fresh()
        _ = state.begin(sampleCounts: [3], next: LogPosition(sequence: 20))
        #expect(
            state.conclude(.rejected(reason: "a"), jitter: 0).next
                == .send(Part(series: 0..<1, samples: 0..<1), attempt: 0)
        )
        let (drop, action) = state.conclude(.rejected(reason: "b"), jitter: 0)
        #expect(
            drop
                == SyncState.Drop(
                    part: Part(series: 0..<1, samples: 0..<1),
                    samples: 1,
                    reason: .rejected,
                    words: "b"
                )
        )
        #expect(action == .send(Part(series: 0..<1, samples: 1..<3), attempt: 0))
        #expect(state.conclude(.accepted, jitter: 0).next == .advance(LogPosition(sequence: 20)))
    }

    @Test func timeoutsInARowHalveTheRequest() {
        let state = fresh()
        _ = state.begin(sampleCounts: [100, 100], next: LogPosition(sequence: 20))
        let timeout = Verdict.unreachable(reason: "timeout", isTimeout: true)
        guard case .wait(_, whole(2), _) = state.conclude(timeout, jitter: 0).next else {
            Issue.record("the first timeout repeats the whole")
            return
        }
        guard case .wait(_, Part(series: 0..<1, samples: nil), _) = state.conclude(timeout, jitter: 0).next
        else {
            Issue.record("the second halves it")
            return
        }
        #expect(state.readLimit == 100)
    }

    @Test func aStretchThatIsRejectedThroughoutIsGivenUpSoon() {
        let state = fresh()
        var requests = 0
        for (round, limit) in [SyncState.hopelessRequests.first, SyncState.hopelessRequests.following]
            .enumerated()
        {
            let next = LogPosition(sequence: UInt64(20 + round))
            var action = state.begin(sampleCounts: [Int](repeating: 10, count: 1000), next: next)
            var dropped = 0
            requests = 0
            while case .send = action {
                requests += 1
                let (drop, following) = state.conclude(.rejected(reason: "too old"), jitter: 0)
                dropped += drop?.samples ?? 0
                action = following
            }
            #expect(requests == limit)
            #expect(dropped == 10_000)
            #expect(action == .advance(next))
        }
        // One acceptance and it is patient again.
        _ = state.begin(sampleCounts: [1], next: LogPosition(sequence: 30))
        _ = state.conclude(.accepted, jitter: 0)
        var action = state.begin(
            sampleCounts: [Int](repeating: 10, count: 1000),
            next: LogPosition(sequence: 31)
        )
        requests = 0
        while case .send = action {
            requests += 1
            action = state.conclude(.rejected(reason: "too old"), jitter: 0).next
        }
        #expect(requests == SyncState.hopelessRequests.first)
    }

    @Test func unreadableRowsAreSkippedForward() {
        let state = fresh()
        state.state.skip(to: LogPosition(sequence: 12))
        #expect(state.cursor == LogPosition(sequence: 12))
        state.state.skip(to: LogPosition(sequence: 3))
        #expect(state.cursor == LogPosition(sequence: 12))
    }

    /// A receiver that takes a request only as a whole, as Prometheus does.
    @Test func everythingButThePoisonArrivesOnceAndInOrder() {
        var generator = SeededGenerator(seed: 11)
        for round in 0..<300 {
            let counts = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                Int.random(in: 0...12, using: &generator)
            }
            let all = counts.enumerated().flatMap { series, count in (0..<count).map { [series, $0] } }
            guard !all.isEmpty else { continue }
            // At most a few, or it would be given up as a whole.
            let poison = Set(
                (0..<Int.random(in: 0...3, using: &generator)).compactMap { _ in
                    all.randomElement(using: &generator)
                }
            )
            let sizeLimit = Int.random(in: 1...200, using: &generator)
            let state = fresh()
            var received: [[Int]] = []
            var dropped = 0
            var action = state.begin(sampleCounts: counts, next: LogPosition(sequence: 99))
            var requests = 0
            loop: while requests < 10_000 {
                let part: Part
                switch action {
                case .advance(let position):
                    #expect(position == LogPosition(sequence: 99))
                    break loop
                case .send(let next, _), .wait(_, let next, _): part = next
                }
                requests += 1
                let content = part.series.flatMap { series in
                    (part.samples ?? 0..<counts[series]).map { [series, $0] }
                }
                let verdict: Verdict =
                    switch Int.random(in: 0..<10, using: &generator) {
                    case 0: .unreachable(reason: "", isTimeout: Bool.random(using: &generator))
                    case 1: .busy(retryAfter: nil, reason: "")
                    default:
                        content.count > sizeLimit
                            ? .tooLarge(reason: "")
                            : content.contains(where: poison.contains) ? .rejected(reason: "") : .accepted
                    }
                if verdict == .accepted { received += content }
                let (drop, next) = state.conclude(verdict, jitter: 0.5)
                dropped += drop?.samples ?? 0
                action = next
            }
            #expect(received == all.filter { !poison.contains($0) }, "round \(round)")
            #expect(dropped == poison.count, "round \(round)")
        }
    }
}
