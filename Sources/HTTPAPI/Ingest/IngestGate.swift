// SPDX-License-Identifier: Apache-2.0
//
// Bounds what receivers may take of the machine. Bodies are gathered while they arrive, and all of them together have room
// of `heldLimit` bytes; who comes when his part is used up is told to come again. Nobody has all of it:
//
//                   all clients   one address
//     large bodies      3/4           5/8
//     all bodies        all           3/4
//
// so that a few large bodies, or a client that sends none to its end, keep out neither the small bodies most senders send
// nor other clients. What does not come at all is ended by `BodyWatch`. Whole bodies are decoded and stored on two
// threads of their own: the store may have to write or sync a file, which must not hold a thread of the cooperative pool,
// and no more than two requests are decompressed in memory at once.

internal import Platform
internal import Synchronization

/// Room for pushed bodies, and the threads that decode them.
final class IngestGate: Sendable {
    /// Bytes of all bodies that are being read or wait, unless configured: two of the largest, or some thousand of the
    /// usual.
    static let heldLimit = 32 << 20
    /// A body is small up to here; a full request of Prometheus' remote write has a tenth of it.
    static let smallBody = 256 << 10

    private struct State {
        var heldBytes = 0
        /// Those by client; only clients with a body under way, as many as there are connections.
        var clients: [String: Int] = [:]
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
    ///
    /// - Parameters:
    ///   - count: the bytes.
    ///   - before: bytes of the body that are held already.
    ///   - client: its sender's address.
    ///   - room: bytes of all bodies; at least two of the largest.
    /// - Returns: whether they may be kept.
    func hold(_ count: Int, behind before: Int, of client: String, room: Int = heldLimit) -> Bool {
        let isSmall = before + count <= IngestGate.smallBody
        return state.withLock { state in
            let own = state.clients[client, default: 0]
            guard state.heldBytes + count <= (isSmall ? room : room / 4 * 3),
                own + count <= (isSmall ? room / 4 * 3 : room / 8 * 5)
            else { return false }
            state.heldBytes += count
            state.clients[client] = own + count
            return true
        }
    }

    /// Gives room back.
    func release(_ count: Int, of client: String) {
        state.withLock { state in
            state.heldBytes -= count
            let rest = state.clients[client, default: 0] - count
            state.clients[client] = rest > 0 ? rest : nil
        }
    }

    /// Runs work on the thread with the least to do.
    func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async throws -> Result {
        let lane = state.withLock { state in
            let lane = state.load[0] <= state.load[1] ? 0 : 1
            state.load[lane] += 1
            return lane
        }
        defer { state.withLock { $0.load[lane] -= 1 } }
        return try await lanes[lane].runToEnd(work)
    }
}
