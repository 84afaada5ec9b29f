// SPDX-License-Identifier: Apache-2.0
//
// The daily profile of one series: what it usually is at this time of day, and how far it usually strays.
//
// 48 half-hour buckets (with a weekend set, 96). A bucket is changed only when time leaves it ("fold on exit"):
// updating it with the very samples it judges would teach it the anomaly and hide bumps of an hour. The expected value
// is the line between the two nearest bucket centres plus a slow level term; the scale is the bucket's mean absolute
// deviation shrunk towards the series' own. Measured in `reference/anomaly.md` section 3.
//
// Invariant: `mean`, `spread`, `visits` and `lastDay` have one element per bucket.

/// A learned daily (or daily with weekend) profile.
struct SeasonalProfile: Sendable, Equatable {
    /// Buckets of one day.
    static let bucketsPerDay = 48
    /// The least weight a visit gets: about the last six days count.
    private static let visitGain = 0.15
    /// How much of a deviation moves the level.
    private static let levelGain = 0.01
    /// Deviations count as at most this many standard deviations when the profile learns.
    private static let clip = 4.0
    /// From mean absolute deviation to standard deviation of a normal distribution, √(π/2).
    private static let toSigma = 1.2533
    /// A bucket not visited for this many days has to be learned again.
    private static let forgetAfterDays = 14
    /// Samples after which the global scale is settled enough to clip by.
    private static let settledSamples = 200

    /// Whether Saturday and Sunday have their own buckets.
    let hasWeekend: Bool
    private(set) var mean: [Float]
    private(set) var spread: [Float]
    private(set) var visits: [UInt8]
    /// Local day number (mod 65536) of each bucket's last visit.
    private(set) var lastDay: [UInt16]
    private(set) var level = 0.0
    private(set) var globalSpread = 0.0
    private(set) var globalCount = 0.0
    private(set) var open = OpenBucket()

    /// The visit going on.
    struct OpenBucket: Sendable, Equatable {
        var index = -1
        var sum = 0.0
        var deviations = 0.0
        var count = 0.0
    }

    /// What the profile says of one sample.
    struct Verdict: Sendable, Equatable {
        /// The deviation in standard deviations; nil while the profile has not seen this time of day twice.
        let sigma: Double?
        /// The expected value; nil like `sigma` but after one visit.
        let expected: Double?
        /// Whether a bucket was finished, so that the state is worth saving.
        let didFold: Bool
    }

    init(hasWeekend: Bool) {
        self.hasWeekend = hasWeekend
        let count = Self.bucketsPerDay * (hasWeekend ? 2 : 1)
        mean = [Float](repeating: 0, count: count)
        spread = [Float](repeating: 0, count: count)
        visits = [UInt8](repeating: 0, count: count)
        lastDay = [UInt16](repeating: 0, count: count)
    }

    /// Puts saved state back; nil when the sizes are not those of a profile.
    init?(
        hasWeekend: Bool,
        buckets: [(mean: Float, spread: Float, visits: UInt8, lastDay: UInt16)],
        level: Double,
        globalSpread: Double,
        globalCount: Double,
        open: OpenBucket
    ) {
        self.init(hasWeekend: hasWeekend)
        guard buckets.count == mean.count, (-1..<mean.count).contains(open.index) else { return nil }
        mean = buckets.map(\.mean)
        spread = buckets.map(\.spread)
        visits = buckets.map(\.visits)
        lastDay = buckets.map(\.lastDay)
        self.level = level
        self.globalSpread = globalSpread
        self.globalCount = globalCount
        self.open = open
    }

    /// Judges one sample against what was learned before it, then learns from it.
    ///
    /// - Parameters:
    ///   - value: the sample; NaN and infinities are the caller's to leave out.
    ///   - seconds: its local wall time in seconds since 1970.
    /// - Returns: how unusual the sample is.
    mutating func observe(_ value: Double, localSeconds seconds: Double) -> Verdict {
        let place = Place(seconds, hasWeekend: hasWeekend)
        age(place)
        let (deviation, sigma, expected) = judge(value, place)
        var didFold = false
        if place.current != open.index {
            didFold = fold(day: place.day)
            open = OpenBucket(index: place.current)
        }
        open.sum += value - level
        open.deviations += deviation
        open.count += 1
        return Verdict(sigma: sigma, expected: expected, didFold: didFold)
    }

    /// Where a time falls among the buckets.
    private struct Place {
        /// The bucket the time is in.
        let current: Int
        /// The buckets whose centres lie before and after it.
        let before: Int
        let after: Int
        /// How far it is from the one towards the other, 0…1.
        let weight: Double
        /// Local day number, for ageing.
        let day: Int

        init(_ seconds: Double, hasWeekend: Bool) {
            let count = SeasonalProfile.bucketsPerDay
            let days = (seconds / 86_400).rounded(.down)
            let position = (seconds - days * 86_400) / 86_400 * Double(count)
            let floor = (position - 0.5).rounded(.down)
            weight = position - 0.5 - floor
            let first = (Int(floor) + count) % count
            day = Int(exactly: days.rounded()) ?? 0
            // 1970-01-01 was a Thursday: (day + 3) mod 7 is 5 on Saturday.
            let weekday = ((day + 3) % 7 + 7) % 7
            let shift = hasWeekend && weekday >= 5 ? count : 0
            before = first + shift
            after = (first + 1) % count + shift
            current = min(Int(position), count - 1) + shift
        }
    }

    /// The bucket itself, or its weekday or weekend twin while it is unseen.
    private func seen(_ bucket: Int) -> Int {
        guard hasWeekend, visits[bucket] == 0 else { return bucket }
        return (bucket + Self.bucketsPerDay) % visits.count
    }

    private mutating func age(_ place: Place) {
        for bucket in [seen(place.before), seen(place.after)] where visits[bucket] > 1 {
            let days = UInt16(truncatingIfNeeded: place.day) &- lastDay[bucket]
            // Times before the last visit wrap to large numbers of days and are no reason to forget.
            if days >= Self.forgetAfterDays, days < UInt16.max / 2 { visits[bucket] = 1 }
        }
    }

    /// The deviation to learn from, and the verdict.
    private mutating func judge(
        _ value: Double,
        _ place: Place
    ) -> (deviation: Double, sigma: Double?, expected: Double?) {
        let (before, after) = (seen(place.before), seen(place.after))
        let fewest = Double(min(visits[before], visits[after]))
        guard fewest > 0 else { return (0, nil, nil) }
        let (near, far) = (1 - place.weight, place.weight)
        let expected = near * Double(mean[before]) + far * Double(mean[after]) + level
        let local = near * Double(spread[before]) + far * Double(spread[after])
        let scale = (3 * globalSpread + fewest * local) / (3 + fewest)
        let error = value - expected
        let deviation =
            Self.toSigma * scale * (1 + 1 / fewest).squareRoot() + 1e-9 + 1e-6 * expected.magnitude
        var learned = error.magnitude
        if globalCount > Double(Self.settledSamples) { learned = min(learned, Self.clip * deviation) }
        level += Self.levelGain * min(max(error, -Self.clip * deviation), Self.clip * deviation)
        globalCount += 1
        globalSpread += max(0.0005, 1 / globalCount) * (learned - globalSpread)
        return (learned, fewest >= 2 ? error / deviation : nil, expected)
    }

    /// Lets the visit just ended change its bucket; returns whether there was one.
    private mutating func fold(day: Int) -> Bool {
        guard open.index >= 0, open.count > 0 else { return false }
        let bucket = open.index
        let seen = Double(visits[bucket])
        let average = open.sum / open.count
        if seen == 0 {
            mean[bucket] = Float(average)
        } else {
            var error = average - Double(mean[bucket])
            let bound = Self.clip * Self.toSigma * max(Double(spread[bucket]), globalSpread)
            // One bad day moves the profile by at most the gain times four standard deviations.
            if seen >= 3, bound > 0 { error = min(max(error, -bound), bound) }
            mean[bucket] = Float(Double(mean[bucket]) + max(Self.visitGain, 1 / (seen + 1)) * error)
            let typical = open.deviations / open.count
            let old = Double(spread[bucket])
            spread[bucket] = Float(old + max(Self.visitGain, 1 / seen) * (typical - old))
        }
        if visits[bucket] < .max { visits[bucket] += 1 }
        lastDay[bucket] = UInt16(truncatingIfNeeded: day)
        return true
    }
}
