// SPDX-License-Identifier: Apache-2.0
//
// What of the store goes to a destination, and how. A destination without rules has one that ships everything as it was
// stored.

internal import Config
internal import Samples

/// One rule of what is shipped.
struct SyncRule: Sendable, Equatable {
    /// Where a rule begins that has shipped nothing yet.
    enum Start: Sendable, Equatable {
        /// With all the store has.
        case oldest
        /// With what is stored from now on.
        case now
    }

    /// What a rule does when the budget is short.
    enum Shortage: Sendable, Equatable {
        /// Ships at a lower resolution.
        case coarse
        /// Ships later.
        case delay
    }

    /// What becomes of a sample whose window was shipped without it.
    enum Lateness: Sendable, Equatable {
        /// It is counted.
        case count
        /// The window is shipped again.
        case again
    }

    /// Unique among the rules; the stream's state is kept under it.
    var name: String
    /// Sets of matchers, one of which a series has to satisfy whole; none selects every series.
    var selector: [[LabelMatcher]] = []
    /// Where its new samples wait.
    var lane = Lane.fresh
    /// How often it ships; nil as soon as possible.
    var cadence: Duration?
    /// Whether it goes on when the budget leaves room for alerts only.
    var health = false
    /// Whether rules after it get its series too.
    var also = false
    /// Where it begins.
    var from = Start.oldest
    /// What it does when the budget is short.
    var onBudget = Shortage.coarse
    /// Older samples are not shipped; nil ships all.
    var maxAge: Duration?
    /// What becomes of late samples.
    var late = Lateness.count
    /// What becomes of its samples on the way, in order; none ships them as they were stored.
    var filters: [SyncFilterConfig] = []
    /// What its series are; nil asks their names and their sources.
    var kind: SeriesKind?
    /// How often its series are sampled; factors of filters count in it.
    var sampleInterval = Duration.seconds(60)
    /// How long a window waits for its samples after its end.
    var wait = Duration.seconds(30)

    /// Everything, as it was stored: what a destination without rules gets.
    ///
    /// No configured rule has its name, which is empty.
    static let everything = SyncRule(name: "")
}
