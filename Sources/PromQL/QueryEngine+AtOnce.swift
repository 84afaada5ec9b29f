// SPDX-License-Identifier: Apache-2.0
//
// Queries that are answered sooner than handed to another thread. What one can cost is known before it runs: from its
// tree, the number of its series as the index tells it at once, and a sample in each second of the times it looks at.

public import Samples

extension QueryEngine {
    /// Bytes of the longest text that is looked at for being small: what is longer seldom is, and parsing must not go deep
    /// on any stack.
    public static let smallText = 256

    /// Evaluates a query at one time where it is called, if it is so small that this takes less than half a millisecond
    /// and no other query waits; see `instant(_:at:lookback:timeout:statistics:)`.
    ///
    /// - Returns: nil for every other query.
    public func instantAtOnce(
        _ expression: Expression,
        at time: Timestamp,
        lookback: Duration? = nil,
        timeout: Duration? = nil,
        statistics: StatisticsDetail = .none
    ) throws(QueryError) -> QueryOutput? {
        guard expression.source.count <= Self.smallText else { return nil }
        return try atOnce(prepared(expression, at: time, statistics), lookback, timeout)
    }

    /// The same at regular steps; see `range(_:from:through:step:lookback:timeout:statistics:)`.
    public func rangeAtOnce(
        _ expression: Expression,
        from start: Timestamp,
        through end: Timestamp,
        step: Duration,
        lookback: Duration? = nil,
        timeout: Duration? = nil,
        statistics: StatisticsDetail = .none
    ) throws(QueryError) -> QueryOutput? {
        guard expression.source.count <= Self.smallText else { return nil }
        return try atOnce(
            prepared(expression, from: start, through: end, step: step, statistics),
            lookback,
            timeout
        )
    }

    private func atOnce(
        _ query: PreparedQuery,
        _ lookback: Duration?,
        _ timeout: Duration?
    ) throws(QueryError) -> QueryOutput? {
        var work = SmallWork(query.grid, lookback: lookback ?? options.lookback, source)
        guard work.holds(query.root), gate.enterAtOnce() else { return nil }
        defer { gate.leave() }
        do throws(QueryError) {
            return try evaluated(query, lookback, deadline(timeout))
        } catch {
            throw refused.counted(error)
        }
    }
}

/// What is left of the work that a small query may make.
struct SmallWork {
    /// Samples read; a point of the answer, which is also to be written, counts as four.
    private static let limit = 6000.0
    private static let nodeLimit = 16

    private let source: any SeriesSource
    private let steps: Double
    private let spanSeconds: Double
    private let lookbackSeconds: Double
    private var work = SmallWork.limit
    private var nodes = SmallWork.nodeLimit

    init(_ grid: Grid, lookback: Duration, _ source: any SeriesSource) {
        self.source = source
        steps = Double(grid.count)
        spanSeconds = Double(grid.step) / 1000 * Double(grid.count - 1)
        lookbackSeconds = max(1, Double(lookback.milliseconds) / 1000)
    }

    /// Whether the expression makes no more work; takes away what it makes.
    mutating func holds(_ node: Node) -> Bool {
        nodes -= 1
        guard nodes >= 0 else { return false }
        switch node {
        case .number: return takes(steps * 4)
        // A text is a pattern, or a label that makes the series more.
        case .string, .subquery: return false
        case .selector(let selector):
            return takes(selector, spanSeconds + lookbackSeconds + steps * 4)
        case .matrix(let matrix):
            let seconds = Double(matrix.window.milliseconds) / 1000 + lookbackSeconds
            return takes(matrix.selector, spanSeconds + seconds * steps + steps * 4)
        case .call(let call) where call.function.function == .info: return false
        case .call, .unary, .binary, .aggregate, .parentheses:
            for child in node.children {
                guard holds(child) else { return false }
            }
            return true
        }
    }

    private mutating func takes(_ selector: VectorSelector, _ each: Double) -> Bool {
        guard !selector.isLabelSelector, let series = source.fewSeries(selector.matchers) else {
            return false
        }
        return takes(Double(max(1, series)) * each)
    }

    private mutating func takes(_ cost: Double) -> Bool {
        work -= cost
        return work >= 0
    }
}
