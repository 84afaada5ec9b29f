// SPDX-License-Identifier: Apache-2.0
//
// The door to the module: limits, deadlines and the shape of answers. Everything in between is `Evaluator`'s, one for
// each query.

internal import Glibc
public import Samples
internal import Synchronization

/// Answers queries from a source.
public final class QueryEngine: Sendable {
    let source: any SeriesSource
    let options: QueryOptions
    let gate: QueryGate
    private let threads: QueryThreads
    private let memory: QueryMemory
    let refused = QueryRefusals()

    /// Creates an engine over a source.
    public init(source: any SeriesSource, options: QueryOptions = QueryOptions()) {
        self.source = source
        self.options = options
        memory = QueryMemory(limit: options.maxSamples.multipliedClamped(by: options.sharedMemory))
        gate = QueryGate(limit: options.maxConcurrency)
        let cores = options.cores ?? Self.coreCount
        threads = QueryThreads(limit: min(options.maxConcurrency, max(4, cores)), cores: cores)
    }

    /// What of the language is on beyond the defaults.
    public var features: QueryFeatures { options.features }

    /// A thread for a request that will compute, when one is free; nil while queries keep all of them busy.
    ///
    /// A task that begins on it saves the change of threads; one that had to wait for it would answer late even where
    /// it only has to say that the query is wrong, or that too many are waiting.
    public func lease() -> QueryLease? {
        QueryLease.take(of: threads)
    }

    /// Parses a query with the features that are on.
    ///
    /// - Parameter query: PromQL.
    /// - Returns: the expression.
    /// - Throws: `QueryError` of kind `.badData`.
    public func parse(_ query: String) throws(QueryError) -> Expression {
        try Parser.parse(query, features: options.features)
    }

    /// Evaluates a query at one time.
    ///
    /// - Parameters:
    ///   - query: PromQL.
    ///   - time: the evaluation time.
    ///   - lookback: instead of the engine's lookback.
    ///   - timeout: instead of the engine's, when shorter.
    /// - Returns: a scalar, string, vector, or for a range selector a matrix.
    /// - Throws: `QueryError`.
    @concurrent
    public func instant(
        _ query: String,
        at time: Timestamp,
        lookback: Duration? = nil,
        timeout: Duration? = nil
    ) async throws(QueryError) -> QueryOutput {
        try await instant(parse(query), at: time, lookback: lookback, timeout: timeout)
    }

    /// Evaluates a parsed query at one time; see `instant(_:at:lookback:timeout:)`.
    @concurrent
    public func instant(
        _ expression: Expression,
        at time: Timestamp,
        lookback: Duration? = nil,
        timeout: Duration? = nil,
        statistics: StatisticsDetail = .none
    ) async throws(QueryError) -> QueryOutput {
        try await run(prepared(expression, at: time, statistics), lookback, timeout)
    }

    /// Evaluates a query at regular steps.
    ///
    /// - Parameters:
    ///   - query: PromQL of type scalar or instant vector.
    ///   - start: the first evaluation time.
    ///   - end: no step is later.
    ///   - step: at least one millisecond.
    ///   - lookback: instead of the engine's lookback.
    ///   - timeout: instead of the engine's, when shorter.
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
            parse(query),
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
        timeout: Duration? = nil,
        statistics: StatisticsDetail = .none
    ) async throws(QueryError) -> QueryOutput {
        let query = try prepared(expression, from: start, through: end, step: step, statistics)
        return try await run(query, lookback, timeout)
    }

    /// Binds a query of one time.
    func prepared(
        _ expression: Expression,
        at time: Timestamp,
        _ statistics: StatisticsDetail
    ) throws(QueryError) -> PreparedQuery {
        var watch = QueryWatch(statistics, steps: 1)
        let grid = Grid.instant(time.milliseconds)
        let root = try Planner(start: grid.start, end: grid.start, step: 0).bind(expression.root)
        watch.isPrepared()
        return PreparedQuery(text: expression.source, root: root, grid: grid, isRange: false, watch: watch)
    }

    /// Binds a query of several steps.
    func prepared(
        _ expression: Expression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration,
        _ statistics: StatisticsDetail
    ) throws(QueryError) -> PreparedQuery {
        let type = expression.type
        guard type == .scalar || type == .vector else {
            let words = "must be Scalar or instant Vector"
            throw QueryError(
                .badData,
                "invalid expression type \"\(type.documented)\" for range query, \(words)"
            )
        }
        guard step.milliseconds > 0 else {
            throw QueryError(.badData, "zero or negative query resolution step widths are not accepted")
        }
        guard start <= end else { throw QueryError(.badData, "end timestamp must not be before start time") }
        let steps = Grid(start: start.milliseconds, end: end.milliseconds, step: step.milliseconds)
        guard let grid = steps, grid.count <= options.maxSamples else { throw Evaluator.tooManySamples }
        var watch = QueryWatch(statistics, steps: grid.count)
        let planner = Planner(
            start: start.milliseconds,
            end: end.milliseconds,
            step: step.milliseconds
        )
        let root = try planner.bind(expression.root)
        watch.isPrepared()
        return PreparedQuery(text: expression.source, root: root, grid: grid, isRange: true, watch: watch)
    }

    func deadline(_ timeout: Duration?) -> ContinuousClock.Instant {
        ContinuousClock.now + min(options.timeout, timeout ?? options.timeout)
    }

    /// Waits for a place, evaluates, and puts the answer together.
    private func run(
        _ query: PreparedQuery,
        _ lookback: Duration?,
        _ timeout: Duration?
    ) async throws(QueryError) -> QueryOutput {
        let deadline = deadline(timeout)
        switch await gate.enter(until: deadline) {
        case .entered: break
        case .timedOut: throw refused.counted(QueryError(.timeout, "query timed out in query queue"))
        case .cancelled: throw refused.counted(QueryError(.canceled, "query was canceled in query queue"))
        case .full: throw refused.counted(QueryError(.execution, "too many queries are waiting"), .queue)
        }
        defer { gate.leave() }
        threads.load.add(1, ordering: .relaxed)
        defer { threads.load.subtract(1, ordering: .relaxed) }
        return try await withTaskExecutorPreference(threads) { () async throws(QueryError) in
            do throws(QueryError) {
                return try await compute(query, lookback, deadline)
            } catch {
                throw refused.counted(error)
            }
        }
    }

    @concurrent
    private func compute(
        _ query: PreparedQuery,
        _ lookback: Duration?,
        _ deadline: ContinuousClock.Instant
    ) async throws(QueryError) -> QueryOutput {
        try evaluated(query, lookback, deadline)
    }

    /// Evaluates on the thread it is called on.
    func evaluated(
        _ query: PreparedQuery,
        _ lookback: Duration?,
        _ deadline: ContinuousClock.Instant
    ) throws(QueryError) -> QueryOutput {
        let began = ContinuousClock.now
        let evaluator = Evaluator(
            Evaluator.Settings(
                source: source,
                lookback: max(1, (lookback ?? options.lookback).milliseconds),
                defaultStep: max(1, options.defaultStep.milliseconds),
                features: options.features,
                maxSamples: options.maxSamples,
                memory: memory,
                threads: threads,
                deadline: deadline
            )
        )
        evaluator.tally = query.watch.tally
        let value = try threads.computing { () throws(QueryError) in try query.value(evaluator) }
        return QueryOutput(
            value: value,
            warnings: evaluator.storeWarnings + evaluator.annotations.warnings(in: query.text),
            infos: evaluator.storeInfos + evaluator.annotations.infos(in: query.text),
            statistics: query.watch.statistics(of: evaluator, began: began),
            memory: evaluator.settle(keeping: value.weight)
        )
    }

    /// How many queries got no answer because of a bound, by the bound.
    public var refusals: [(reason: String, count: Int)] { refused.counts }

    /// Samples held by queries and answers on their way, beyond what each may hold without asking.
    public var heldSamples: Int { memory.count }

    /// Threads are as many, and at least four: the kernel shares the cores, so a long dashboard query does not hold
    /// up the short ones of rules.
    private static var coreCount: Int { max(1, Int(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}

/// A query bound to its times.
struct PreparedQuery {
    /// The text, into which annotations point.
    let text: [UInt8]
    let root: Node
    let grid: Grid
    let isRange: Bool
    let watch: QueryWatch

    func value(_ evaluator: Evaluator) throws(QueryError) -> QueryValue {
        isRange
            ? .matrix(try evaluator.rangeValue(root, grid)) : try evaluator.instantValue(root, grid)
    }
}
