// SPDX-License-Identifier: Apache-2.0
//
// The model of one series of a seasonal or predictive rule. Models tick every five minutes whatever the rule's
// interval: their constants were measured at that pace, and a faster one would let the slow terms learn an anomaly
// while it lasts. Evaluations between ticks repeat the last finding.

internal import Samples

/// One series' learned state.
struct SeriesModel: Sendable, Equatable {
    /// The pace of all models.
    static let tickMilliseconds: Int64 = 300_000
    /// After a change of the clock's offset the wall time of this long is ambiguous or missing.
    private static let mutedMilliseconds: Int64 = 3_600_000

    /// Ticks in a row with a low probability that end an alarm: an hour.
    static let calmTicks: UInt8 = 12

    /// The learned part.
    enum Core: Sendable, Equatable {
        case seasonal(SeasonalProfile, SeasonalAlarm)
        /// `calm`: ticks in a row with a probability low enough to end an alarm.
        case predictive(HourlyHistory, calm: UInt8)
    }

    var core: Core
    /// The newest tick taken; nil before the first.
    private(set) var lastTick: Int64?
    private(set) var finding = ModelFinding(isRaised: false)
    /// Offset from UTC at the newest tick, in seconds.
    private(set) var utcOffset: Int64 = 0
    private var mutedUntil: Int64 = .min
    /// Whether the state changed in a way worth saving since it was last saved.
    var isDirty = false

    /// A model that knows nothing; nil for a rule without model.
    init?(for judgement: Judgement) {
        switch judgement {
        case .expression: return nil
        case .seasonal(let options):
            core = .seasonal(SeasonalProfile(hasWeekend: options.hasWeekend), SeasonalAlarm())
        case .predictive(let options):
            core = .predictive(HourlyHistory(capacity: options.lookback), calm: 0)
        }
    }

    /// Puts saved state back.
    init(core: Core, lastTick: Int64?, utcOffset: Int64, finding: ModelFinding) {
        self.core = core
        self.lastTick = lastTick
        self.utcOffset = utcOffset
        self.finding = finding
    }

    /// Whether the saved state is of the kind the rule wants.
    func fits(_ judgement: Judgement) -> Bool {
        switch (core, judgement) {
        case (.seasonal(let profile, _), .seasonal(let options)):
            profile.hasWeekend == options.hasWeekend
        case (.predictive(let history, _), .predictive(let options)): history.capacity == options.lookback
        default: false
        }
    }

    /// Takes the newest value of the series and returns what is known now.
    ///
    /// - Parameters:
    ///   - value: the sample; NaN and infinities change nothing.
    ///   - time: the evaluation's time.
    ///   - judgement: the rule's options.
    ///   - utcOffset: seconds local time is ahead of UTC.
    ///   - seed: for the forecast's draws; equal seeds give equal verdicts.
    /// - Returns: the finding, which stays the same until the next tick.
    mutating func observe(
        _ value: Double,
        at time: Timestamp,
        _ judgement: Judgement,
        utcOffset: Int64,
        seed: UInt64
    ) -> ModelFinding {
        let tick = time.milliseconds / Self.tickMilliseconds
        guard value.isFinite, lastTick.map({ tick > $0 }) ?? true else { return finding }
        if lastTick != nil, utcOffset != self.utcOffset {
            mutedUntil = time.milliseconds + Self.mutedMilliseconds
        }
        lastTick = tick
        self.utcOffset = utcOffset
        switch (core, judgement) {
        case (.seasonal(var profile, var alarm), .seasonal(let options)):
            guard options.followsUTC || time.milliseconds >= mutedUntil else { break }
            let offset = options.followsUTC ? 0 : utcOffset
            let verdict = profile.observe(value, localSeconds: time.seconds + Double(offset))
            alarm.observe(verdict.sigma, threshold: options.threshold)
            core = .seasonal(profile, alarm)
            isDirty = isDirty || verdict.didFold || alarm.isRaised != finding.isRaised
            finding = ModelFinding(
                isRaised: alarm.isRaised,
                score: verdict.sigma,
                expected: verdict.expected
            )
        case (.predictive(var history, var calm), .predictive(let options)):
            let didFinish = history.observe(value, at: time)
            let hour = UInt64(bitPattern: time.milliseconds / 3_600_000)
            let forecast = Forecast.of(history, options.question, seed: seed ^ hour &* 0x9e37_79b9_7f4a_7c15)
            let probability = forecast?.probability ?? 0
            // A steady course makes the probability jump between 0 and 1 with the noise of the level; an hour below
            // is more than noise.
            calm = probability < options.clearProbability ? min(calm + 1, Self.calmTicks) : 0
            let isRaised =
                finding.isRaised ? calm < Self.calmTicks : probability >= options.probability
            core = .predictive(history, calm: calm)
            isDirty = isDirty || didFinish || isRaised != finding.isRaised
            finding = ModelFinding(
                isRaised: isRaised,
                score: forecast?.probability,
                secondsToCrossing: forecast?.hoursToCrossing.map { $0 * 3600 }
            )
        default: break
        }
        return finding
    }
}
