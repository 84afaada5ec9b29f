// SPDX-License-Identifier: Apache-2.0
//
// The loop of one destination: wait for rows, let StreamDelivery freeze a batch, send what it says, tell what came
// of it. Ends when its task is cancelled, after giving the request in flight a moment.

internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples
internal import StateStore
internal import Synchronization

struct Delivery {
    /// How often an ongoing failure is logged again.
    static let reminderInterval = Duration.seconds(300)

    let destination: Destination
    let counters: DestinationTelemetry
    private(set) var stream: StreamDelivery
    var random: SeededGenerator
    private var pacer: Pacer
    private var announced: UInt64?
    private var hasAnnouncedSaving = false

    init(
        destination: Destination,
        counters: DestinationTelemetry,
        stream: StreamDelivery,
        random: SeededGenerator
    ) {
        self.destination = destination
        self.counters = counters
        self.stream = stream
        self.random = random
        let queue = destination.plan.config.queue
        pacer = Pacer(samplesPerRequest: queue.maxSamplesPerSend, deadline: queue.batchSendDeadline)
    }

    private var clock: any EdgeClock { destination.partners.clock }
    private var log: any SampleLog { destination.partners.log }

    // MARK: - The loop

    mutating func run() async {
        while !Task.isCancelled {
            let position = stream.position
            let end = log.end
            let rows = end > position ? end.sequence - position.sequence : 0
            let now = clock.monotonicNanoseconds()
            // What was frozen by an earlier process waits for nothing.
            guard stream.isUnsettled || pacer.isDue(rows: rows, readLimit: stream.state.readLimit, now: now)
            else {
                stream.rest()
                noteSaving()
                guard await destination.pause(Pacer.pollInterval) else { return }
                continue
            }
            guard let step = await begin(rows: rows) else { continue }
            guard await deliver(step) else { return }
        }
    }

    /// Takes up or cuts a batch; nil when there is none that can be read (yet).
    private mutating func begin(rows: UInt64) async -> StreamDelivery.Step? {
        let queue = destination.plan.config.queue
        let size =
            pacer.estimatedSamples(rows: rows) > queue.maxSamplesPerSend
            ? destination.plan.sync.catchUpBatchSamples : queue.maxSamplesPerSend
        let limit = max(1, min(size, stream.state.readLimit ?? .max))
        do {
            let begun = try stream.begin(BatchLimits(samples: limit))
            noteSaving()
            if begun.isRebuilt { counters.rebuilt.add() }
            if let batch = begun.news { note(batch) }
            if case .nothing = begun.step {
                // The newest rows have their numbers but are not readable yet.
                _ = await destination.pause(Pacer.pollInterval)
                return nil
            }
            return begun.step
        } catch {
            _ = await destination.pause(Pacer.pollInterval)
            return nil
        }
    }

    /// Counts what a fresh batch leaves out.
    private mutating func note(_ batch: Batch) {
        if batch.lostRows > 0 {
            noteLost(
                batch.lostRows,
                batch.damage.map { "they cannot be read: \($0)" }
                    ?? "they left the store before they were delivered"
            )
        }
        for (reason, samples) in batch.omitted { counters.drop(samples, reason) }
        let rows = batch.recipe.ordinals.upperBound - batch.recipe.ordinals.lowerBound
        pacer.didRead(
            rows: rows - min(rows, batch.lostRows),
            samples: batch.samples + (batch.omitted[.tooOld] ?? 0) + (batch.omitted[.relabelled] ?? 0)
        )
    }

    /// Sends a batch part by part; false when cancelled before it was done.
    private mutating func deliver(_ first: StreamDelivery.Step) async -> Bool {
        var step = first
        while true {
            switch step {
            case .nothing, .done:
                let position = stream.position
                destination.live.withLock { $0.position = position }
                return true
            case .wait(let pause, let batch, let attempt):
                counters.retries.add()
                guard await destination.pause(pause) else { return false }
                step = .send(batch, attempt: attempt)
            case .send(let batch, let attempt):
                guard let verdict = await attemptToSend(batch, attempt) else { return false }
                let time = Timestamp(milliseconds: clock.wallMilliseconds())
                let jitter = Double.random(in: 0...1, using: &random)
                let concluded = stream.conclude(verdict, jitter: jitter, time: time)
                switch verdict {
                case .accepted: noteAccepted(batch.samples, time)
                case .partly(let written, _, _): noteAccepted(written, time)
                default: break
                }
                noteHealth(verdict)
                if let drop = concluded.drop { noteDropped(drop, concluded.example) }
                noteSaving()
                step = concluded.step
            }
        }
    }

    /// One request; nil when cancelled.
    private func attemptToSend(_ batch: Batch, _ attempt: Int) async -> Verdict? {
        let request: HTTPClientRequest
        do {
            request = try destination.peer.request(batch, attempt: attempt)
        } catch {
            return .refused(reason: "credentials: \(error)")
        }
        do {
            let response = try await destination.send(request)
            counters.requests.add()
            counters.sentBytes.add(Int(clamping: response.statistics.bytesSent))
            destination.partners.meter.observe(response.statistics)
            return destination.peer.verdict(response, of: batch)
        } catch {
            return Verdict(error)
        }
    }

    /// Logs once that state cannot be written; delivery goes on.
    private mutating func noteSaving() {
        guard let failure = stream.keeper.failure else {
            hasAnnouncedSaving = false
            return
        }
        if !hasAnnouncedSaving {
            destination.logger.error("the state of sync cannot be saved", metadata: ["error": "\(failure)"])
        }
        hasAnnouncedSaving = true
    }

    /// Makes everything durable.
    mutating func finish() {
        stream.finish()
        if let failure = stream.keeper.failure {
            destination.logger.error("the state of sync is not durable", metadata: ["error": "\(failure)"])
        }
    }

    // MARK: - Telling

    private func noteAccepted(_ samples: Int, _ time: Timestamp) {
        counters.sentSamples.add(samples)
        counters.lastSuccess.set(time.seconds)
        destination.live.withLock { $0.lastSuccess = time }
    }

    /// Logs the first failure, a reminder now and then, and the return.
    private mutating func noteHealth(_ verdict: Verdict) {
        destination.live.withLock {
            $0.health = stream.state.health
            $0.lastError = verdict.reason
        }
        guard stream.state.health != .healthy else {
            if announced != nil {
                destination.logger.notice(
                    "the destination takes samples again",
                    metadata: ["backlog_rows": "\(destination.backlog().rows)"]
                )
            }
            announced = nil
            return
        }
        let now = clock.monotonicNanoseconds()
        let interval = UInt64(Self.reminderInterval.milliseconds) * 1_000_000
        if let last = announced, now - min(now, last) < interval { return }
        announced = now
        destination.logger.warning(
            stream.state.health == .refused
                ? "the destination refuses samples; they are kept"
                : "the destination is not reached; samples are kept",
            metadata: ["reason": "\(verdict.reason ?? "")", "url": "\(destination.displayURL)"]
        )
    }

    private func noteDropped(_ drop: SyncState.Drop, _ example: Labels?) {
        guard !drop.isRepeated else { return counters.repeated.add(drop.samples) }
        counters.drop(drop.samples, drop.reason)
        guard destination.shouldLogDrop() else { return }
        let first = example.map { "\($0)" } ?? ""
        destination.logger.warning(
            "samples were rejected and are given up",
            metadata: [
                "samples": "\(drop.samples)", "first_series": "\(first.prefix(512))",
                "reason": "\(drop.words)",
            ]
        )
    }

    private func noteLost(_ rows: UInt64, _ why: String) {
        counters.lostRows.add(Int(clamping: rows))
        destination.logger.warning(
            "rows are lost for this destination: \(why)",
            metadata: ["rows": "\(rows)"]
        )
    }
}
