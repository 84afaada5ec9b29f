// SPDX-License-Identifier: Apache-2.0
//
// What a query cost, counted as Prometheus counts it (util/stats/query_stats.go), for `stats=all`. Counting is off
// unless it was asked for, so that other queries do not pay for it.

/// What a caller wants to know of a query's cost.
public enum StatisticsDetail: Sendable {
    /// Nothing.
    case none
    /// Times and totals.
    case totals
    /// Also the samples of each step.
    case perStep
}

/// What a query cost.
public struct QueryStatistics: Sendable, Equatable {
    /// From the request's arrival at the engine until it had a place among those that compute.
    public var queueTime = Duration.zero
    /// Binding the expression to the times of the query.
    public var preparationTime = Duration.zero
    /// Evaluating.
    public var evaluationTime = Duration.zero
    /// Everything, from arrival to answer.
    public var totalTime = Duration.zero
    /// Samples in the windows of all selectors and subqueries at all steps: one that is in ten windows counts ten times.
    public var queryableSamples = 0
    /// The most samples held at once.
    public var peakSamples = 0
    /// Samples read from the store, each once for each selector.
    public var readSamples = 0
    /// `queryableSamples` by step; nil unless asked for.
    public var queryableSamplesPerStep: [Int]?

    /// Nothing counted yet.
    public init() {}
}

/// Looks at the clock for the statistics of one query.
struct QueryWatch {
    private let detail: StatisticsDetail
    private let steps: Int
    private let arrived: ContinuousClock.Instant
    private var prepared: ContinuousClock.Instant

    init(_ detail: StatisticsDetail, steps: Int) {
        self.detail = detail
        self.steps = steps
        arrived = .now
        prepared = arrived
    }

    /// The expression is bound.
    mutating func isPrepared() { prepared = .now }

    /// Where the evaluator is to count; nil when nobody wants to know.
    var tally: SampleTally? { detail == .none ? nil : SampleTally(steps: steps) }

    /// What an evaluation that began then and has ended now cost.
    func statistics(of evaluator: Evaluator, began: ContinuousClock.Instant) -> QueryStatistics? {
        guard detail != .none, let tally = evaluator.tally else { return nil }
        var statistics = QueryStatistics()
        let ended = ContinuousClock.now
        statistics.preparationTime = prepared - arrived
        statistics.queueTime = began - prepared
        statistics.evaluationTime = ended - began
        statistics.totalTime = ended - arrived
        statistics.queryableSamples = tally.total
        statistics.peakSamples = evaluator.peak
        statistics.readSamples = tally.read
        if detail == .perStep { statistics.queryableSamplesPerStep = tally.perStep }
        return statistics
    }
}
