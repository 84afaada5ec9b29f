// SPDX-License-Identifier: Apache-2.0
//
// What to do next for one destination; pure, the shell (Destination) does it.
//
//     idle ──begin(stretch)──▶ delivering ──conclude(verdict)──▶ send · wait, then send again · advance the cursor
//
// A stretch is what one read of the log gave. It is sent as one request; when the receiver objects, as parts:
//
//     413       halves, each sent on its own, and smaller reads from then on
//     other 4xx halves, until the half that is at fault is one sample: that one is given up, all others arrive
//
// Invariants: the cursor moves only to the end of a stretch all of whose parts were accepted or given up; parts go out
// in order, one at a time, so a series stays in time order; a part that was sent is sent again as it is, except that a
// part too large for its link or receiver is halved.

internal import Samples

/// A piece of a stretch: some of its series, or some samples of one series.
struct Part: Sendable, Equatable {
    /// Which of the stretch's series.
    var series: Range<Int>
    /// Which samples, when it is a piece of a single series.
    var samples: Range<Int>?
}

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

    /// A part that is given up, with the receiver's words.
    struct Drop: Sendable, Equatable {
        var part: Part
        var samples: Int
        var reason: DropReason
        var words: String
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

    /// Requests without a single acceptance after which the rest of a stretch is given up as a whole.
    ///
    /// Then it is not one poison sample but, say, a day too old for the receiver; halving all of it would take two
    /// requests per sample. The second number holds once a whole stretch was lost that way.
    static let hopelessRequests = (first: 64, following: 8)
    /// Timeouts in a row after which a part is halved: the link may be too slow for it.
    static let timeoutsBeforeHalving = 2
    /// Fewer samples are never asked for at once.
    static let smallestRead = 64
    /// Accepted stretches after which a reduced read size is doubled again.
    static let stretchesBeforeGrowth = 8

    struct Delivery {
        var sampleCounts: [Int]
        var next: LogPosition
        /// The parts left, the current one last.
        var parts: [Part]
        var attempt = 0
        var timeouts = 0
        var requests = 0
        var accepted = 0
    }

    /// Everything before is accepted or given up.
    private(set) var cursor: LogPosition
    /// Attempts in a row that did not deliver.
    private(set) var failures = 0
    private(set) var health = Health.healthy
    /// Samples to read at most because larger requests failed; nil when there is no such experience.
    private(set) var readLimit: Int?

    private let backoff: Backoff
    private var delivery: Delivery?
    private var lastStretchWasHopeless = false
    private var stretchesSinceReduction = 0

    init(cursor: LogPosition, backoff: Backoff) {
        self.cursor = cursor
        self.backoff = backoff
    }

    // MARK: - Events

    /// A stretch was read.
    ///
    /// - Parameters:
    /// - sampleCounts: the number of samples of each of its series.
    /// - next: where the log goes on after it.
    mutating func begin(sampleCounts: [Int], next: LogPosition) -> Action {
        precondition(delivery == nil, "a stretch ends before the next begins")
        guard sampleCounts.contains(where: { $0 > 0 }) else {
            cursor = next
            return .advance(next)
        }
        let whole = Part(series: 0..<sampleCounts.count, samples: nil)
        delivery = Delivery(sampleCounts: sampleCounts, next: next, parts: [whole])
        return .send(whole, attempt: 0)
    }

    /// An attempt to send the current part ended.
    ///
    /// - Parameters:
    /// - verdict: what it came to.
    /// - jitter: a random number from 0 to 1.
    /// - Returns: what is given up, and what to do next.
    mutating func conclude(_ verdict: Verdict, jitter: Double) -> (drop: Drop?, next: Action) {
        guard var current = delivery, let part = current.parts.last else {
            preconditionFailure("a verdict needs something sent")
        }
        current.requests += 1
        defer { if delivery != nil { delivery = current } }
        switch verdict {
        case .accepted:
            failures = 0
            health = .healthy
            current.accepted += 1
            lastStretchWasHopeless = false
            return (nil, goOn(&current))
        case .unreachable(_, let isTimeout):
            current.timeouts = isTimeout ? current.timeouts + 1 : 0
            if current.timeouts >= Self.timeoutsBeforeHalving, let halves = halves(of: part, current) {
                reduceReads(to: samples(in: part, current) / 2)
                current.replaceLast(with: halves)
            }
            let pause = backoff.pause(failures: failures + 1, jitter: jitter)
            return (nil, again(&current, .retrying, after: pause))
        case .busy(let asked, _):
            let pause =
                asked.map { backoff.pause(failures: failures + 1, jitter: jitter, asked: $0) }
                ?? backoff.pause(failures: failures + 1, jitter: jitter)
            return (nil, again(&current, .retrying, after: pause))
        case .refused:
            let pause = backoff.refusedPause(failures: failures + 1, jitter: jitter)
            return (nil, again(&current, .refused, after: pause))
        case .tooLarge(let words):
            answered()
            reduceReads(to: samples(in: part, current) / 2)
            return divide(&current, part, .tooLarge, words)
        case .rejected(let words):
            answered()
            return divide(&current, part, .rejected, words)
        }
    }

    /// The log could not be read at the cursor, which was moved on.
    mutating func skip(to position: LogPosition) {
        precondition(delivery == nil, "only between stretches")
        cursor = max(cursor, position)
    }

    // MARK: - Parts

    /// The number of samples in a part of the stretch under way.
    func samples(in part: Part) -> Int {
        delivery.map { samples(in: part, $0) } ?? 0
    }

    private func samples(in part: Part, _ delivery: Delivery) -> Int {
        part.samples?.count ?? delivery.sampleCounts[part.series].reduce(0, +)
    }

    private func halves(of part: Part, _ delivery: Delivery) -> (Part, Part)? {
        if part.series.count > 1 {
            let middle = part.series.lowerBound + part.series.count / 2
            return (
                Part(series: part.series.lowerBound..<middle, samples: nil),
                Part(series: middle..<part.series.upperBound, samples: nil)
            )
        }
        let samples = part.samples ?? 0..<delivery.sampleCounts[part.series.lowerBound]
        guard samples.count > 1 else { return nil }
        let middle = samples.lowerBound + samples.count / 2
        return (
            Part(series: part.series, samples: samples.lowerBound..<middle),
            Part(series: part.series, samples: middle..<samples.upperBound)
        )
    }

    /// Halves the part, or gives it up when it cannot or is not worth it.
    private mutating func divide(
        _ current: inout Delivery,
        _ part: Part,
        _ reason: DropReason,
        _ words: String
    ) -> (drop: Drop?, next: Action) {
        let patience = lastStretchWasHopeless ? Self.hopelessRequests.following : Self.hopelessRequests.first
        if current.accepted == 0, current.requests >= patience {
            let count = current.parts.reduce(0) { $0 + samples(in: $1, current) }
            // Nothing was accepted, so nothing before this part is anything but given up already.
            let all = Part(series: part.series.lowerBound..<current.sampleCounts.count, samples: nil)
            lastStretchWasHopeless = true
            return (Drop(part: all, samples: count, reason: reason, words: words), finish(current))
        }
        if let halves = halves(of: part, current) {
            current.replaceLast(with: halves)
            current.attempt = 0
            return (nil, .send(halves.0, attempt: 0))
        }
        let drop = Drop(part: part, samples: samples(in: part, current), reason: reason, words: words)
        return (drop, goOn(&current))
    }

    // MARK: - Steps

    private mutating func goOn(_ current: inout Delivery) -> Action {
        current.parts.removeLast()
        current.attempt = 0
        current.timeouts = 0
        guard let part = current.parts.last else { return finish(current) }
        return .send(part, attempt: 0)
    }

    private mutating func finish(_ current: Delivery) -> Action {
        stretchesSinceReduction += 1
        if let limit = readLimit, stretchesSinceReduction >= Self.stretchesBeforeGrowth {
            // Past a million samples no configured size is larger, and the experience is forgotten.
            readLimit = limit < 1 << 20 ? limit * 2 : nil
            stretchesSinceReduction = 0
        }
        cursor = current.next
        delivery = nil
        return .advance(current.next)
    }

    private mutating func again(
        _ current: inout Delivery,
        _ health: Health,
        after pause: Duration
    ) -> Action {
        failures += 1
        current.attempt += 1
        self.health = health
        guard let part = current.parts.last else { preconditionFailure("a retry needs a part") }
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
        parts.removeLast()
        parts.append(halves.1)
        parts.append(halves.0)
        timeouts = 0
    }
}

/// Why samples are given up.
enum DropReason: String, Sendable, CaseIterable {
    /// The receiver objects to them.
    case rejected
    /// A single sample is too large for the receiver.
    case tooLarge = "too_large"
    /// Older than `sample_age_limit`.
    case tooOld = "too_old"
    /// `write_relabel_configs` drop the series.
    case relabelled
}
