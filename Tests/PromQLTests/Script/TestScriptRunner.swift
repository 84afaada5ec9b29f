// SPDX-License-Identifier: Apache-2.0
//
// Runs a script the way Prometheus' own test runner does: an instant evaluation is run as written, then with every
// selector pinned by `@` at other times, then as the middle of a range query; all must agree.

import Samples

@testable import PromQL

/// Runs scripts against a store in memory and counts.
struct TestScriptRunner {
    struct Report {
        var passed = 0
        var failures: [String] = []
        /// Cases that need what the engine does not have, by reason.
        var skipped: [String: Int] = [:]
    }

    private let source = MemorySource()
    private let engine: QueryEngine
    private let delayedNameRemoval: Bool
    /// Series that hold native histograms, which the store cannot.
    private var histograms: [Labels] = []

    init(delayedNameRemoval: Bool = true) {
        var options = QueryOptions()
        options.maxSamples = 10_000
        options.timeout = .seconds(100)
        options.delayedNameRemoval = delayedNameRemoval
        self.delayedNameRemoval = delayedNameRemoval
        engine = QueryEngine(source: source, options: options)
    }

    mutating func run(_ script: TestScript) async -> Report {
        var report = Report()
        for command in script.commands {
            switch command {
            case .clear:
                source.removeAll()
                histograms = []
            case .load(let load): append(load)
            case .evaluate(let evaluation):
                if let reason = reasonToSkip(evaluation) {
                    report.skipped[reason, default: 0] += 1
                } else if let failure = await failure(of: evaluation) {
                    report.failures.append("line \(evaluation.line): \(evaluation.query): \(failure)")
                } else {
                    report.passed += 1
                }
            }
        }
        return report
    }

    // MARK: - Loading

    private mutating func append(_ load: Load) {
        for series in load.series {
            for (position, point) in series.points.enumerated() {
                switch point {
                case .omitted: break
                case .float(let value): source.append(series.labels, Int64(position) * load.step, value)
                case .histogram: if !histograms.contains(series.labels) { histograms.append(series.labels) }
                }
            }
            guard load.buildsHistograms, let name = series.labels.metricName else { continue }
            for suffix in ["_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
                let base = String(name.dropLast(suffix.count))
                histograms.append(series.labels.setting("__name__", base).setting("le", ""))
            }
        }
    }

    // MARK: - What is not there yet

    private func reasonToSkip(_ evaluation: Evaluation) -> String? {
        let expression: Expression
        do {
            expression = try Parser.parse(evaluation.query)
        } catch {
            let message = error.message
            if message.contains("is not enabled") && message.contains("function") {
                return "experimental function"
            }
            if message.contains("must be enabled with") { return "experimental aggregation" }
            if message.contains("modifier") && message.contains("not enabled") {
                return "experimental modifier"
            }
            if message.contains("unknown function with name \"histogram_") { return "native histogram" }
            return nil
        }
        let needsHistogram = evaluation.series.contains { series in
            series.points.contains { if case .histogram = $0 { true } else { false } }
        }
        let selectsHistogram = expression.selectors.contains { matchers in
            histograms.contains { labels in matchers.allSatisfy { $0.matches(labels) } }
        }
        return needsHistogram || selectsHistogram ? "native histogram" : nil
    }

    // MARK: - Evaluating

    private func failure(of evaluation: Evaluation) async -> String? {
        switch evaluation.time {
        case .range(let from, let to, let step):
            return await attempt(evaluation) {
                try await engine.range(
                    evaluation.query,
                    from: Timestamp(milliseconds: from),
                    through: Timestamp(milliseconds: to),
                    step: .milliseconds(step)
                )
            } check: { output in
                guard case .matrix(let series) = output.value else { return "not a matrix" }
                return mismatch(evaluation, matrix: series, from: from, step: step)
            }
        case .instant(let time): return await instantFailure(evaluation, time)
        }
    }

    private func instantFailure(_ evaluation: Evaluation, _ time: Int64) async -> String? {
        if let failure = await instantFailure(evaluation, evaluation.query, at: time, expectedAt: time) {
            return failure
        }
        if let pinned = try? Parser.parse(evaluation.query).pinned(at: time) {
            let others = time == 0 ? [-1000, 0, 1000] : [-10 * time, 0, time / 5, time, 10 * time]
            for other in others {
                if let failure = await instantFailure(evaluation, pinned, at: other, expectedAt: other) {
                    return "as \(pinned) at \(other) ms: \(failure)"
                }
            }
        }
        return await rangeFailure(evaluation, time)
    }

    private func instantFailure(
        _ evaluation: Evaluation,
        _ query: String,
        at time: Int64,
        expectedAt: Int64
    ) async -> String? {
        await attempt(evaluation) {
            try await engine.instant(query, at: Timestamp(milliseconds: time))
        } check: { output in
            mismatch(evaluation, output.value)
        }
    }

    /// The middle of three steps must be what the instant query gave.
    private func rangeFailure(_ evaluation: Evaluation, _ time: Int64) async -> String? {
        let query = evaluation.query
        let dependsOnQuery = ["start()", "end()", "range()", "step()"].contains { query.contains($0) }
        guard evaluation.failure == nil, !dependsOnQuery, !evaluation.isOrdered, evaluation.string == nil,
            evaluation.rangeVector == nil
        else { return nil }
        do {
            let output = try await engine.range(
                query,
                from: Timestamp(milliseconds: time - 60_000),
                through: Timestamp(milliseconds: time + 60_000),
                step: .seconds(60)
            )
            guard case .matrix(let series) = output.value else { return "range: not a matrix" }
            let middle: [VectorSample] = series.compactMap { entry in
                guard let index = entry.samples.timestamps.firstIndex(of: time) else { return nil }
                return VectorSample(
                    labels: entry.labels,
                    timestamp: Timestamp(milliseconds: time),
                    value: entry.samples.values[index]
                )
            }
            if let scalar = evaluation.scalar {
                guard middle.count == 1, Self.isEqual(middle[0].value, scalar) else {
                    return "range: \(middle)"
                }
                return nil
            }
            return mismatch(evaluation, .vector(middle)).map { "range: \($0)" }
        } catch {
            return "range: \(error)"
        }
    }

    private func attempt(
        _ evaluation: Evaluation,
        _ run: () async throws -> QueryOutput,
        check: (QueryOutput) -> String?
    ) async -> String? {
        let output: QueryOutput
        do {
            output = try await run()
        } catch {
            let message = (error as? QueryError)?.message ?? "\(error)"
            guard let expected = evaluation.failure else { return "error: \(message)" }
            return matches(expected, message) ? nil : "wrong error: \(message)"
        }
        if evaluation.failure != nil { return "expected an error" }
        if let failure = mismatch(output.warnings, evaluation.warnings, evaluation.forbidsWarnings) {
            return "warnings: \(failure)"
        }
        if let failure = mismatch(output.infos, evaluation.infos, evaluation.forbidsInfos) {
            return "infos: \(failure)"
        }
        return check(output)
    }

    // MARK: - Comparing

    private func matches(_ pattern: Evaluation.Pattern, _ text: String) -> Bool {
        switch pattern {
        case .any: true
        case .message(let message): withoutMetric(message) == text
        case .expression(let expression): (try? Pattern(expression))?.matchesPart(of: text) ?? false
        }
    }

    /// Names that are dropped at once cannot appear in messages about histograms.
    private func withoutMetric(_ message: String) -> String {
        guard !delayedNameRemoval else { return message }
        return (try? Pattern(" for metric name \"[^\"]*\""))?.replaceAll(in: message, with: "") ?? message
    }

    private func mismatch(
        _ found: [String],
        _ expected: [Evaluation.Pattern],
        _ isForbidden: Bool
    ) -> String? {
        if isForbidden { return found.isEmpty ? nil : "unexpected \(found)" }
        if expected.isEmpty { return nil }
        if found.isEmpty { return "none" }
        for text in found where !expected.contains(where: { matches($0, text) }) {
            return "unexpected \(text)"
        }
        for pattern in expected where !found.contains(where: { matches(pattern, $0) }) {
            return "\(pattern) not in \(found)"
        }
        return nil
    }

    private func mismatch(_ evaluation: Evaluation, _ value: QueryValue) -> String? {
        switch value {
        case .string(_, let text): return text == evaluation.string ? nil : "string \(text)"
        case .scalar(_, let number):
            guard let scalar = evaluation.scalar else { return "scalar \(number)" }
            return Self.isEqual(number, scalar) ? nil : "\(number) is not \(scalar)"
        case .matrix(let series):
            guard let times = evaluation.rangeVector else { return "unexpected matrix" }
            return mismatch(evaluation, matrix: series, from: times.from, step: times.step)
        case .vector(let samples): return mismatch(evaluation, vector: samples)
        }
    }

    private func mismatch(_ evaluation: Evaluation, vector: [VectorSample]) -> String? {
        if evaluation.scalar != nil || evaluation.string != nil { return "vector \(vector)" }
        guard vector.count == evaluation.series.count else {
            return "\(vector.count) elements, not \(evaluation.series.count): \(vector)"
        }
        var seen: Set<Labels> = []
        for (position, sample) in vector.enumerated() {
            guard seen.insert(sample.labels).inserted else { return "\(sample.labels) twice" }
            guard let expected = evaluation.series.firstIndex(where: { $0.labels == sample.labels }) else {
                return "unexpected \(sample.labels) \(sample.value)"
            }
            if evaluation.isOrdered, expected != position { return "\(sample.labels) at place \(position)" }
            guard case .float(let value)? = evaluation.series[expected].points.first else {
                return "no expectation"
            }
            if !Self.isEqual(sample.value, value) {
                return "\(sample.labels): \(sample.value) is not \(value)"
            }
        }
        return nil
    }

    private func mismatch(
        _ evaluation: Evaluation,
        matrix: [SeriesColumn],
        from: Int64,
        step: Int64
    ) -> String? {
        let expected = evaluation.series.filter { series in series.points.contains { $0 != .omitted } }
        guard matrix.count == expected.count else {
            return "\(matrix.count) series, not \(expected.count): \(matrix)"
        }
        for (left, right) in zip(matrix, matrix.dropFirst()) where !(left.labels < right.labels) {
            return "\(left.labels) not before \(right.labels)"
        }
        for series in matrix {
            guard let match = expected.first(where: { $0.labels == series.labels }) else {
                return "unexpected \(series.labels)"
            }
            var wanted = SampleColumns()
            for (position, point) in match.points.enumerated() {
                if case .float(let value) = point { wanted.append(from + Int64(position) * step, value) }
            }
            guard wanted.timestamps == series.samples.timestamps else {
                return "\(series.labels) at \(series.samples), not \(wanted)"
            }
            for (got, value) in zip(series.samples.values, wanted.values) where !Self.isEqual(got, value) {
                return "\(series.labels): \(series.samples.values), not \(wanted.values)"
            }
        }
        return nil
    }

    /// Prometheus' almost.Equal with a tolerance of 1e-6.
    static func isEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isStale || right.isStale { return left.isStale && right.isStale }
        if left.isNaN && right.isNaN || left == right { return true }
        let difference = abs(left - right)
        let sum = abs(left) + abs(right)
        if left == 0 || right == 0 || sum < 0x1p-1022 { return difference < 1e-6 * 0x1p-1022 }
        return difference / min(sum, .greatestFiniteMagnitude) < 1e-6
    }
}

extension Expression {
    /// The expression with `@ time` on every selector that has none; nil when a function looks at the clock.
    func pinned(at time: Int64) -> String? {
        guard !root.looksAtClock else { return nil }
        return Printer.text(root.pinned(.time(time)))
    }
}

extension Node {
    fileprivate var looksAtClock: Bool {
        if case .call(let call) = self, call.function.function.dependsOnTime { return true }
        return children.contains { $0.looksAtClock }
    }

    fileprivate func pinned(_ time: TimeModifiers.At) -> Node {
        switch self {
        case .number, .string: return self
        case .selector(var selector):
            selector.modifiers.at = selector.modifiers.at ?? time
            return .selector(selector)
        case .matrix(var matrix):
            matrix.selector.modifiers.at = matrix.selector.modifiers.at ?? time
            return .matrix(matrix)
        case .subquery(var subquery):
            guard subquery.modifiers.at == nil else { return self }
            subquery.modifiers.at = time
            return .subquery(subquery)
        case .call(var call):
            call.arguments = call.arguments.map { $0.pinned(time) }
            return .call(call)
        case .unary(var unary):
            unary.operand = unary.operand.pinned(time)
            return .unary(unary)
        case .binary(var binary):
            binary.left = binary.left.pinned(time)
            binary.right = binary.right.pinned(time)
            return .binary(binary)
        case .aggregate(var aggregation):
            aggregation.parameter = aggregation.parameter?.pinned(time)
            aggregation.expression = aggregation.expression.pinned(time)
            return .aggregate(aggregation)
        case .parentheses(var inner):
            inner.expression = inner.expression.pinned(time)
            return .parentheses(inner)
        }
    }
}
