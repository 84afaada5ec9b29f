// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Platform
import Synchronization
import Testing

@Suite struct BlockingQueueTests {
    private let lane = BlockingQueue(label: "test")

    @Test func workRunsInOrderAndAnswers() async throws {
        struct Failure: Error {}
        #expect(try await lane.run { 7 } == 7)
        await #expect(throws: Failure.self) { try await lane.run { throw Failure() } }
        #expect(try await lane.runToEnd { 8 } == 8)
    }

    @Test func aCancelledCallerIsLetGoAndWhatWasNotBegunNeverIs() async throws {
        let (gate, begun) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let wasRun = Mutex(false)
        let (lane, other) = (lane, BlockingQueue(label: "waiting for the first"))
        let first = Task {
            try await lane.run {
                begun.signal()
                gate.wait()
            }
        }
        try await other.run { begun.wait() }
        let second = Task { try await lane.run { wasRun.withLock { $0 = true } } }
        first.cancel()
        second.cancel()
        // The first still blocks its lane.
        await #expect(throws: CancellationError.self) { try await first.value }
        await #expect(throws: CancellationError.self) { try await second.value }
        gate.signal()
        #expect(try await lane.run { 1 } == 1)
        #expect(!wasRun.withLock { $0 })
    }

    @Test func workThatEndsSoonIsWaitedForThoughCancelled() async throws {
        let lane = lane
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await lane.run { Task<Never, Never>.isCancelled ? 1 : 2 }
        }
        #expect(try await task.value == 2)
    }

    @Test func workToTheEndIsWaitedFor() async throws {
        let (gate, begun) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let (lane, other) = (lane, BlockingQueue(label: "waiting for the first"))
        let task = Task {
            try await lane.runToEnd {
                begun.signal()
                gate.wait()
                return 3
            }
        }
        try await other.run { begun.wait() }
        task.cancel()
        gate.signal()
        #expect(try await task.value == 3)
    }
}
