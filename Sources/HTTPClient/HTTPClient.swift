// SPDX-License-Identifier: Apache-2.0
//
// The one way out of the box. `send` hands the request to a single thread (TransferLoop) that runs libcurl's multi
// interface, and waits for it without blocking a thread of the pool. The thread and libcurl itself (8 MiB) exist only
// from the first request on.
//
// Bounds: 32 ordinary transfers, 128 of collection and 32 streams at once, 1024 of each waiting, 64 KiB of response
// header, the request's own limit for the body, at most 256 idle connections kept. The three kinds have places of their
// own, so that hundreds of slow targets hold up no alert.

internal import Synchronization

/// An HTTP client with connection reuse, limits and cancellation.
public final class HTTPClient: Sendable {
    /// Names of connections that get a loop of their own; each costs a thread and what libcurl keeps for it.
    static let namedLimit = 4
    /// Streams at once; one more waits until another ends.
    public static let streamLimit = 32

    private let loop: TransferLoop
    private let named = Mutex<[String: TransferLoop]>([:])
    private let userAgent: String
    private let counts = WireCounts()

    /// Creates a client; nothing is loaded or started before the first request.
    ///
    /// - Parameter userAgent: sent as `User-Agent` unless a request has its own.
    public init(userAgent: String) {
        self.userAgent = userAgent
        loop = TransferLoop(userAgent: userAgent, counts: counts)
    }

    deinit {
        loop.stop()
        for other in named.withLock({ $0.values }) { other.stop() }
    }

    /// What each account has cost on each interface since the client was made, failures included.
    ///
    /// Transfers under way are counted up to a second ago.
    public func wire() -> [WireCount] {
        counts.all()
    }

    /// Sends a request and waits for the whole response.
    ///
    /// Cancelling the calling task aborts the transfer. A response of any status is a success here.
    ///
    /// - Parameter request: what to send.
    /// - Returns: the response with its body and what the transfer cost.
    /// - Throws: `HTTPClientError`.
    public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        try await transfer(request, take: nil)
    }

    /// Takes what a stream brings; false ends it.
    ///
    /// Called on the client's one thread, so it may not block.
    public typealias StreamTake = @Sendable (HTTPStreamEvent) -> Bool

    /// Sends a request and hands over the answer piece by piece, as it comes.
    ///
    /// Returns when the answer is over or `take` has enough. Nothing is gathered in between: what is not taken yet
    /// stays in the socket. The request's time-out is the longest silence, also before the head; its
    /// `responseLimit` does not apply. Cancelling the calling task aborts the transfer.
    ///
    /// - Parameters:
    ///   - request: what to send.
    ///   - take: gets the head, then the pieces of the body.
    /// - Throws: `HTTPClientError`, also when the connection breaks within the body.
    public func stream(
        _ request: HTTPClientRequest,
        _ take: @escaping StreamTake
    ) async throws(HTTPClientError) {
        _ = try await transfer(request, take: take)
    }

    private func transfer(
        _ request: HTTPClientRequest,
        take: StreamTake?
    ) async throws(HTTPClientError) -> HTTPClientResponse {
        let loop = self.loop(for: request)
        let ticket = loop.newTicket()
        defer { loop.forget(ticket) }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.submit(request, ticket: ticket, take: take) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            loop.cancel(ticket)
        }
        return try outcome.get()
    }

    private func loop(for request: HTTPClientRequest) -> TransferLoop {
        guard let name = request.connection else { return loop }
        return named.withLock { named in
            if let known = named[name] { return known }
            guard named.count < Self.namedLimit else { return loop }
            let new = TransferLoop(userAgent: userAgent, counts: counts)
            named[name] = new
            return new
        }
    }
}
