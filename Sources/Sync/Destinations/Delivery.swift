// SPDX-License-Identifier: Apache-2.0
//
// The loop of one destination: wait for rows, read a stretch, send its parts as SyncState says, save the cursor. Ends
// when its task is cancelled, after giving the request in flight a moment.

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
    /// Reads of an unreadable place before it is skipped; a moment's I/O error should not cost data.
    static let readAttempts = 3

    let destination: Destination
    let counters: DestinationTelemetry
    var state: SyncState
    var record: CursorRecord
    var random: SeededGenerator
    private var pacer: Pacer
    private var failedReads = 0
    private var announced: UInt64?
    private var hasAnnouncedSaving = false

    init(
        destination: Destination,
        counters: DestinationTelemetry,
        state: SyncState,
        record: CursorRecord,
        random: SeededGenerator
    ) {
        self.destination = destination
        self.counters = counters
        self.state = state
        self.record = record
        self.random = random
        let queue = destination.plan.config.queue
        pacer = Pacer(samplesPerRequest: queue.maxSamplesPerSend, deadline: queue.batchSendDeadline)
    }

    private var clock: any EdgeClock { destination.partners.clock }
    private var log: any SampleLog { destination.partners.log }

    // MARK: - The loop

    mutating func run(_ keeper: inout CursorKeeper) async {
        while !Task.isCancelled {
            let end = log.end
            let rows = end > record.position ? end.sequence - record.position.sequence : 0
            let now = clock.monotonicNanoseconds()
            guard pacer.isDue(rows: rows, readLimit: state.readLimit, now: now) else {
                guard await destination.pause(Pacer.pollInterval) else { return }
                continue
            }
            guard let stretch = await read(rows: rows, &keeper) else { continue }
            guard await deliver(stretch, &keeper) else { return }
        }
    }

    /// Reads the next stretch; nil when the place cannot be read (yet).
    private mutating func read(rows: UInt64, _ keeper: inout CursorKeeper) async -> Stretch? {
        let queue = destination.plan.config.queue
        let size =
            pacer.estimatedSamples(rows: rows) > queue.maxSamplesPerSend
            ? destination.plan.sync.catchUpBatchSamples : queue.maxSamplesPerSend
        let limit = max(1, min(size, state.readLimit ?? .max))
        do {
            let chunk = try log.read(from: record.position, sampleLimit: limit)
            failedReads = 0
            guard chunk.next > record.position else {
                // The newest rows have their numbers but are not readable yet.
                _ = await destination.pause(Pacer.pollInterval)
                return nil
            }
            if chunk.lostRows > 0 {
                noteLost(chunk.lostRows, "they left the store before they were delivered")
            }
            var oldest: Timestamp?
            if queue.sampleAgeLimit > .zero {
                oldest = Timestamp(milliseconds: clock.wallMilliseconds())
                    .advanced(byMilliseconds: -queue.sampleAgeLimit.milliseconds)
            }
            let stretch = Stretch(
                chunk,
                oldest: oldest,
                externalLabels: destination.plan.externalLabels,
                relabelConfigs: destination.plan.config.writeRelabelConfigs,
                sendsHistograms: destination.plan.config.sendsNativeHistograms
            )
            counters.drop(stretch.disabled, .disabled)
            counters.drop(stretch.unsupported, .unsupported)
            counters.drop(stretch.tooOld, .tooOld)
            counters.drop(stretch.relabelled, .relabelled)
            let read = chunk.next.sequence - min(chunk.next.sequence, record.position.sequence)
            pacer.didRead(
                rows: read - min(read, chunk.lostRows),
                samples: stretch.samples + stretch.tooOld + stretch.relabelled
            )
            return stretch
        } catch {
            await skipUnreadable(error, &keeper)
            return nil
        }
    }

    /// After some attempts steps over 1, 2, 4 … rows until the log can be read again.
    private mutating func skipUnreadable(_ error: SourceError, _ keeper: inout CursorKeeper) async {
        failedReads += 1
        if failedReads > Self.readAttempts {
            let left = log.end.sequence - min(log.end.sequence, record.position.sequence)
            let rows = min(left, 1 << UInt64(min(30, failedReads - Self.readAttempts - 1)))
            noteLost(rows, "they cannot be read: \(error)")
            advance(to: LogPosition(sequence: record.position.sequence + rows), &keeper)
            state.skip(to: record.position)
            return
        }
        _ = await destination.pause(Pacer.pollInterval)
    }

    /// Sends a stretch; false when cancelled before it was done.
    private mutating func deliver(_ stretch: Stretch, _ keeper: inout CursorKeeper) async -> Bool {
        let parts = Parts(timestamps: stretch.timestamps)
        var action = state.begin(parts, next: stretch.next)
        // A body is made once and kept until it is delivered, so that a retry repeats the same bytes.
        var frozen: (part: Part, batch: Batch)?
        while true {
            switch action {
            case .advance(let position):
                advance(to: position, &keeper)
                return true
            case .wait(let pause, let part, let attempt):
                counters.retries.add()
                guard await destination.pause(pause) else { return false }
                action = .send(part, attempt: attempt)
            case .send(let part, let attempt):
                let batch: Batch
                if let frozen, frozen.part == part {
                    batch = frozen.batch
                } else {
                    batch = self.batch(part, of: stretch, parts)
                    frozen = (part, batch)
                }
                guard let verdict = await attemptToSend(batch, attempt) else { return false }
                let (drop, next) = state.conclude(verdict, jitter: Double.random(in: 0...1, using: &random))
                switch verdict {
                case .accepted: noteAccepted(batch.samples)
                case .partly(let written, _, _): noteAccepted(written)
                default: break
                }
                noteHealth(verdict)
                if let drop { noteDropped(drop, stretch) }
                action = next
            }
        }
    }

    /// A part with its body.
    private func batch(_ part: Part, of stretch: Stretch, _ parts: Parts) -> Batch {
        let series = stretch.series(of: part, in: parts)
        var body: [UInt8] = []
        let recipe = Recipe(
            number: record.position.sequence,
            ordinals: record.position.sequence..<max(record.position.sequence, stretch.next.sequence),
            before: stretch.next.sequence
        )
        destination.peer.encode(series, recipe.message, recipe.encoding, into: &body)
        return Batch(recipe: recipe, series: series, body: body, samples: state.samples(in: part))
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

    private mutating func advance(to position: LogPosition, _ keeper: inout CursorKeeper) {
        record.position = position
        destination.live.withLock { $0.position = position }
        do {
            try keeper.save(record)
            hasAnnouncedSaving = false
        } catch {
            // Delivery goes on: after a restart some samples are sent again, which receivers recognise.
            if !hasAnnouncedSaving {
                destination.logger.error("the sync cursor cannot be saved", metadata: ["error": "\(error)"])
            }
            hasAnnouncedSaving = true
        }
    }

    // MARK: - Telling

    private mutating func noteAccepted(_ samples: Int) {
        counters.sentSamples.add(samples)
        let now = Timestamp(milliseconds: clock.wallMilliseconds())
        counters.lastSuccess.set(now.seconds)
        record.lastSuccess = now
        destination.live.withLock { $0.lastSuccess = now }
    }

    /// Logs the first failure, a reminder now and then, and the return.
    private mutating func noteHealth(_ verdict: Verdict) {
        destination.live.withLock {
            $0.health = state.health
            $0.lastError = verdict.reason
        }
        guard state.health != .healthy else {
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
            state.health == .refused
                ? "the destination refuses samples; they are kept"
                : "the destination is not reached; samples are kept",
            metadata: ["reason": "\(verdict.reason ?? "")", "url": "\(destination.displayURL)"]
        )
    }

    private func noteDropped(_ drop: SyncState.Drop, _ stretch: Stretch) {
        counters.drop(drop.samples, drop.reason)
        guard destination.shouldLogDrop() else { return }
        let first =
            stretch.series.indices.contains(drop.firstSeries)
            ? "\(stretch.series[drop.firstSeries].labels)" : ""
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
