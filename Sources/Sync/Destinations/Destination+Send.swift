// SPDX-License-Identifier: Apache-2.0

internal import HTTPClient
internal import Platform
internal import Synchronization

extension Destination {
    /// Drops logged per minute; a receiver can object to every single sample.
    static let dropLogsPerMinute = 10

    /// Sends a request; when the task is cancelled meanwhile, the request still has `stopGrace` to finish.
    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        let http = partners.http
        let clock = partners.clock
        // Not a child task: it must outlive the cancellation of this one by the grace. It is awaited here all the same.
        let transfer = Task { () async -> Result<HTTPClientResponse, HTTPClientError> in
            do throws(HTTPClientError) {
                return .success(try await http.send(request))
            } catch {
                return .failure(error)
            }
        }
        let outcome = await withTaskCancellationHandler {
            await transfer.value
        } onCancel: {
            Task {
                try? await clock.sleep(for: Self.stopGrace)
                transfer.cancel()
            }
        }
        return try outcome.get()
    }

    /// Whether one more dropped part may be logged this minute.
    func shouldLogDrop() -> Bool {
        let minute = partners.clock.monotonicNanoseconds() / 60_000_000_000
        return live.withLock { live in
            if live.dropMinute != minute {
                live.dropMinute = minute
                live.dropLogs = 0
            }
            live.dropLogs += 1
            return live.dropLogs <= Self.dropLogsPerMinute
        }
    }
}
