// SPDX-License-Identifier: Apache-2.0
//
// How Prometheus reads times, durations and limits from requests, with its words when they are wrong. Times are
// clamped to 100 million days around 1970, far outside any sample, so that arithmetic on them cannot overflow.

internal import Samples
internal import Wire

extension Parameters {
    /// Furthest milliseconds from 1970 a time can have.
    private static let furthestMilliseconds = 8.64e15

    /// A time in float seconds or RFC 3339.
    static func time(_ text: String) throws(APIError) -> Timestamp {
        if let seconds = PromNumber.parse(text), !seconds.isNaN {
            let bounded = min(max(seconds, -furthestMilliseconds / 1000), furthestMilliseconds / 1000)
            let whole = bounded.rounded(.towardZero)
            let fraction = ((bounded - whole) * 1000).rounded()
            return Timestamp(milliseconds: Int64(whole * 1000 + fraction))
        }
        if let time = RFC3339.parse(text) { return time }
        // How Go prints the earliest and the latest time; clients send them for "everything".
        switch text {
        case "-292273086-05-16T16:47:06Z": return Timestamp(milliseconds: Int64(-furthestMilliseconds))
        case "292277025-08-18T07:12:54.999999999Z":
            return Timestamp(milliseconds: Int64(furthestMilliseconds))
        default: throw APIError(.badData, "cannot parse \(Labels.quoted(text)) to a valid timestamp")
        }
    }

    /// A duration in float seconds or Prometheus' notation.
    static func duration(_ text: String) throws(APIError) -> Duration {
        if let seconds = PromNumber.parse(text) {
            // As Go converts it: the shortest there is, which no endpoint takes.
            guard !seconds.isNaN else { return .nanoseconds(Int64.min) }
            guard seconds.magnitude <= 9_223_372_036 else {
                throw APIError(
                    .badData,
                    "cannot parse \(Labels.quoted(text)) to a valid duration. It overflows int64"
                )
            }
            return .nanoseconds(Int64(seconds * 1e9))
        }
        if let duration = PromDuration.parse(text) { return duration }
        throw APIError(.badData, "cannot parse \(Labels.quoted(text)) to a valid duration")
    }

    /// The parameter `limit`; nil for no limit.
    func limit() throws(APIError) -> Int? {
        let text = self["limit"]
        guard !text.isEmpty else { return nil }
        guard let limit = Int(text) else {
            let isNumber =
                text.drop { $0 == "-" || $0 == "+" }.allSatisfy(\.isWholeNumber)
                && text.last?.isNumber == true
            let reason = isNumber ? "value out of range" : "invalid syntax"
            throw .invalid("limit", "strconv.Atoi: parsing \(Labels.quoted(text)): \(reason)")
        }
        guard limit >= 0 else { throw .invalid("limit", "limit must be non-negative") }
        return limit == 0 ? nil : limit
    }

    /// A time that may be absent.
    func time(_ name: String, default fallback: Timestamp) throws(APIError) -> Timestamp {
        let text = self[name]
        guard !text.isEmpty else { return fallback }
        do {
            return try Parameters.time(text)
        } catch {
            throw .invalid(name, "invalid time value for '\(name)': \(error.message)")
        }
    }

    /// A time that must be there.
    func time(_ name: String) throws(APIError) -> Timestamp {
        do {
            return try Parameters.time(self[name])
        } catch {
            throw .invalid(name, error.message)
        }
    }

    /// A duration that must be there.
    func duration(_ name: String) throws(APIError) -> Duration {
        do {
            return try Parameters.duration(self[name])
        } catch {
            throw .invalid(name, error.message)
        }
    }

    /// The parameter `timeout`.
    func timeout() throws(APIError) -> Duration? {
        self["timeout"].isEmpty ? nil : try duration("timeout")
    }

    /// The parameter `lookback_delta`; nil, for the engine's own, unless it is above 0.
    func lookback() throws(APIError) -> Duration? {
        let text = self["lookback_delta"]
        guard !text.isEmpty else { return nil }
        do {
            let lookback = try Parameters.duration(text)
            return lookback > .zero ? lookback : nil
        } catch {
            throw APIError(.badData, "error parsing lookback delta duration: \(error.message)")
        }
    }
}
