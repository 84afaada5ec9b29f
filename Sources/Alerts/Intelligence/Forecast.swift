// SPDX-License-Identifier: Apache-2.0
//
// How probable it is that a series crosses a threshold within a horizon (`reference/anomaly.md` section 2.1).
//
// With two days or more of history: 150 futures are put together from stretches of past hourly increments taken at
// the same time of day, recent days preferred, so that a nightly clean-up happens in the futures too; the probability
// is the share of futures that cross. If the last six hours went quite differently from the same hours of the days
// before, a second answer that only believes the last six hours is mixed in. With less history: a Theil-Sen line.
//
// All is computed for "rises above"; for "falls below" signs are turned around.

internal import Glibc
internal import Platform
internal import Samples

/// A verdict on the near future of one series.
struct Forecast: Sendable, Equatable {
    /// Probability of crossing within the horizon, 0…1.
    let probability: Double
    /// Hours until the most probable course crosses, nil when it does not within the horizon.
    let hoursToCrossing: Double?

    /// What is being waited for.
    struct Question: Sendable, Equatable {
        var threshold: Double
        /// Whether values below the threshold are the bad ones.
        var isBelow: Bool
        /// How far to look ahead, in hours.
        var horizon: Int
    }

    /// Fewer hours than this allow no verdict.
    static let fewestHours = 6
    /// Fewer hours than this allow a straight line only.
    static let seasonalHours = 48
    /// Futures drawn.
    static let paths = 150

    /// Judges a history.
    ///
    /// Deterministic: equal history and seed give an equal verdict. Cost: `paths × horizon` additions.
    ///
    /// - Returns: nil with less than six hours of history.
    static func of(_ history: HourlyHistory, _ question: Question, seed: UInt64) -> Forecast? {
        guard history.medians.count >= fewestHours, !history.recent.isEmpty else { return nil }
        let sign: Double = question.isBelow ? -1 : 1
        let course = Course(
            medians: history.medians.map { sign * Double($0) },
            level: sign * HourlyHistory.median(history.recent.suffix(6)),
            noise: history.noise,
            threshold: sign * question.threshold,
            horizon: max(1, question.horizon)
        )
        if course.level >= course.threshold { return Forecast(probability: 1, hoursToCrossing: 0) }
        if history.medians.count < seasonalHours {
            return course.line(level: sign * HourlyHistory.median(history.recent))
        }
        return course.futures(seed: seed)
    }

    /// A history turned so that crossing means rising.
    struct Course {
        let medians: [Double]
        let level: Double
        let noise: Double
        let threshold: Double
        let horizon: Int

        /// What counts as no spread at all, relative to the values at hand.
        private var floor: Double { 1e-12 + 1e-8 * level.magnitude }
    }
}

extension Forecast.Course {
    /// The distribution function of the standard normal distribution.
    private static func normal(_ value: Double) -> Double {
        0.5 * erfc(-value / 2.0.squareRoot())
    }

    // MARK: - Short history

    /// Theil-Sen line through the hourly medians, with their median absolute residual as spread.
    func line(level: Double) -> Forecast {
        var slopes: [Double] = []
        for early in medians.indices {
            for late in medians.indices where late > early {
                slopes.append((medians[late] - medians[early]) / Double(late - early))
            }
        }
        let slope = HourlyHistory.median(slopes)
        let heights = medians.indices.map { medians[$0] - slope * Double($0) }
        let height = HourlyHistory.median(heights)
        let spread = 1.4826 * HourlyHistory.median(heights.map { ($0 - height).magnitude })
        var probability = 0.0
        var crossing: Double?
        for hour in 1...horizon {
            let expected = level + slope * Double(hour)
            probability = max(probability, Self.normal((expected - threshold) / max(spread, floor)))
            if crossing == nil, expected >= threshold { crossing = Double(hour) }
        }
        return Forecast(probability: probability, hoursToCrossing: crossing)
    }

    // MARK: - Long history

    /// The two answers, weighted by how unusual the last six hours were.
    func futures(seed: UInt64) -> Forecast {
        let increments = zip(medians.dropFirst(), medians).map { $0 - $1 }
        let drawn = bootstrap(increments, seed: seed)
        let weight = surprise(increments)
        let recent = recentTrend(increments)
        return Forecast(
            probability: (1 - weight) * drawn.probability + weight * recent.probability,
            hoursToCrossing: weight > 0.5 ? recent.hoursToCrossing : drawn.hoursToCrossing
        )
    }

    /// Draws futures from day-aligned blocks of past increments.
    func bootstrap(_ increments: [Double], seed: UInt64) -> Forecast {
        var random = SeededGenerator(seed: seed)
        let count = increments.count
        let days = min(6, max(1, count / 24))
        // Weight 2^(-k/2) of the day k days ago: half of it every two days.
        let weights = (1...days).map { exp2(-Double($0) / 2) }
        let total = weights.reduce(0, +)
        var heights = [Double](repeating: 0, count: Forecast.paths * horizon)
        var crossings = 0
        for path in 0..<Forecast.paths {
            var height = level
            var highest = -Double.infinity
            var hour = 0
            while hour < horizon {
                let length = 4 + Int(random.next() % 9)
                let day = Self.pick(weights, total, &random)
                let shift = Int(random.next() % 3) - 1
                for step in 0..<min(length, horizon - hour) {
                    var source = count + hour + step - 24 * day + shift
                    while source >= count { source -= 24 }
                    height += increments[max(source, 0)]
                    highest = max(highest, height)
                    heights[(hour + step) * Forecast.paths + path] = height
                }
                hour += length
            }
            if highest + 1.5 * noise >= threshold { crossings += 1 }
        }
        return Forecast(
            probability: Double(crossings) / Double(Forecast.paths),
            hoursToCrossing: medianCrossing(heights)
        )
    }

    private static func pick(
        _ weights: [Double],
        _ total: Double,
        _ random: inout SeededGenerator
    ) -> Int {
        var left = Double(random.next() >> 11) * 0x1p-53 * total
        for (index, weight) in weights.enumerated() {
            left -= weight
            if left < 0 { return index + 1 }
        }
        return weights.count
    }

    /// The first hour at which half of the futures are above the threshold.
    private func medianCrossing(_ heights: [Double]) -> Double? {
        for hour in 0..<horizon {
            let row = heights[(hour * Forecast.paths)..<((hour + 1) * Forecast.paths)]
            if row.count(where: { $0 >= threshold }) * 2 >= Forecast.paths { return Double(hour + 1) }
        }
        return nil
    }

    /// How much the last six hours disagree with the same hours of up to five days before, 0…0.85.
    func surprise(_ increments: [Double]) -> Double {
        let count = increments.count
        let days = min(5, (count - 6) / 24)
        guard days >= 1 else { return 0 }
        let recent = increments.suffix(6).reduce(0, +)
        let past = (1...days).map { increments[(count - 6 - 24 * $0)..<(count - 24 * $0)].reduce(0, +) }
        let usual = HourlyHistory.median(past)
        let spread = 1.4826 * HourlyHistory.median(past.map { ($0 - usual).magnitude }) + 0.7 * noise + floor
        return min(max(((recent - usual).magnitude / spread - 3) / 4, 0), 0.85)
    }

    /// The answer that believes the last six hours only.
    func recentTrend(_ increments: [Double]) -> Forecast {
        let last = increments.suffix(6)
        let rate = HourlyHistory.median(last)
        let spread = max(HourlyHistory.deviation(last), floor)
        var probability = 0.0
        var crossing: Double?
        for hour in 1...horizon {
            let ahead = Double(hour)
            let expected = level + rate * ahead
            let deviation = 0.35 * rate.magnitude * ahead + ahead.squareRoot() * spread + floor
            probability = max(probability, Self.normal((expected - threshold) / deviation))
            if crossing == nil, expected >= threshold { crossing = ahead }
        }
        return Forecast(probability: probability, hoursToCrossing: crossing)
    }
}
