// SPDX-License-Identifier: Apache-2.0
//
// The one way out of the box. `send` hands the request to a single thread (TransferLoop) that runs libcurl's multi
// interface, and waits for it without blocking a thread of the pool. The thread and libcurl itself (8 MiB) exist only
// from the first request on.
//
// Bounds: 32 transfers at once, 1024 waiting, 64 KiB of response header, the request's own limit for the body, at most
// 16 idle connections kept.

/// An HTTP client with connection reuse, limits and cancellation.
public final class HTTPClient: Sendable {
    private let loop: TransferLoop

    /// Creates a client; nothing is loaded or started before the first request.
    ///
    /// - Parameter userAgent: sent as `User-Agent` unless a request has its own.
    public init(userAgent: String) {
        loop = TransferLoop(userAgent: userAgent)
    }

    deinit {
        loop.stop()
    }

    /// Sends a request and waits for the whole response.
    ///
    /// Cancelling the calling task aborts the transfer. A response of any status is a success here.
    ///
    /// - Parameter request: what to send.
    /// - Returns: the response with its body and what the transfer cost.
    /// - Throws: `HTTPClientError`.
    public func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let ticket = loop.newTicket()
        defer { loop.forget(ticket) }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.submit(request, ticket: ticket) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            loop.cancel(ticket)
        }
        return try outcome.get()
    }
}
