// SPDX-License-Identifier: Apache-2.0
//
// One stream on its way to one receiver: what a frozen batch is, what is kept of it when, and which part goes next. No
// clock, no socket and no task in here; the shell (Delivery) sends and waits.
//
//     begin ──▶ freeze ──▶ send ──conclude(verdict)──▶ send · wait, then send again · done
//
// Invariants: no byte of a batch leaves before its recipe is kept; a part goes out only after what came of the parts
// before it is kept; a recipe is settled only when each of its parts was accepted or given up.

internal import Bytes
internal import Samples

struct StreamDelivery {
    /// What to do next.
    enum Step {
        /// Nothing is owed that could be sent now.
        case nothing
        /// Send this; `attempt` counts from 0.
        case send(Batch, attempt: Int)
        /// Wait, then send this.
        case wait(Duration, Batch, attempt: Int)
        /// The batch is settled; there may be another.
        case done
    }

    /// What is new about a batch, for whoever counts.
    struct Begun {
        var step: Step
        /// The batch, with what was left out of it; nil when it was counted before or there is none.
        var news: Batch?
        /// Whether a batch that was frozen earlier came out with other bytes.
        var isRebuilt = false
    }

    /// What an answer came to.
    struct Concluded {
        /// What is given up, or was there already.
        var drop: SyncState.Drop?
        /// A series of that, as an example.
        var example: Labels?
        var step: Step
    }

    /// Reads of a damaged place before a batch is made without it; a moment's I/O error should not cost data.
    static let readAttempts = 3

    private(set) var keeper: StreamKeeper
    private(set) var state: SyncState
    let source: any BatchSource
    let peer: any Peer
    private var current: (batch: Batch, parts: Parts)?
    /// The request that is repeated until it is answered: a body is made once.
    private var sending: (part: Part, batch: Batch)?
    private var failedReads = 0
    /// What stayed unreadable: many batches have rows in one damaged place.
    private var knownDamage: SourceError?

    init(keeper: StreamKeeper, state: SyncState, source: any BatchSource, peer: any Peer) {
        (self.keeper, self.state, self.source, self.peer) = (keeper, state, source, peer)
    }

    /// The oldest ordinal that is not settled.
    var position: LogPosition { LogPosition(sequence: keeper.record.position) }

    /// Whether a batch is frozen and not settled.
    var isUnsettled: Bool { !keeper.record.recipes.isEmpty }

    // MARK: - Events

    /// Takes up the batch that was frozen and not settled, or cuts the next.
    ///
    /// - Parameter limits: how much a new one may hold.
    /// - Returns: what to do, and what to count.
    /// - Throws: when something cannot be read (yet).
    mutating func begin(_ limits: BatchLimits) throws(SourceError) -> Begun {
        if let frozen = keeper.record.recipes.first { return try resume(frozen) }
        guard let range = keeper.record.remaining.first, var cut = try source.next(in: range, limits: limits)
        else {
            keeper.saveSettled()
            return Begun(step: .nothing)
        }
        // As the receiver takes it now; what it turns out not to take the peer writes anew.
        let profile = peer.profile
        (cut.message, cut.encoding) = (profile.messages.first ?? .v1, profile.encodings.first ?? .snappy)
        let made = try read(cut)
        guard made.samples > 0 else {
            keeper.pass(cut.ordinals)
            return Begun(step: .done, news: made)
        }
        var recipe = cut
        recipe.crc = CRC32C.checksum(made.body.span.bytes)
        let doubt = keeper.doubt
        var batch = made
        batch.recipe = keeper.freeze(recipe)
        return Begun(step: start(batch, nil, doubt), news: batch)
    }

    /// An attempt to send ended.
    ///
    /// - Parameters:
    ///   - verdict: what it came to.
    ///   - jitter: a random number from 0 to 1.
    ///   - time: now.
    /// - Returns: what is given up, and what to do next.
    mutating func conclude(_ verdict: Verdict, jitter: Double, time: Timestamp) -> Concluded {
        guard let (batch, parts) = current, let before = state.progress, let sent = before.left.last else {
            preconditionFailure("a verdict needs something sent")
        }
        let (drop, action) = state.conclude(verdict, jitter: jitter)
        switch verdict {
        case .accepted, .partly: keeper.noteAccepted(time)
        default: break
        }
        if let progress = state.progress, progress.left != before.left {
            // Rows of which a power cut would leave only some series behind would not be told from others.
            let isSlice = sent.series != 0..<parts.seriesCount
            keeper.note(progress, of: batch.recipe.number, isDurable: isSlice && verdict == .accepted)
        }
        let example = drop.flatMap { drop in
            batch.series.indices.contains(drop.firstSeries) ? batch.series[drop.firstSeries].labels : nil
        }
        return Concluded(drop: drop, example: example, step: step(action))
    }

    /// Writes what was settled when nothing follows at once.
    mutating func rest() { keeper.saveSettled() }

    /// Makes everything durable.
    mutating func finish() { keeper.finish() }

    // MARK: - Steps

    /// A batch frozen by an earlier process, or before a read failed.
    private mutating func resume(_ recipe: Recipe) throws(SourceError) -> Begun {
        let batch = try read(recipe)
        let crc = CRC32C.checksum(batch.body.span.bytes)
        let isSame = crc == recipe.crc
        if !isSame { keeper.rebuild(recipe.number, crc: crc) }
        guard batch.samples > 0 else {
            keeper.settle(recipe.number)
            return Begun(step: .done, news: batch, isRebuilt: true)
        }
        let isExact = isSame && !recipe.isAmbiguous
        let step = start(batch, isSame ? recipe.progress : nil, isExact ? keeper.doubtOfFrozen : .everything)
        return Begun(step: step, news: isSame ? nil : batch, isRebuilt: !isSame)
    }

    private mutating func read(_ recipe: Recipe) throws(SourceError) -> Batch {
        let batch = try source.batch(recipe)
        if let damage = batch.damage, damage != knownDamage {
            failedReads += 1
            guard failedReads > Self.readAttempts else { throw damage }
            knownDamage = damage
        }
        failedReads = 0
        return batch
    }

    private mutating func start(_ batch: Batch, _ progress: PartProgress?, _ doubt: SyncState.Doubt) -> Step {
        let parts = batch.parts
        current = (batch, parts)
        let next = LogPosition(sequence: batch.recipe.ordinals.upperBound)
        return step(state.begin(parts, next: next, resuming: progress, doubt: doubt))
    }

    private mutating func step(_ action: SyncState.Action) -> Step {
        switch action {
        case .send(let part, let attempt): return .send(request(part), attempt: attempt)
        case .wait(let pause, let part, let attempt): return .wait(pause, request(part), attempt: attempt)
        case .advance:
            if let current { keeper.settle(current.batch.recipe.number) }
            (current, sending) = (nil, nil)
            return .done
        }
    }

    private mutating func request(_ part: Part) -> Batch {
        if let sending, sending.part == part { return sending.batch }
        guard let (batch, parts) = current else { preconditionFailure("a part is of a batch") }
        let request = part == parts.whole ? batch : batch.part(part, in: parts, for: peer)
        sending = (part, request)
        return request
    }
}
