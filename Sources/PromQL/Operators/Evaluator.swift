// SPDX-License-Identifier: Apache-2.0
//
// Evaluates a bound tree over a grid of steps. Data flows series by series: `stream` hands each series' column over
// all steps to its caller, so that `sum(rate(x[5m]))` holds one series' samples, one column and the groups, however
// many series there are. Operators that must see everything first (`topk`, vector matching, `sort`) collect.
//
// One evaluator serves one query on one task; where much is to be computed series by series, other threads help it
// (Evaluator+Sharing). It counts what it holds against the sample limit and looks at the
// deadline and the task's cancellation once per series and per operator.

internal import Samples

/// Receives one series; may change the column, which is the caller's to reuse.
typealias SeriesBody = (SeriesHeader, inout Column) throws(QueryError) -> Void

/// Evaluates one query.
final class Evaluator {
    /// What is fixed for the query.
    struct Settings {
        let source: any SeriesSource
        let lookback: Int64
        let defaultStep: Int64
        let features: QueryFeatures
        let maxSamples: Int
        let memory: QueryMemory
        let threads: QueryThreads
        let deadline: ContinuousClock.Instant
    }

    let settings: Settings
    /// Whether names go at the end of the query.
    let delayedNameRemoval: Bool
    var annotations = Annotations()
    /// What the store said of parts it could not read.
    var storeWarnings: [String] = []
    /// What the store said of parts it has only coarsely.
    var storeInfos: [String] = []
    /// Samples held in columns and buffers.
    private var held = 0
    /// The most that were held at once.
    private(set) var peak = 0
    /// What was read, when somebody wants to know.
    var tally: SampleTally?
    /// What of the memory of all queries is this one's.
    private var reserved = QueryMemory.allowance
    /// Whether the order of series may show in the answer.
    private(set) var isOrdered = true
    /// Reused for every series of every selector.
    var scratch = SeriesBatch()

    init(_ settings: Settings) {
        self.settings = settings
        delayedNameRemoval = settings.features.delayedNameRemoval
    }

    deinit {
        settings.memory.giveBack(reserved - QueryMemory.allowance)
    }

    // MARK: - Limits

    /// Stops a query that was cancelled or ran too long.
    func checkTime() throws(QueryError) {
        if Task.isCancelled { throw QueryError(.canceled, "query was canceled in expression evaluation") }
        if ContinuousClock.now >= settings.deadline {
            throw QueryError(.timeout, "query timed out in expression evaluation")
        }
    }

    /// Counts samples about to be held.
    func hold(_ count: Int) throws(QueryError) {
        held += count
        peak = max(peak, held)
        guard held <= settings.maxSamples else { throw Self.tooManySamples }
        guard held > reserved else { return }
        let wanted = held + QueryMemory.allowance
        guard settings.memory.take(wanted - reserved) else { throw Self.tooManyOfOthers }
        reserved = wanted
    }

    /// Gives back what was reserved but for so many samples, which are the answer's; nil when they are few.
    func settle(keeping count: Int) -> QueryMemoryLease? {
        held = 0
        let kept = max(QueryMemory.allowance, min(count, reserved))
        settings.memory.giveBack(reserved - kept)
        reserved = QueryMemory.allowance
        guard kept > QueryMemory.allowance else { return nil }
        return QueryMemoryLease(settings.memory, kept - QueryMemory.allowance)
    }

    static let tooManyOfOthers = QueryError(
        .execution,
        "other queries hold too many samples in memory; try again, or later"
    )

    static let tooManySamples = QueryError(
        .execution,
        "query processing would load too many samples into memory in query execution"
    )

    func release(_ count: Int) {
        held -= count
    }

    /// Samples held now.
    var holding: Int { held }

    /// Runs a part of the evaluation for which the order of series matters, or does not.
    func ordering(_ matters: Bool, _ body: () throws(QueryError) -> Void) throws(QueryError) {
        let before = isOrdered
        isOrdered = matters
        defer { isOrdered = before }
        try body()
    }

    /// The series that matchers find, in order where that matters.
    func find(
        _ matchers: [LabelMatcher],
        _ span: (from: Timestamp, through: Timestamp)
    ) throws(SourceError) -> any SeriesSelection {
        isOrdered
            ? try settings.source.select(matchers, from: span.from, through: span.through)
            : try settings.source.selectUnordered(matchers, from: span.from, through: span.through)
    }

    // MARK: - Values

    /// A scalar expression's value at each step.
    func scalar(_ node: Node, _ grid: Grid) throws(QueryError) -> [Double] {
        try checkTime()
        switch node {
        case .number(let literal): return [Double](repeating: literal.value, count: grid.count)
        case .parentheses(let inner): return try scalar(inner.expression, grid)
        case .unary(let unary):
            let values = try scalar(unary.operand, grid)
            return unary.isNegation ? values.map { -$0 } : values
        case .binary(let binary):
            var left = try scalar(binary.left, grid)
            let right = try scalar(binary.right, grid)
            for step in left.indices {
                left[step] = BinaryArithmetic.apply(binary.op, left[step], right[step])
            }
            return left
        case .call(let call):
            switch call.function.function {
            case .pi: return [Double](repeating: .pi, count: grid.count)
            case .time: return (0..<grid.count).map { Double(grid.time($0)) / 1000 }
            case .scalar: return try onlyElement(call.arguments[0], grid)
            case .minOf, .maxOf:
                let isMinimum = call.function.function == .minOf
                var left = try scalar(call.arguments[0], grid)
                let right = try scalar(call.arguments[1], grid)
                for step in left.indices {
                    left[step] =
                        isMinimum ? GoMath.min(left[step], right[step]) : GoMath.max(left[step], right[step])
                }
                return left
            default: break
            }
        default: break
        }
        throw QueryError(.internal, "not a scalar expression: \(Printer.text(node))")
    }

    /// `scalar(v)`: the one element's value, NaN when there are several or none.
    private func onlyElement(_ node: Node, _ grid: Grid) throws(QueryError) -> [Double] {
        var values = [Double](repeating: .nan, count: grid.count)
        var counts = [Int32](repeating: 0, count: grid.count)
        try stream(node, grid) { (_, column: inout Column) throws(QueryError) in
            column.visit { step, value in
                counts[step] &+= 1
                values[step] = counts[step] == 1 ? value : .nan
            }
        }
        return values
    }

    /// All series of a vector expression.
    func collect(_ node: Node, _ grid: Grid) throws(QueryError) -> VectorColumns {
        var result = VectorColumns(count: grid.count)
        try stream(node, grid) { (header, column: inout Column) throws(QueryError) in
            if column.isEmpty { return }
            try hold(column.footprint + header.footprint)
            result.append(header, column)
        }
        return result
    }

    /// Gives back what `collect` counted.
    func release(_ vector: VectorColumns) {
        release(vector.columns.reduce(0) { $0 + $1.footprint })
        release(vector.headers.reduce(0) { $0 + $1.footprint })
    }

    /// Hands each series of a vector expression to `body`.
    func stream(_ node: Node, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        try checkTime()
        if grid.count > 1, node.isStepInvariant {
            var wide = Column(count: grid.count)
            let outside = tally?.setInvariant(true) ?? false
            defer { _ = tally?.setInvariant(outside) }
            return try stream(node, .instant(grid.start)) {
                (header, column: inout Column) throws(QueryError) in
                wide.broadcast(column)
                _ = tally?.setInvariant(outside)
                defer { _ = tally?.setInvariant(true) }
                try body(header, &wide)
            }
        }
        switch node {
        case .parentheses(let inner): try stream(inner.expression, grid, body)
        case .selector(let selector): try stream(selector, grid, body)
        case .call(let call): try stream(call, grid, body)
        case .aggregate(let aggregation): try stream(aggregation, grid, body)
        case .binary(let binary): try stream(binary, grid, body)
        case .unary(let unary):
            guard unary.isNegation else { return try stream(unary.operand, grid, body) }
            try streamNameless(unary.operand, grid, body) { (column: inout Column) in
                column.update { -$1 }
                column.updateHistograms { $1.scaled(by: -1) }
            }
        case .number, .string, .matrix, .subquery:
            throw QueryError(.internal, "not an instant vector expression: \(Printer.text(node))")
        }
    }

    // MARK: - Names

    /// A header without the labels that name the metric, or marked to lose them at the end.
    func nameless(_ header: SeriesHeader) -> SeriesHeader {
        if delayedNameRemoval { return SeriesHeader(labels: header.labels, dropsName: true) }
        return SeriesHeader(labels: LabelSelection.withoutMetadata.labels(header.labels))
    }

    /// Streams a vector whose values `change` replaces, so that the results lose the metric's name.
    func streamNameless(
        _ node: Node,
        _ grid: Grid,
        _ body: SeriesBody,
        _ change: (inout Column) -> Void
    ) throws(QueryError) {
        if delayedNameRemoval || !node.mayCollideWithoutName {
            return try stream(node, grid) { (header, column: inout Column) throws(QueryError) in
                change(&column)
                try body(nameless(header), &column)
            }
        }
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try stream(node, grid) { (header, column: inout Column) throws(QueryError) in
                change(&column)
                try hold(column.footprint)
                try builder.add(nameless(header), column)
            }
        }
    }

    /// As `streamNameless`, for what is defined for numbers only.
    func streamNumbers(
        _ node: Node,
        _ grid: Grid,
        _ body: SeriesBody,
        _ change: (inout Column) -> Void
    ) throws(QueryError) {
        try streamNameless(node, grid, body) { (column: inout Column) in
            column.removeHistograms()
            change(&column)
        }
    }

    /// Streams what `fill` puts into a builder, which joins series with equal labels.
    func streamJoined(
        _ grid: Grid,
        _ body: SeriesBody,
        _ fill: (inout VectorBuilder) throws(QueryError) -> Void
    ) throws(QueryError) {
        var builder = VectorBuilder(count: grid.count)
        let before = held
        try fill(&builder)
        let vector = builder.result
        // Of joined series each was counted.
        let filled = held - before
        defer { release(filled) }
        for index in vector.headers.indices {
            var column = vector.columns[index]
            try body(vector.headers[index], &column)
        }
    }
}

extension Node {
    /// Whether series that differ only in their names, or in `__type__` and `__unit__`, may come out of a vector
    /// expression.
    ///
    /// A selector that names its metric cannot yield two names.
    var mayCollideWithoutName: Bool {
        switch self {
        case .number, .string: false
        case .selector(let selector): selector.name == nil
        case .matrix(let matrix): matrix.selector.name == nil
        case .subquery(let subquery): subquery.expression.mayCollideWithoutName
        case .parentheses(let inner): inner.expression.mayCollideWithoutName
        case .unary(let unary): !unary.isNegation && unary.operand.mayCollideWithoutName
        case .binary(let binary): binary.op.isSet || (binary.op.isComparison && !binary.returnsBool)
        case .aggregate, .call: true
        }
    }
}
