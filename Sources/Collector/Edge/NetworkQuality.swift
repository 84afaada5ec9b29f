// SPDX-License-Identifier: Apache-2.0
//
// How good an interface's network is, from 0 to 100: the R factor of the E-model (ITU-T G.107) in its usual
// simplification, by which telephony judges a line from delay and loss, scaled to its best value, times what errors of
// the link and a weak radio take away. docs/edge-metrics.md says it in full.
//
//     d = round trip / 2 + 2 · jitter + 10 ms
//     R = 93.2 − d/40            for d < 160 ms, else 93.2 − (d − 120)/10;  less 2.5 per percent lost
//     quality = R/93.2 · 100 · (1 − min(1, 50 · error ratio)) · signal

/// The formula.
enum NetworkQuality {
    /// The best R factor of the simplified model.
    private static let best = 93.2

    /// The quality.
    ///
    /// - Parameters:
    ///   - roundTrip: seconds.
    ///   - jitter: seconds.
    ///   - loss: the ratio of probes lost.
    ///   - errorRatio: the ratio of packets the link received or sent with errors.
    ///   - signal: dBm of a radio link; nil for a wire.
    /// - Returns: from 0 to 100.
    static func score(
        roundTrip: Double,
        jitter: Double,
        loss: Double,
        errorRatio: Double = 0,
        signal: Double? = nil
    ) -> Double {
        let delay = (roundTrip / 2 + 2 * jitter) * 1000 + 10
        var rating = delay < 160 ? best - delay / 40 : best - (delay - 120) / 10
        rating -= 2.5 * loss * 100
        let base = min(max(rating / best * 100, 0), 100)
        return base * (1 - min(1, max(0, 50 * errorRatio))) * signalFactor(signal)
    }

    /// 1 at −50 dBm and better, 0.2 at −90, 0 at −100.
    static func signalFactor(_ signal: Double?) -> Double {
        guard let signal else { return 1 }
        return min(max(1 - (-50 - signal) / 50, 0), 1)
    }
}

/// What is known of one target, smoothed over about ten rounds.
struct ProbeRecord: Equatable {
    /// The weight of a round: that of the newest of ten in an exponential mean.
    static let weight = 2.0 / 11

    private(set) var roundTrip: Double?
    private(set) var jitter: Double?
    private(set) var loss: Double?
    /// Whether the target answered ever; one that never did may not want to, and says nothing of the network.
    private(set) var hasAnswered = false

    /// Takes a round: the round trips in order of sending, nil for what did not come back.
    mutating func take(_ round: [Double?]) {
        guard !round.isEmpty else { return }
        let answered = round.compactMap(\.self)
        hasAnswered = hasAnswered || !answered.isEmpty
        loss = ProbeRecord.blend(loss, Double(round.count - answered.count) / Double(round.count))
        guard !answered.isEmpty else { return }
        let mean = answered.reduce(0, +) / Double(answered.count)
        roundTrip = ProbeRecord.blend(roundTrip, mean)
        let steps = zip(answered, answered.dropFirst()).map { abs($0 - $1) }
        guard !steps.isEmpty else { return }
        jitter = ProbeRecord.blend(jitter, steps.reduce(0, +) / Double(steps.count))
    }

    private static func blend(_ old: Double?, _ new: Double) -> Double {
        old.map { $0 + weight * (new - $0) } ?? new
    }
}
