// SPDX-License-Identifier: Apache-2.0
//
// The way out of a destination, with what it may cost:
//
//     set bytes aside, keep that ─▶ send, paced, ended when it costs more ─▶ settle with what the wire carried
//
// Nothing leaves before what is set aside for it is in the state file: a kill counts it as spent.

internal import HTTPClient
internal import Logging
internal import Platform
internal import StateStore
internal import Synchronization

extension Destination {
    /// Drops logged per minute; a receiver can object to every single sample.
    static let dropLogsPerMinute = 10

    /// Who pays for requests of sync (`HTTPClient.wire`).
    static let account: UInt8 = 1
    /// What a request may cost beyond what was set aside before it is ended; the budget keeps back more.
    static let overdraft: Int64 = 16 << 10
    /// What is taken of a rate for what goes along with a body: header fields and the answer.
    static let headerBytes = 700

    /// Sends a request within the budget; when the task is cancelled meanwhile, the request still has `stopGrace` to
    /// finish.
    func send(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        var request = request
        request.account = Self.account
        guard !ledgers.isUnlimited else { return try await counted(request) }
        let body = request.body.count
        let reservation = try await reserve(ledgers.cost(of: body), .fresh)
        request.wireLimit = Int64(reservation.bytes) + Self.overdraft
        request.pacer = ledgers.pacer(.fresh)
        request.timeout += ledgers.sendingTime(body)
        // What is in the kernel's buffer is out of the pacer's hands.
        request.sendBuffer = request.pacer == nil ? nil : 64 << 10
        do {
            let response = try await counted(request)
            ledgers.settle(reservation, wire: response.statistics.wire)
            ledgers.learn(body, wire: response.statistics.wire)
            return response
        } catch {
            let wire = error.statistics?.wire ?? 0
            ledgers.settle(reservation, wire: wire)
            // An attempt that broke off says what a body costs only when it cost too much.
            if wire > Int64(reservation.bytes) { ledgers.learn(body, wire: wire) }
            throw error
        }
    }

    /// Waits until the budget has room, and keeps that it was taken.
    private func reserve(_ bytes: Int, _ lane: Lane) async throws(HTTPClientError) -> Reservation {
        guard bytes <= ledgers.largest(lane) else {
            throw HTTPClientError(.bodyTooLarge, "a request of \(bytes) bytes is more than the budget allows")
        }
        while true {
            if let reservation = ledgers.reserve(bytes, lane) {
                do {
                    try partners.state.apply(ledgers.changes(), isDurable: false)
                } catch {
                    logger.error("the budget's state cannot be saved", metadata: ["error": "\(error)"])
                }
                guard await waitForRate(lane) else {
                    ledgers.settle(reservation, wire: 0)
                    throw HTTPClientError(.cancelled, "the destination ends")
                }
                return reservation
            }
            let wait = min(max(ledgers.wait(bytes, lane), .seconds(1)), .seconds(60))
            live.withLock { $0.lastError = "the budget of bytes is spent; samples are kept" }
            throttled.add(Int(clamping: wait.components.seconds))
            guard await pause(wait) else { throw HTTPClientError(.cancelled, "the destination ends") }
        }
    }

    /// Waits until the rate has room for header fields; false when cancelled.
    private func waitForRate(_ lane: Lane) async -> Bool {
        guard let pacer = ledgers.pacer(lane) else { return true }
        while pacer.take(Self.headerBytes) == 0 {
            guard await pause(.milliseconds(50)) else { return false }
        }
        return true
    }

    private var throttled: Counter {
        partners.telemetry.counter(
            "edgewatch_sync_throttled_seconds_total",
            "Seconds that samples waited because a budget of bytes was spent.",
            [(name: "destination", value: name)]
        )
    }

    private func counted(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
        do {
            let response = try await transfer(request)
            count(response.statistics)
            return response
        } catch {
            if let statistics = error.statistics { count(statistics) }
            throw error
        }
    }

    private func count(_ statistics: TransferStatistics) {
        for (direction, bytes) in [("sent", statistics.wireSent), ("received", statistics.wireReceived)] {
            partners.telemetry.counter(
                "edgewatch_sync_wire_bytes_total",
                "Bytes of IP packets of requests: headers, acknowledgements, handshakes and repetitions included.",
                [(name: "destination", value: name), (name: "direction", value: direction)]
            ).add(Int(clamping: bytes))
        }
    }

    private func transfer(_ request: HTTPClientRequest) async throws(HTTPClientError) -> HTTPClientResponse {
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

extension TransferStatistics {
    /// Bytes on the wire, both ways.
    fileprivate var wire: Int64 { wireSent + wireReceived }
}
