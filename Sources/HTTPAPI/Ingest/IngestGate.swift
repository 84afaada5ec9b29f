// SPDX-License-Identifier: Apache-2.0
//
// Bounds what receivers may take of the machine. Bodies are gathered while they arrive, and all of them together may have
// `heldLimit` bytes; who comes when that is used up is told to come again. Whole bodies are decoded and stored on two
// threads of their own: the store may have to write or sync a file, which must not hold a thread of the cooperative pool,
// and no more than two requests are decompressed in memory at once.

internal import Platform
internal import Synchronization

/// Room for pushed bodies, and the threads that decode them.
final class IngestGate: Sendable {
    /// Bytes of all bodies that are being read or wait, unless configured: two of the largest, or some thousand of the
    /// usual.
    static let heldLimit = 32 << 20

    private struct State {
        var heldBytes = 0
        /// Requests on each lane, running or waiting.
        var load = [0, 0]
    }

    private let state = Mutex(State())
    private let lanes = [
        BlockingQueue(label: "edgewatch.ingest.0"), BlockingQueue(label: "edgewatch.ingest.1"),
    ]

    /// Bytes of bodies held now.
    var heldBytes: Int { state.withLock { $0.heldBytes } }

    /// Takes room for more bytes of a body; false when there is none.
    func hold(_ count: Int, of limit: Int = heldLimit) -> Bool {
        state.withLock { state in
            guard state.heldBytes + count <= limit else { return false }
            state.heldBytes += count
            return true
        }
    }

    /// Gives room back.
    func release(_ count: Int) {
        state.withLock { $0.heldBytes -= count }
    }

    /// Runs work on the thread with the least to do.
    func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async throws -> Result {
        let lane = state.withLock { state in
            let lane = state.load[0] <= state.load[1] ? 0 : 1
            state.load[lane] += 1
            return lane
        }
        defer { state.withLock { $0.load[lane] -= 1 } }
        return try await lanes[lane].run(work)
    }
}
