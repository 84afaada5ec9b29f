// SPDX-License-Identifier: Apache-2.0
//
// What is made of an objection to the order of samples that may have arrived already: step by step, and that nothing of
// a part that was never sent goes with it.

import Samples
import Testing

@testable import Sync

@Suite struct SyncScanTests {
    private final class Machine {
        var state = SyncState(
            cursor: LogPosition(sequence: 0),
            backoff: Backoff(base: .milliseconds(1), cap: .seconds(5))
        )
        var dropped = 0
        var repeated = 0

        /// Rows at times 0, 1, 2 … of some series.
        func begin(
            rows: Int,
            series: Int,
            resuming progress: PartProgress? = nil,
            doubt: SyncState.Doubt = .none
        ) -> SyncState.Action {
            state.begin(
                Parts(timestamps: [[Int64]](repeating: (0..<Int64(rows)).map { $0 }, count: series)),
                next: LogPosition(sequence: 9),
                resuming: progress,
                doubt: doubt
            )
        }

        func conclude(_ verdict: Verdict) -> SyncState.Action {
            let (drop, next) = state.conclude(verdict, jitter: 0)
            if let drop { if drop.isRepeated { repeated += drop.samples } else { dropped += drop.samples } }
            return next
        }
    }

    private let machine = Machine()
    private let order = Verdict.rejected(reason: "out of order sample", isOrder: true)
    private let lost = Verdict.unreachable(reason: "reset", isTimeout: false)
    private let done = SyncState.Action.advance(LogPosition(sequence: 9))

    private func send(_ series: Range<Int>, _ times: ClosedRange<Int64>) -> SyncState.Action {
        .send(Part(series: series, times: times), attempt: 0)
    }

    @Test func aRepeatedPartThatIsThereGoesRowByRowAndIsNotGivenUp() {
        #expect(machine.begin(rows: 3, series: 1) == send(0..<1, 0...2))
        _ = machine.conclude(lost)
        #expect(machine.conclude(order) == send(0..<1, 0...0))
        #expect(machine.conclude(order) == send(0..<1, 1...1))
        // Its newest row is taken again.
        #expect(machine.conclude(order) == send(0..<1, 2...2))
        #expect(machine.conclude(.accepted) == done)
        #expect(machine.repeated == 2 && machine.dropped == 0)
    }

    @Test func whatIsNotThereArrivesAfterTheRowsThatAre() {
        #expect(machine.begin(rows: 5, series: 2, doubt: .regressed) == send(0..<2, 0...4))
        #expect(machine.conclude(order) == send(0..<2, 0...0))
        // The first row is looked at more closely: it might be one sample.
        #expect(machine.conclude(order) == send(0..<1, 0...0))
        #expect(machine.conclude(order) == send(1..<2, 0...0))
        #expect(machine.conclude(order) == send(0..<2, 1...1))
        #expect(machine.conclude(.accepted) == send(0..<2, 2...4))
        #expect(machine.conclude(.accepted) == done)
        #expect(machine.repeated == 2 && machine.dropped == 0)
    }

    /// Prometheus takes a row again when none of its series has a newer one, though other series have.
    @Test func anAcceptedRowDoesNotProveThatTheNextIsNew() {
        #expect(machine.begin(rows: 4, series: 1, doubt: .regressed) == send(0..<1, 0...3))
        #expect(machine.conclude(order) == send(0..<1, 0...0))
        #expect(machine.conclude(.accepted) == send(0..<1, 1...3))
        #expect(machine.conclude(order) == send(0..<1, 1...1))
        #expect(machine.conclude(order) == send(0..<1, 2...2))
        #expect(machine.conclude(.accepted) == send(0..<1, 3...3))
        #expect(machine.conclude(.accepted) == done)
        #expect(machine.repeated == 1 && machine.dropped == 0)
    }

    @Test func afterSoManyRowsAllOfAWholePartIsThere() {
        _ = machine.begin(rows: 200, series: 1)
        _ = machine.conclude(lost)
        var action = machine.conclude(order)
        var requests = 0
        while case .send = action {
            requests += 1
            action = machine.conclude(order)
        }
        #expect(requests == SyncState.scanLimit && machine.repeated == 200 && machine.dropped == 0)
        #expect(action == done)
    }

    @Test func afterAPowerCutEveryRowIsTried() {
        _ = machine.begin(rows: 200, series: 1, doubt: .regressed)
        var action = machine.conclude(order)
        var requests = 0
        while case .send(let part, _) = action, requests < 150 {
            #expect(part.times == Int64(requests)...Int64(requests))
            requests += 1
            action = machine.conclude(order)
        }
        #expect(machine.repeated == 150)
        #expect(machine.conclude(.accepted) == send(0..<1, 151...199))
        #expect(machine.conclude(.accepted) == done)
    }

    /// The hole this closes: half a stretch is there, the process was killed, and the rest was never sent.
    @Test func aKillInAHalfDividedBatchRepeatsOnlyThePartInFlight() {
        let left = [Part(series: 2..<4, times: 0...99), Part(series: 1..<2, times: 0...99)]
        let progress = PartProgress(left: left, accepted: 1, rejections: 2)
        #expect(
            machine.begin(rows: 100, series: 4, resuming: progress, doubt: .lastAttempt)
                == send(1..<2, 0...99)
        )
        // It had arrived.
        var action = machine.conclude(order)
        var requests = 0
        while action != send(2..<4, 0...99), requests < 1000 {
            requests += 1
            action = machine.conclude(order)
        }
        #expect(requests == SyncState.scanLimit && machine.repeated == 100)
        #expect(machine.conclude(.accepted) == done)
        #expect(machine.dropped == 0)
    }

    @Test func anObjectionThatIsNotAboutOrderDividesAsEver() {
        _ = machine.begin(rows: 2, series: 2)
        _ = machine.conclude(lost)
        let poison = Verdict.rejected(reason: "bad label", isOrder: false)
        #expect(machine.conclude(poison) == send(0..<1, 0...1))
        #expect(machine.conclude(.accepted) == send(1..<2, 0...1))
        #expect(machine.conclude(poison) == send(1..<2, 0...0))
        #expect(machine.conclude(poison) == send(1..<2, 1...1))
        #expect(machine.conclude(.accepted) == done)
        #expect(machine.dropped == 1 && machine.repeated == 0)
    }

    /// A target whose samples nobody takes: a stretch of it alone does not turn the order of the next one round.
    @Test func objectionsToSamplesDoNotMakeTheNewestGoFirst() {
        let poison = Verdict.rejected(reason: "bad label", isOrder: false)
        var action = machine.begin(rows: 5, series: 2)
        var requests = 0
        while case .send = action, requests < 50 {
            requests += 1
            action = machine.conclude(poison)
        }
        #expect(requests == 19 && machine.dropped == 10)
        #expect(machine.begin(rows: 9, series: 2) == send(0..<2, 0...8))
    }

    @Test func progressOfAnotherBatchIsNotTaken() {
        let progress = PartProgress(left: [Part(series: 7..<9, times: 0...1)])
        #expect(
            machine.begin(rows: 2, series: 2, resuming: progress, doubt: .everything) == send(0..<2, 0...1)
        )
    }
}
