// SPDX-License-Identifier: Apache-2.0
//
// Carries out what one list and watch wants: asks the server, hands pages and events to the state, waits when the state
// says so. What a watch brings is taken off the transfer thread at once and read here; between them lie at most
// `pieceLimit` pieces of some 16 KiB, and a watch that brings more than is read is ended and goes on from its version.

internal import Bytes
internal import Config
internal import HTTPClient
internal import Platform
internal import Wire

/// One list and watch.
struct KubernetesWatcher: Sendable {
    /// Objects of a page to begin with; a page over the limit of bytes is asked for with fewer.
    private static let pageSize = 100
    /// Bytes of a page.
    private static let pageBytes = 16 << 20
    /// Pieces of a stream that wait to be read: some 8 MiB.
    private static let pieceLimit = 512
    /// The longest silence of a watch; the server sends a bookmark about every minute.
    static let silence = Duration.seconds(150)
    /// Bytes kept of an answer that says what is wrong.
    private static let messageBytes = 64 << 10

    let shared: SharedWatch
    let watches: KubernetesWatches

    private var request: KubernetesRequest { shared.key.request }
    private var clock: any EdgeClock { watches.clock }

    /// Lists and watches until cancelled.
    func run() async {
        var pageSize = KubernetesWatcher.pageSize
        while !Task.isCancelled {
            let random = Double.random(in: 0..<1)
            let (step, pause) = shared.look { ($0.step, $0.pause(random: random)) }
            if pause > .zero { try? await clock.sleep(for: pause) }
            guard !Task.isCancelled else { return }
            switch step {
            case .list(let next): await list(next, &pageSize)
            case .watch(let version):
                if await !watches.withStream({ await watch(version) }) { await poll() }
            }
        }
    }

    /// Waits as long as a stream may be silent, after which the list is read again.
    private func poll() async {
        shared.change { $0.opened() }
        await watches.withoutStream { try? await clock.sleep(for: KubernetesWatcher.silence) }
        if !Task.isCancelled { shared.change { $0.readAgain() } }
    }

    // MARK: - Lists

    private func list(_ next: String, _ pageSize: inout Int) async {
        do {
            let target = self.request.list(limit: pageSize, next: next)
            var request = try make(target, timeout: .seconds(60))
            request.acceptsCompression = true
            let answer = try await watches.http.send(request)
            guard answer.status == 200 else {
                return fail(status: answer.status, after: answer.header("retry-after"), body: answer.body)
            }
            let page = try KubernetesPage(answer.body, of: self.request.resource)
            shared.change { $0.take(page) }
        } catch {
            if case .bodyTooLarge? = (error as? HTTPClientError)?.kind { pageSize = max(1, pageSize / 4) }
            fail(error)
        }
    }

    private func make(_ target: String, timeout: Duration) throws(CredentialError) -> HTTPClientRequest {
        var request = try HTTPClientRequest(
            url: shared.key.access.server + target,
            config: shared.key.access.http,
            timeout: timeout,
            responseLimit: KubernetesWatcher.pageBytes
        )
        request.headers.append(("Accept", "application/json"))
        return request
    }

    // MARK: - Failures

    private func fail(status: Int, after seconds: String?, body: [UInt8]) {
        let said = KubernetesStatus(body: body)
        let trouble = KubernetesTrouble(status: status, message: said?.message ?? "")
        // These servers send no date instead of a number.
        let wanted = seconds.flatMap { Int($0) } ?? said?.retryAfterSeconds ?? 0
        shared.change { $0.fail(trouble, retryAfter: .seconds(wanted)) }
    }

    private func fail(_ error: any Error) {
        guard !Task.isCancelled else { return }
        let words = (error as? CredentialError)?.words ?? "\(error)"
        shared.change { $0.fail(.failed(words)) }
    }

    // MARK: - Watches

    private func watch(_ version: String) async {
        let seconds = Int.random(in: 300...600)
        let request: HTTPClientRequest
        do {
            request = try make(
                self.request.watch(version: version, seconds: seconds),
                timeout: KubernetesWatcher.silence
            )
        } catch { return fail(error) }
        let (pieces, continuation) = AsyncStream<HTTPStreamEvent>.makeStream(
            bufferingPolicy: .bufferingOldest(KubernetesWatcher.pieceLimit)
        )
        let start = clock.monotonicNanoseconds()
        var reading = WatchReading(resource: self.request.resource)
        let failure = await withTaskGroup(of: HTTPClientError?.self) { group in
            group.addTask {
                defer { continuation.finish() }
                do throws(HTTPClientError) {
                    try await watches.http.stream(request) { event in
                        if case .enqueued = continuation.yield(event) { true } else { false }
                    }
                    return nil
                } catch { return error }
            }
            for await piece in pieces {
                if !take(piece, &reading) { break }
            }
            group.cancelAll()
            return await group.next() ?? nil
        }
        guard !Task.isCancelled, !reading.isOver else { return }
        guard let status = reading.status else {
            // A stream that does not even begin, behind a proxy perhaps: at least the list is read now and then.
            if failure?.kind == .timeout {
                shared.change {
                    $0.garbled("a watch of \(self.request.resource.rawValue): no answer in time")
                }
                return
            }
            return fail(failure ?? HTTPClientError(.transfer, "the watch has no answer"))
        }
        guard status == 200 else {
            return fail(status: status, after: reading.retryAfter, body: reading.message)
        }
        // The last line may have no end; half a line is nothing, the server sends the event again.
        if let event = try? KubernetesEvent(reading.lines.remainder, of: self.request.resource) {
            shared.change { _ = $0.take(event) }
        }
        let duration = Duration.nanoseconds(Int64(clamping: clock.monotonicNanoseconds() &- start))
        shared.change { $0.ended(after: duration) }
    }

    /// How far a watch was read.
    private struct WatchReading {
        let resource: KubernetesResource
        var status: Int?
        var lines = KubernetesLines()
        var message: [UInt8] = []
        var retryAfter: String?
        /// Whether the state was told already why the watch ends.
        var isOver = false
    }

    /// Takes a piece; false when the watch is over.
    private func take(_ piece: HTTPStreamEvent, _ reading: inout WatchReading) -> Bool {
        switch piece {
        case .head(let status, let headers):
            reading.status = status
            reading.retryAfter = headers.first { $0.name == "retry-after" }?.value
            if status == 200 { shared.change { $0.opened() } }
        case .body(let bytes) where reading.status == 200:
            var garbled: String?
            var isWanted = true
            let isRead = reading.lines.append(bytes) { line in
                do throws(CorruptionError) {
                    let event = try KubernetesEvent(line, of: request.resource)
                    isWanted = shared.change { $0.take(event) }
                } catch {
                    garbled = "a watch of \(request.resource.rawValue): \(error)"
                }
                return isWanted && garbled == nil
            }
            if isRead { return true }
            reading.isOver = true
            if isWanted {
                let words = garbled ?? "a watch of \(request.resource.rawValue): a line is too long"
                shared.change { $0.garbled(words) }
            }
            return false
        case .body(let bytes):
            reading.message += bytes.prefix(KubernetesWatcher.messageBytes - reading.message.count)
        }
        return true
    }
}
