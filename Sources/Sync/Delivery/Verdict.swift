// SPDX-License-Identifier: Apache-2.0
//
// What an answer, or the lack of one, means for the samples that were sent. Remote write 1.0 knows only "done", "retry"
// and "never again"; two cases are told apart from the last one because dropping data for them would be a mistake of
// the operator turned into a loss: an endpoint that refuses everything (wrong token, wrong path) and a request that is
// merely too large.

internal import HTTPClient

/// The meaning of one attempt.
enum Verdict: Sendable, Equatable {
    /// Stored.
    case accepted
    /// No answer: the same bytes again, later.
    case unreachable(reason: String, isTimeout: Bool)
    /// Not now (429, 408, 5xx): the same bytes again, not before the asked time.
    case busy(retryAfter: Duration?, reason: String)
    /// The endpoint refuses us or is not a remote-write receiver (401, 403, 404, redirects, TLS): nothing is given up.
    case refused(reason: String)
    /// Too many bytes or samples in one request (413): the same samples in smaller requests.
    case tooLarge(reason: String)
    /// Something in the request is unacceptable (other 4xx): to be found and given up.
    ///
    /// `isOrder` when the receiver's words are about time: too old, out of order, there already with another value.
    case rejected(reason: String, isOrder: Bool)
    /// Some of the samples are stored, the others never will be; which ones only the words may say.
    case partly(written: Int, of: Int, words: String)
    /// The receiver does not understand such messages: nothing is stored, and another kind may be tried.
    case unsupported(MessageKind)

    /// What a person should read about it, nil when all is well.
    var reason: String? {
        switch self {
        case .accepted: nil
        case .unreachable(let reason, _), .busy(_, let reason), .refused(let reason), .tooLarge(let reason),
            .rejected(let reason, _):
            reason
        case .partly(let written, let total, let words):
            "\(total - min(written, total)) of \(total) samples: \(words)"
        case .unsupported(let message): "does not take \(message.name)"
        }
    }
}

extension Verdict {
    /// Judges a response.
    init(_ response: HTTPClientResponse, nowMilliseconds: Int64, retriesTooManyRequests: Bool) {
        let words = ServerWords.clean(response.body)
        let reason = words.isEmpty ? "status \(response.status)" : "status \(response.status): \(words)"
        let retryAfter = response.header("retry-after")
            .flatMap { RetryAfter.parse($0, nowMilliseconds: nowMilliseconds) }
        self =
            switch response.status {
            case 200...299: .accepted
            case 429 where !retriesTooManyRequests: .rejected(reason: reason, isOrder: false)
            case 408, 425, 429, 500...: .busy(retryAfter: retryAfter, reason: reason)
            case 413: .tooLarge(reason: reason)
            case 300...399:
                .refused(reason: "\(reason), redirects to \(response.header("location") ?? "nowhere")")
            case ..<300, 401, 402, 403, 404, 405, 406, 407, 410, 415, 426, 451: .refused(reason: reason)
            default: .rejected(reason: reason, isOrder: ServerWords.areAboutOrder(words))
            }
    }

    /// What an answer to a 2.0 message means that says how much of it was stored.
    ///
    /// A receiver that says so has stored the rest for good or never will: what it wrote is not sent again. One that
    /// wrote nothing is asked again in parts, as any that objects.
    func of(_ samples: Int, written: WrittenCounts) -> Verdict {
        let count = min(written.total, samples)
        switch self {
        case .accepted where count < samples:
            return .partly(written: count, of: samples, words: "the receiver says that it stored fewer")
        case .rejected(let reason, _) where count > 0:
            return .partly(written: count, of: samples, words: reason)
        default: return self
        }
    }

    /// Judges a request without response; nil when it was cancelled by ourselves.
    init?(_ error: HTTPClientError) {
        switch error.kind {
        case .cancelled: return nil
        case .timeout: self = .unreachable(reason: error.message, isTimeout: true)
        // Answers are cut and not refused, so this is the budget's word on a request.
        case .bodyTooLarge: self = .tooLarge(reason: error.message)
        case .resolve, .connect, .transfer, .overloaded:
            self = .unreachable(reason: error.message, isTimeout: false)
        case .tls, .badURL, .badRequest, .unavailable: self = .refused(reason: error.message)
        }
    }
}

/// What a receiver says, made fit for a log line.
enum ServerWords {
    /// Characters kept; servers have answered with whole pages.
    static let limit = 256

    /// How Prometheus, Mimir, Thanos and Cortex name samples they have no place for.
    private static let orderWords = [
        "out of order", "out-of-order", "out of bounds", "too old", "too-old", "duplicate sample",
        "duplicate-timestamp",
    ]

    /// Whether the words object to the time of samples.
    static func areAboutOrder(_ words: String) -> Bool {
        let lowered = words.lowercased()
        return orderWords.contains { lowered.contains($0) }
    }

    /// The first line's worth of text, control characters as spaces.
    static func clean(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(4 * limit), as: UTF8.self)
        let scalars = text.unicodeScalars.prefix(limit).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || scalar.value == 0x7f ? " " : scalar
        }
        var cleaned = ""
        cleaned.unicodeScalars.append(contentsOf: scalars)
        while cleaned.last == " " { cleaned.removeLast() }
        return cleaned
    }
}
