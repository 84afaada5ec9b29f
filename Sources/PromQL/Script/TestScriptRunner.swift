// SPDX-License-Identifier: Apache-2.0
//
// Runs a script the way Prometheus' own test runner does: an instant evaluation is run as written, then with every
// selector pinned by `@` at other times, and each of these also as the middle of a range query; all must agree.

internal import Samples

/// Runs scripts against a store in memory and counts.
public struct TestScriptRunner {
    /// A case that did not come out as the script says.
    public struct Failure: Sendable {
        /// The line of the case.
        public let line: Int
        /// The query.
        public let query: String
        /// What the script says.
        public let expected: String
        /// What came out.
        public let got: String
    }

    /// What came of a script.
    public struct Report: Sendable {
        /// Cases that came out as the script says.
        public internal(set) var passed = 0
        /// Cases that did not, and loads that the store did not take.
        public internal(set) var failures: [Failure] = []

        init() {}

        /// What came of a script that is none.
        public init(unreadable reason: String, line: Int) {
            failures = [Failure(line: line, query: "", expected: "a test script", got: reason)]
        }
    }

    /// What differs from what was expected.
    struct Mismatch: Error {
        var expected: String
        var got: String
    }

    private let source = MemorySource()
    private let engine: QueryEngine

    /// Creates a runner with the settings Prometheus runs its tests with.
    ///
    /// - Parameter features: what of the language is on; Prometheus' runner has all of it.
    public init(features: QueryFeatures = .all) {
        var options = QueryOptions()
        options.maxSamples = 10_000
        options.timeout = .seconds(100)
        options.features = features
        engine = QueryEngine(source: source, options: options)
    }

    /// Runs a script, in an empty store.
    ///
    /// - Parameter script: what to run.
    /// - Returns: what came of it.
    public func run(_ script: TestScript) async -> Report {
        var report = Report()
        source.removeAll()
        for command in script.commands {
            switch command {
            case .clear: source.removeAll()
            case .load(let load):
                if let refused = append(load) {
                    let failure = Failure(
                        line: load.line,
                        query: "load",
                        expected: "all samples stored",
                        got: refused
                    )
                    report.failures.append(failure)
                }
            case .evaluate(let evaluation):
                do throws(Mismatch) {
                    try await check(evaluation)
                    report.passed += 1
                } catch {
                    report.failures.append(
                        Failure(
                            line: evaluation.line,
                            query: evaluation.query,
                            expected: error.expected,
                            got: error.got
                        )
                    )
                }
            }
        }
        return report
    }

    // MARK: - Loading

    /// Stores the samples; says what the store did not take.
    private func append(_ load: Load) -> String? {
        var conversion = ClassicConversion()
        var refused: String?
        func store(_ labels: Labels, _ time: Int64, _ value: SampleValue, start: Int64?) {
            do throws(MemorySource.Refusal) {
                try source.append(labels, time, value, start: start)
            } catch {
                let words = error == .outOfOrder ? "out of order sample" : "duplicate sample for timestamp"
                refused = refused ?? "\(words): \(labels) at \(time) ms"
            }
        }
        for series in load.series {
            for (position, point) in series.points.enumerated() {
                let start = series.starts.isEmpty ? nil : series.starts[position]
                let time = Int64(position) * load.step
                switch point {
                case .omitted: break
                case .float(let value): store(series.labels, time, .number(value), start: start)
                case .histogram(let histogram, _):
                    store(series.labels, time, .histogram(histogram), start: start)
                }
            }
            if load.buildsHistograms { conversion.add(series, step: load.step) }
        }
        for (labels, columns) in conversion.series {
            for (time, histogram) in zip(columns.timestamps, columns.histograms) {
                store(labels, time, .histogram(histogram), start: nil)
            }
        }
        return refused
    }

    // MARK: - Evaluating

    private func check(_ evaluation: Evaluation) async throws(Mismatch) {
        let expression: Expression
        do throws(QueryError) {
            expression = try engine.parse(evaluation.query)
        } catch {
            throw Mismatch(expected: "a query", got: error.message)
        }
        switch evaluation.time {
        case .range(let from, let to, let step):
            let output = try await answer(evaluation) { () async throws(QueryError) in
                try await engine.range(
                    expression,
                    from: Timestamp(milliseconds: from),
                    through: Timestamp(milliseconds: to),
                    step: .milliseconds(step)
                )
            }
            guard let output else { return }
            guard case .matrix(let series) = output.value else {
                throw Mismatch(expected: "a matrix", got: TestWords.value(output.value))
            }
            try TestComparison(evaluation).check(matrix: series, from: from, to: to, step: step)
        case .instant(let time):
            try await checkInstant(evaluation, expression, time)
        }
    }

    private func checkInstant(
        _ evaluation: Evaluation,
        _ expression: Expression,
        _ time: Int64
    ) async throws(Mismatch) {
        try await checkInstant(evaluation, expression, at: time)
        guard let text = expression.pinned(at: time) else { return }
        let pinned: Expression
        do throws(QueryError) {
            pinned = try engine.parse(text)
        } catch {
            throw Mismatch(expected: "a query", got: "\(text): \(error.message)")
        }
        let others = time == 0 ? [-1000, 0, 1000] : [-10 * time, 0, time / 5, time, 10 * time]
        for other in others {
            do throws(Mismatch) {
                try await checkInstant(evaluation, pinned, at: other)
            } catch {
                throw Mismatch(expected: error.expected, got: "\(error.got) (as \(text) at \(other) ms)")
            }
        }
    }

    private func checkInstant(
        _ evaluation: Evaluation,
        _ expression: Expression,
        at time: Int64
    ) async throws(Mismatch) {
        let output = try await answer(evaluation) { () async throws(QueryError) in
            try await engine.instant(expression, at: Timestamp(milliseconds: time))
        }
        guard let output else { return }
        try TestComparison(evaluation).check(output.value)
        do throws(Mismatch) {
            try await checkMiddle(evaluation, expression, time)
        } catch {
            throw Mismatch(expected: error.expected, got: "\(error.got) (in a range query)")
        }
    }

    /// The middle of three steps must be what the instant query gave.
    private func checkMiddle(
        _ evaluation: Evaluation,
        _ expression: Expression,
        _ time: Int64
    ) async throws(Mismatch) {
        let query = String(decoding: expression.source, as: UTF8.self)
        let dependsOnQuery = ["start()", "end()", "range()", "step()"].contains { query.contains($0) }
        guard !dependsOnQuery, evaluation.string == nil, evaluation.rangeVector == nil else { return }
        let output: QueryOutput
        do throws(QueryError) {
            output = try await engine.range(
                expression,
                from: Timestamp(milliseconds: time - 60_000),
                through: Timestamp(milliseconds: time + 60_000),
                step: .seconds(60)
            )
        } catch {
            throw Mismatch(expected: "no error", got: error.message)
        }
        // A range query's series are sorted by labels.
        guard !evaluation.isOrdered, case .matrix(let series) = output.value else { return }
        let middle = series.compactMap { $0.sample(at: time) }
        if let scalar = evaluation.scalar {
            guard middle.count == 1, TestComparison.isEqual(middle[0].value, scalar) else {
                throw Mismatch(expected: TestWords.scalar(scalar), got: TestWords.value(.vector(middle)))
            }
            return
        }
        try TestComparison(evaluation).check(vector: middle)
    }

    /// The answer, nil when an error was expected and came.
    private func answer(
        _ evaluation: Evaluation,
        _ run: () async throws(QueryError) -> QueryOutput
    ) async throws(Mismatch) -> QueryOutput? {
        let comparison = TestComparison(evaluation)
        let output: QueryOutput
        do throws(QueryError) {
            output = try await run()
        } catch {
            try comparison.check(error: error.message)
            return nil
        }
        guard evaluation.failures.isEmpty else {
            throw Mismatch(expected: TestWords.expectation(evaluation), got: TestWords.value(output.value))
        }
        try comparison.check("warnings", output.warnings, evaluation.warnings)
        try comparison.check("infos", output.infos, evaluation.infos)
        return output
    }
}

extension SeriesColumn {
    /// What the series has at a time.
    fileprivate func sample(at time: Int64) -> VectorSample? {
        let timestamp = Timestamp(milliseconds: time)
        if let index = samples.timestamps.firstIndex(of: time) {
            return VectorSample(labels: labels, timestamp: timestamp, value: samples.values[index])
        }
        guard let index = histograms.timestamps.firstIndex(of: time) else { return nil }
        let histogram = histograms.histograms[index]
        return VectorSample(labels: labels, timestamp: timestamp, value: 0, histogram: histogram)
    }
}
