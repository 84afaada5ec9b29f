// SPDX-License-Identifier: Apache-2.0
//
// What to do next for one destination; pure, the shell (Destination) does it.
//
//     idle ──begin(stretch)──▶ delivering ──conclude(verdict)──▶ send · wait, then send again · advance the cursor
//
// A stretch is what one read of the log gave. It is sent as one request; when the receiver objects, as parts
// (`Parts` halves them, see SyncState+Division.swift for what is given up when).
//
// Invariants: the cursor moves only to the end of a stretch all of whose parts were accepted or given up; parts go out
// one at a time and a series' older samples before its newer ones; a part that was sent is sent again as it is, except
// that a part too large for its link or receiver is halved. What was answered without an answer reaching us may be at the
// receiver: what it says of the order of such parts is no objection (SyncState+Scan.swift).

internal import Samples

struct SyncState: Sendable {
    /// What to do next.
    enum Action: Sendable, Equatable {
        /// Send this part; `attempt` counts from 0.
        case send(Part, attempt: Int)
        /// Wait, then send this part.
        case wait(Duration, Part, attempt: Int)
        /// The stretch is done: save the cursor.
        case advance(LogPosition)
    }

    /// Samples that are given up, with the receiver's words.
    struct Drop: Sendable, Equatable {
        /// A series they belong to, as an example.
        var firstSeries: Int
        var samples: Int
        var reason: DropReason
        var words: String
        /// Whether the receiver has them already, from an attempt whose answer was lost.
        var isRepeated = false
    }

    /// What is not certain of a stretch that begins.
    enum Doubt: Sendable, Equatable {
        /// Nothing: no byte of it was ever sent.
        case none
        /// Whether its first part was delivered; what is kept of the rest is exact.
        case lastAttempt
        /// How much of it was delivered: what is kept may be older than what was done. Rows were delivered as a whole.
        case regressed
        /// Everything: what is kept does not fit what was made again.
        case everything
    }

    /// How the destination is doing.
    enum Health: String, Sendable {
        /// The last attempt was accepted, or there was none.
        case healthy
        /// It does not answer, or asks to wait.
        case retrying
        /// It answers and refuses us.
        case refused
    }

    /// Timeouts in a row after which a part is halved: the link may be too slow for it.
    static let timeoutsBeforeHalving = 2
    /// Fewer samples are never asked for at once.
    static let smallestRead = 64
    /// Accepted stretches after which a reduced read size is doubled again.
    static let stretchesBeforeGrowth = 8

    /// A stretch of which nothing was accepted makes the next one begin with a probe after this many rejections for its
    /// order.
    ///
    /// Other objections are to what a target exports: one whose samples nobody takes must not make the rows of others wait
    /// behind a newer one.
    static let rejectionsThatMatter = 8

    /// The stretch under way.
    struct Delivery: Sendable {
        let parts: Parts
        let next: LogPosition
        /// What is left, and what has come of the rest.
        var progress: PartProgress
        var attempt = 0
        var timeouts = 0
        /// Rows of a part taken for delivered because they were rejected for their order, and how many there may be
        /// before all of it is.
        var scanned = 0
        var scanLimit = SyncState.scanLimit
        /// The place in `left` of the part whose rows these are.
        var scanBase: Int?
        /// Whether of a row some series may be delivered and others not.
        var rowsMayBeTorn = false
        /// Whether any of it was ambiguous: then rejections do not mean that it is unwanted.
        var hadDoubt = false
        /// Parts rejected for their order.
        var orderRejections = 0
        /// The timestamp whose row is being halved, and how often parts of it were rejected since one was accepted.
        var row: Int64?
        var rowRejections = 0

        /// The parts left, the current one last.
        var left: [Part] {
            get { progress.left }
            set { progress.left = newValue }
        }
    }

    /// Everything before is accepted or given up.
    private(set) var cursor: LogPosition
    /// Attempts in a row that did not deliver.
    private(set) var failures = 0
    private(set) var health = Health.healthy
    /// Samples to read at most because larger requests failed; nil when there is no such experience.
    private(set) var readLimit: Int?

    private let backoff: Backoff
    var delivery: Delivery?
    /// The last stretch was given up as a whole: the next one begins with a probe.
    var isHopeless = false
    /// The last rejected row was given up as a whole: the next one is not halved down to its samples.
    var rowsAreHopeless = false
    private var stretchesSinceReduction = 0

    init(cursor: LogPosition, backoff: Backoff) {
        self.cursor = cursor
        self.backoff = backoff
    }

    // MARK: - Events

    /// A stretch was read.
    ///
    /// - Parameters:
    ///   - parts: its series and times.
    ///   - next: where the log goes on after it.
    ///   - progress: what had come of it when the process ended, nil when nothing had.
    ///   - doubt: what is not certain of it.
    /// - Returns: what to do first.
    mutating func begin(
        _ parts: Parts,
        next: LogPosition,
        resuming progress: PartProgress? = nil,
        doubt: Doubt = .none
    ) -> Action {
        precondition(delivery == nil, "a stretch ends before the next begins")
        guard let whole = parts.whole, parts.samples(in: whole) > 0 else {
            cursor = next
            return .advance(next)
        }
        var fresh = Delivery(parts: parts, next: next, progress: PartProgress(left: [whole]))
        if let progress, !progress.left.isEmpty, progress.left.allSatisfy({ parts.has($0) }) {
            fresh.progress = progress
        } else if isHopeless, doubt == .none, let probe = parts.probe(whole) {
            fresh.left = probe
            fresh.progress.isProbing = true
        }
        switch doubt {
        case .none: break
        case .lastAttempt: fresh.noteAmbiguous()
        case .regressed, .everything:
            fresh.progress.ambiguousFrom = 0
            fresh.scanLimit = .max
            fresh.rowsMayBeTorn = doubt == .everything
            fresh.hadDoubt = true
        }
        return send(fresh)
    }

    /// An attempt to send the current part ended.
    ///
    /// - Parameters:
    ///   - verdict: what it came to.
    ///   - jitter: a random number from 0 to 1.
    /// - Returns: what is given up, and what to do next.
    mutating func conclude(_ verdict: Verdict, jitter: Double) -> (drop: Drop?, next: Action) {
        guard var current = delivery, let part = current.left.last else {
            preconditionFailure("a verdict needs something sent")
        }
        delivery = nil
        switch verdict {
        case .accepted:
            answered()
            noteAccepted(&current)
            return (nil, goOn(current))
        case .unreachable(_, let isTimeout):
            current.timeouts = isTimeout ? current.timeouts + 1 : 0
            current.noteAmbiguous()
            if current.timeouts >= Self.timeoutsBeforeHalving, !current.progress.isProbing,
                let halves = current.parts.halves(of: part, byTimeFirst: false)
            {
                reduceReads(to: current.parts.samples(in: part) / 2)
                current.replaceLast(with: halves)
            }
            let pause = backoff.pause(failures: failures + 1, jitter: jitter)
            return (nil, again(current, .retrying, after: pause))
        case .busy(let asked, _):
            let pause =
                asked.map { backoff.pause(failures: failures + 1, jitter: jitter, asked: $0) }
                ?? backoff.pause(failures: failures + 1, jitter: jitter)
            return (nil, again(current, .retrying, after: pause))
        case .partly(let written, _, let words):
            answered()
            noteAccepted(&current)
            let lost = current.parts.samples(in: part) - written
            let drop = Drop(
                firstSeries: part.series.lowerBound,
                samples: max(0, lost),
                reason: .rejected,
                words: words
            )
            return (lost > 0 ? drop : nil, goOn(current))
        case .unsupported:
            // Another way is tried next; each is given up once, so this ends.
            answered()
            return (nil, again(current, .retrying, after: backoff.base))
        case .refused:
            let pause = backoff.refusedPause(failures: failures + 1, jitter: jitter)
            return (nil, again(current, .refused, after: pause))
        case .tooLarge(let words):
            answered()
            reduceReads(to: current.parts.samples(in: part) / 2)
            return divide(current, part, .tooLarge, words)
        case .rejected(let words, let isOrder):
            answered()
            return divide(current, part, isOrder ? .outOfOrder : .rejected, words)
        }
    }

    /// What has come of the stretch under way, to be kept before its next part is sent; nil when it is done.
    var progress: PartProgress? { delivery?.progress }

    /// The number of samples in a part of the stretch under way.
    func samples(in part: Part) -> Int {
        delivery?.parts.samples(in: part) ?? 0
    }

    // MARK: - Steps

    /// The current part is dealt with; on to the next.
    mutating func goOn(_ delivery: Delivery) -> Action {
        var current = delivery
        current.left.removeLast()
        return send(current)
    }

    /// Sends the last part left, or ends the stretch.
    mutating func send(_ delivery: Delivery) -> Action {
        var current = delivery
        current.attempt = 0
        current.timeouts = 0
        if let first = current.progress.ambiguousFrom, current.left.count <= first { endDoubt(&current) }
        if current.progress.isScanning { isolateOldestRow(&current) }
        guard let part = current.left.last else { return finish(current) }
        self.delivery = current
        return .send(part, attempt: 0)
    }

    /// The stretch is dealt with.
    mutating func finish(_ current: Delivery) -> Action {
        let wasUnwanted = current.progress.accepted == 0 && !current.hadDoubt
        if wasUnwanted, current.orderRejections >= Self.rejectionsThatMatter { isHopeless = true }
        stretchesSinceReduction += 1
        if let limit = readLimit, stretchesSinceReduction >= Self.stretchesBeforeGrowth {
            // Past a million samples no configured size is larger, and the experience is forgotten.
            readLimit = limit < 1 << 20 ? limit * 2 : nil
            stretchesSinceReduction = 0
        }
        cursor = current.next
        return .advance(current.next)
    }

    private mutating func again(_ delivery: Delivery, _ health: Health, after pause: Duration) -> Action {
        var current = delivery
        failures += 1
        current.attempt += 1
        self.health = health
        guard let part = current.left.last else { preconditionFailure("a retry needs a part") }
        self.delivery = current
        return .wait(pause, part, attempt: current.attempt)
    }

    /// The receiver works, whatever it thinks of this part.
    private mutating func answered() {
        failures = 0
        health = .healthy
    }

    private mutating func reduceReads(to samples: Int) {
        readLimit = max(Self.smallestRead, min(samples, readLimit ?? .max))
        stretchesSinceReduction = 0
    }
}

extension SyncState.Delivery {
    mutating func replaceLast(with halves: (Part, Part)) {
        left.removeLast()
        left.append(halves.1)
        left.append(halves.0)
        timeouts = 0
    }

    /// The current part may be with the receiver.
    mutating func noteAmbiguous() {
        guard !left.isEmpty else { return }
        progress.ambiguousFrom = min(progress.ambiguousFrom ?? .max, left.count - 1)
        hadDoubt = true
    }
}

/// Why samples are given up.
enum DropReason: String, Sendable, CaseIterable {
    /// The receiver objects to them.
    case rejected
    /// The receiver objects to their time; also what it has already, when its answer to the first sending was lost.
    case outOfOrder = "out_of_order"
    /// A single sample is too large for the receiver.
    case tooLarge = "too_large"
    /// Older than `sample_age_limit`.
    case tooOld = "too_old"
    /// `write_relabel_configs` drop the series.
    case relabelled
    /// Native histograms that the destination is not to get.
    case disabled
    /// Histograms with custom bounds, which remote write 1.0 has none of.
    case unsupported
}
