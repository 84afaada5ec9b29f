// SPDX-License-Identifier: Apache-2.0
//
// The thread that owns every libcurl handle. Other threads only touch `Shared`, under its lock:
//
//     submit ─▶ waiting ─┐                       ┌─▶ completion(.success / .failure)
//     cancel ─▶ cancelled┴─ wakeup ▶ loop: start, abort, perform, finish, poll
//
// Invariant: a completion is called exactly once, and never while the lock is held. curl_multi_wakeup is the one
// libcurl call allowed from other threads (https://curl.se/libcurl/c/curl_multi_wakeup.html); the handle is published
// under the lock and withdrawn under it before it is freed.

internal import CCurl
internal import Glibc
internal import Synchronization

final class TransferLoop: Sendable {
    typealias Completion = @Sendable (Result<HTTPClientResponse, HTTPClientError>) -> Void

    /// Who competes with whom for a place.
    enum Place: Int, CaseIterable {
        case ordinary
        case collection
        case stream

        /// Transfers under way at once; each costs a handle of about 20 KiB plus its buffers.
        ///
        /// Scrapes get more: where
        /// 200 targets answer after 10 s each, 128 at once are enough for an interval of 16 s.
        var runningLimit: Int {
            switch self {
            case .ordinary: 32
            case .collection: 128
            case .stream: HTTPClient.streamLimit
            }
        }
    }

    /// Requests waiting for a free place, of each kind; more means that something floods the client.
    static let waitingLimit = 1024
    /// Idle connections kept for reuse, one for each of some hundred targets; each costs a descriptor and, with TLS,
    /// tens of KiB.
    static let idleConnectionLimit = 256

    struct Waiting: Sendable {
        let ticket: UInt64
        let request: HTTPClientRequest
        let deadline: ContinuousClock.Instant
        /// Takes what comes as it comes; nil gathers it.
        let take: HTTPClient.StreamTake?
        let completion: Completion

        var place: Place {
            take != nil ? .stream : request.lane == .collection ? .collection : .ordinary
        }
    }

    struct Shared {
        var lastTicket: UInt64 = 0
        var waiting: [Place: [Waiting]] = [:]
        /// Tickets to abort; an entry lives until its `send` returns.
        var cancelled: Set<UInt64> = []
        var isStopping = false
        var isRunning = false
        var multi: MultiHandle?

        /// Ends the loop's poll.
        func wakeUp() {
            if let multi { ccurl_multi_wakeup(multi.pointer) }
        }
    }

    /// The multi handle as other threads see it: only good for a wakeup.
    ///
    /// `@unchecked Sendable`: curl_multi_wakeup may be called from any thread.
    struct MultiHandle: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    /// How often transfers under way are looked at: what they cost until then is not known before.
    static let sampleInterval = Duration.seconds(1)
    /// The same where a transfer may only cost so much.
    static let limitedSampleInterval = Duration.milliseconds(250)
    /// How long a body waits until its pacer is asked again.
    static let pauseInterval = Duration.milliseconds(50)

    private let userAgent: String
    private let counts: WireCounts
    private let shared = Mutex(Shared())

    init(userAgent: String, counts: WireCounts = WireCounts()) {
        self.userAgent = userAgent
        self.counts = counts
    }

    // MARK: - From any thread

    func newTicket() -> UInt64 {
        shared.withLock {
            $0.lastTicket += 1
            return $0.lastTicket
        }
    }

    func submit(
        _ request: HTTPClientRequest,
        ticket: UInt64,
        take: HTTPClient.StreamTake? = nil,
        _ completion: @escaping Completion
    ) {
        let waiting = Waiting(
            ticket: ticket,
            request: request,
            deadline: ContinuousClock.now.advanced(by: request.timeout),
            take: take,
            completion: completion
        )
        let refusal = shared.withLock { shared -> HTTPClientError? in
            if shared.isStopping || shared.cancelled.contains(ticket) { return .cancelledByCaller }
            if shared.waiting[waiting.place, default: []].count >= Self.waitingLimit {
                return HTTPClientError(.overloaded, "\(Self.waitingLimit) requests are waiting already")
            }
            if !shared.isRunning {
                if let failure = startThread() { return failure }
                shared.isRunning = true
            }
            shared.waiting[waiting.place, default: []].append(waiting)
            shared.wakeUp()
            return nil
        }
        if let refusal { completion(.failure(refusal)) }
    }

    func cancel(_ ticket: UInt64) {
        shared.withLock {
            $0.cancelled.insert(ticket)
            $0.wakeUp()
        }
    }

    func forget(_ ticket: UInt64) {
        shared.withLock { _ = $0.cancelled.remove(ticket) }
    }

    func stop() {
        shared.withLock {
            $0.isStopping = true
            $0.wakeUp()
        }
    }

    // MARK: - The thread

    /// Loads libcurl and starts the thread; returns why that failed.
    private func startThread() -> HTTPClientError? {
        if let reason = ccurl_load() { return HTTPClientError(.unavailable, String(cString: reason)) }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            retained.toOpaque()
        )
        guard code == 0 else {
            retained.release()
            return HTTPClientError(
                .unavailable,
                "no thread for transfers: \(String(cString: strerror(code)))"
            )
        }
        pthread_detach(thread)
        return nil
    }

    private func run() {
        // Signals are the main thread's; a write to a closed TLS connection must not end the process by SIGPIPE.
        var every = sigset_t()
        sigfillset(&every)
        pthread_sigmask(SIG_BLOCK, &every, nil)

        guard let multi = ccurl_multi_init() else {
            failAll(HTTPClientError(.unavailable, "libcurl has no memory for its connections"))
            return
        }
        _ = ccurl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, Self.idleConnectionLimit)
        shared.withLock { $0.multi = MultiHandle(pointer: multi) }
        let sockets = SocketLedger(counts: counts)
        var certificates = CertificateFiles()
        var running: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (fresh, aborted, isStopping) = takeWork(besides: running)
            if isStopping { break }
            for transfer in running.values where aborted.contains(transfer.ticket) {
                abort(transfer, .cancelledByCaller, multi, &running)
            }
            for waiting in fresh { start(waiting, on: multi, &running, sockets, &certificates) }
            var active: Int32 = 0
            ccurl_multi_perform(multi, &active)
            // A finished transfer makes room for a waiting one: look before sleeping.
            let finished = finishDone(multi, &running)
            let wait = min(endSilent(multi, &running), watch(multi, &running))
            if finished == 0, wait > 0 { ccurl_multi_poll(multi, wait) }
        }
        for transfer in Array(running.values) { abort(transfer, .cancelledByCaller, multi, &running) }
        shared.withLock { $0.multi = nil }
        ccurl_multi_cleanup(multi)
        // Kept connections are closed by the cleanup, and the ledger counts their ends.
        withExtendedLifetime(sockets) {}
        failAll(.cancelledByCaller)
    }

    /// Ends a transfer from this side.
    func abort(
        _ transfer: Transfer,
        _ error: HTTPClientError,
        _ multi: UnsafeMutableRawPointer,
        _ running: inout [UnsafeMutableRawPointer: Transfer]
    ) {
        running[transfer.easy] = nil
        transfer.settle()
        ccurl_multi_remove(multi, transfer.easy)
        transfer.finish(.failure(error))
    }

    private func takeWork(
        besides running: [UnsafeMutableRawPointer: Transfer]
    ) -> (fresh: [Waiting], aborted: Set<UInt64>, isStopping: Bool) {
        var free: [Place: Int] = [:]
        for place in Place.allCases { free[place] = place.runningLimit }
        for transfer in running.values { free[transfer.place, default: 0] -= 1 }
        let (fresh, dropped, aborted, isStopping) = shared.withLock { [free] shared in
            var fresh: [Waiting] = []
            var dropped: [Waiting] = []
            for place in Place.allCases {
                guard var waiting = shared.waiting[place], !waiting.isEmpty else { continue }
                if !shared.cancelled.isEmpty {
                    dropped += waiting.filter { shared.cancelled.contains($0.ticket) }
                    waiting.removeAll { shared.cancelled.contains($0.ticket) }
                }
                let first = waiting.prefix(shared.isStopping ? 0 : max(0, free[place] ?? 0))
                fresh += first
                waiting.removeFirst(first.count)
                shared.waiting[place] = waiting
            }
            return (fresh, dropped, shared.cancelled, shared.isStopping)
        }
        for waiting in dropped { waiting.completion(.failure(.cancelledByCaller)) }
        return (fresh, aborted, isStopping)
    }

    /// Ends the streams that said nothing for too long; gives the milliseconds until one may have.
    private func endSilent(
        _ multi: UnsafeMutableRawPointer,
        _ running: inout [UnsafeMutableRawPointer: Transfer]
    ) -> Int32 {
        let now = ContinuousClock.now
        var next = now.advanced(by: .seconds(60))
        for transfer in running.values {
            guard let deadline = transfer.silenceDeadline else { continue }
            guard deadline <= now else {
                next = min(next, deadline)
                continue
            }
            abort(transfer, HTTPClientError(.timeout, "the server went silent"), multi, &running)
        }
        // Rounded up, so that the deadline has passed when the poll ends.
        return Int32(clamping: Int64((now.duration(to: next) / .milliseconds(1)).rounded(.up)))
    }

    private func start(
        _ waiting: Waiting,
        on multi: UnsafeMutableRawPointer,
        _ running: inout [UnsafeMutableRawPointer: Transfer],
        _ sockets: SocketLedger,
        _ certificates: inout CertificateFiles
    ) {
        let left = ContinuousClock.now.duration(to: waiting.deadline)
        guard left > .zero else {
            waiting.completion(.failure(HTTPClientError(.timeout, "no free connection in time")))
            return
        }
        do throws(HTTPClientError) {
            let timeout = waiting.take == nil ? left : nil
            let transfer = try Transfer(
                waiting,
                timeout: timeout,
                userAgent: userAgent,
                sockets: sockets,
                certificateAge: certificates.age(of: waiting.request, now: .now)
            )
            guard ccurl_multi_add(multi, transfer.easy) == CURLM_OK else {
                throw HTTPClientError(.unavailable, "libcurl took no further transfer")
            }
            running[transfer.easy] = transfer
        } catch {
            waiting.completion(.failure(error))
        }
    }

    private func finishDone(
        _ multi: UnsafeMutableRawPointer,
        _ running: inout [UnsafeMutableRawPointer: Transfer]
    ) -> Int {
        var easy: UnsafeMutableRawPointer?
        var code = CURLE_OK
        var finished = 0
        while ccurl_multi_next_done(multi, &easy, &code) {
            guard let easy, let transfer = running.removeValue(forKey: easy) else { continue }
            // Before the removal, which lets go of the connection and with it what the kernel knows of it.
            transfer.settle(code)
            let outcome = transfer.outcome(code)
            ccurl_multi_remove(multi, easy)
            transfer.finish(outcome)
            finished += 1
        }
        return finished
    }

    private func failAll(_ error: HTTPClientError) {
        let left = shared.withLock { shared in
            defer { shared.waiting = [:] }
            shared.isRunning = false
            return shared.waiting.values.flatMap(\.self)
        }
        for waiting in left { waiting.completion(.failure(error)) }
    }
}

extension HTTPClientError {
    static let cancelledByCaller = HTTPClientError(.cancelled, "the request was cancelled")
}
