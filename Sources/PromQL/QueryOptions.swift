// SPDX-License-Identifier: Apache-2.0
//
// What an operator may set of the engine; every bound that protects the gateway from a query is here or in
// `Parser.sizeLimit` and `ExpressionParser.depthLimit`.

/// The engine's settings, with Prometheus' defaults.
public struct QueryOptions: Sendable {
    /// How far back an instant selector looks for a sample.
    public var lookback: Duration = .seconds(300)
    /// The longest a query may run.
    public var timeout: Duration = .seconds(120)
    /// The most samples one query may hold in memory at once.
    public var maxSamples = 50_000_000
    /// The most samples all queries and answers on their way may hold, in multiples of `maxSamples`.
    ///
    /// Two: one query at its bound does not keep others from being answered.
    public var sharedMemory = 2
    /// Queries running at once; more wait for their turn, within their timeout.
    public var maxConcurrency = 20
    /// Cores that queries may keep busy; nil: those of the machine.
    public var cores: Int?
    /// The step of a subquery that names none.
    public var defaultStep: Duration = .seconds(60)
    /// What of the language is on beyond the defaults.
    public var features = QueryFeatures()

    /// The defaults.
    public init() {}
}
