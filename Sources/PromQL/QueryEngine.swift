// SPDX-License-Identifier: Apache-2.0

public import Samples

/// Answers queries from a source.
public final class QueryEngine: Sendable {
    private let source: any SeriesSource
    private let options: QueryOptions

    /// Creates an engine over a source.
    public init(source: any SeriesSource, options: QueryOptions = QueryOptions()) {
        self.source = source
        self.options = options
    }

    /// Evaluates a query at one time.
    ///
    /// - Parameters:
    /// - query: PromQL.
    /// - time: the evaluation time.
    /// - lookback: instead of the engine's lookback.
    /// - timeout: instead of the engine's, when shorter.
    /// - Returns: a scalar, string, vector, or for a range selector a matrix.
    /// - Throws: `QueryError`.
    @concurrent
    public func instant(
        _ query: String,
        at time: Timestamp,
        lookback: Duration? = nil,
        timeout: Duration? = nil
    ) async throws(QueryError) -> QueryOutput {
        try await instant(Parser.parse(query), at: time, lookback: lookback, timeout: timeout)
    }

    /// Evaluates a parsed query at one time; see `instant(_:at:lookback:timeout:)`.
    @concurrent
    public func instant(
        _ expression: Expression,
        at time: Timestamp,
        lookback: Duration? = nil,
        timeout: Duration? = nil
    ) async throws(QueryError) -> QueryOutput {
        throw QueryError(.execution, "the evaluator is not built in yet")
    }

    /// Evaluates a query at regular steps.
    ///
    /// - Parameters:
    /// - query: PromQL of type scalar or instant vector.
    /// - start: the first evaluation time.
    /// - end: no step is later.
    /// - step: at least one millisecond.
    /// - lookback: instead of the engine's lookback.
    /// - timeout: instead of the engine's, when shorter.
    /// - Returns: a matrix sorted by labels.
    /// - Throws: `QueryError`.
    @concurrent
    public func range(
        _ query: String,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration,
        lookback: Duration? = nil,
        timeout: Duration? = nil
    ) async throws(QueryError) -> QueryOutput {
        try await range(
            Parser.parse(query),
            from: start,
            through: end,
            step: step,
            lookback: lookback,
            timeout: timeout
        )
    }

    /// Evaluates a parsed query at regular steps; see `range(_:from:through:step:lookback:timeout:)`.
    @concurrent
    public func range(
        _ expression: Expression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration,
        lookback: Duration? = nil,
        timeout: Duration? = nil
    ) async throws(QueryError) -> QueryOutput {
        throw QueryError(.execution, "the evaluator is not built in yet")
    }
}
