// SPDX-License-Identifier: Apache-2.0
//
// One test: rules are evaluated at the start and then at every evaluation interval up to the latest time something is
// looked at, each time after the samples up to then are in. Alerts are looked at between two evaluations, expressions
// after the last.

internal import Config
internal import Logging
internal import Platform
internal import PromQL
internal import Samples
internal import StateStore

/// A test with its store, rules and engine.
struct RuleTestRun {
    private let test: RuleTestFile.Test
    private let interval: Duration
    private let comparesLoosely: Bool
    private let showsDifferences: Bool
    private let store: TestStore
    private let engine: QueryEngine
    private let evaluator: RuleEvaluator
    private let catalog: RuleCatalog
    /// What did not come out as written.
    private(set) var failures: [String] = []

    init(
        _ test: RuleTestFile.Test,
        of file: RuleTestFile,
        _ groups: [RuleGroup],
        _ features: QueryFeatures,
        showsDifferences: Bool
    ) throws {
        self.test = test
        self.showsDifferences = showsDifferences
        interval = file.evaluationInterval
        comparesLoosely = file.comparesLoosely
        store = TestStore(start: test.start, step: test.interval)
        for (series, values) in test.series {
            do {
                try store.add(series: series, values: values)
            } catch {
                throw RuleError("    input_series: \(series) \(values): \(error.message)")
            }
        }
        var options = QueryOptions()
        // promtool's.
        options.maxSamples = 10_000
        options.timeout = .seconds(100)
        options.defaultStep = interval
        options.features = features
        engine = QueryEngine(source: store, options: options)
        let metrics = AlertMetrics(Telemetry())
        let logger = Logger(label: "edgewatch") { _ in SwiftLogNoOpLogHandler() }
        evaluator = RuleEvaluator(
            engine: engine,
            sink: store,
            keeper: StateKeeper(
                state: try StateStore(path: ":memory:"),
                lane: BlockingQueue(label: "test-state"),
                metrics: metrics,
                logger: logger
            ),
            clock: SystemClock(),
            metrics: metrics,
            logger: logger,
            externalURL: test.externalURL,
            // A test means the same everywhere.
            localOffset: .utc
        )
        catalog = RuleCatalog(
            groups: groups,
            evaluationInterval: test.interval,
            externalLabels: test.externalLabels
        )
    }

    /// Evaluates and looks.
    mutating func run() async {
        await evaluator.adopt(catalog)
        let cases = test.alerts.enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }.map(\.element)
        var next = 0
        var now: Duration = .zero
        while now <= test.length {
            guard await evaluate(after: now) else { return }
            var statuses: [RuleGroupStatus]?
            while next < cases.count, cases[next].time < now + interval {
                let known: [RuleGroupStatus]
                if let statuses { known = statuses } else { known = await evaluator.statuses }
                statuses = known
                check(cases[next], known)
                next += 1
            }
            now += interval
        }
        for expression in test.expressions { await check(expression) }
    }

    private func time(after duration: Duration) -> Timestamp {
        test.start.advanced(byMilliseconds: duration.milliseconds)
    }

    /// False when the test cannot go on.
    private mutating func evaluate(after duration: Duration) async -> Bool {
        let time = time(after: duration)
        do {
            try store.load(through: time)
        } catch {
            failures.append("    input_series: \(error.message)")
            return false
        }
        _ = await evaluator.evaluateAll(at: time)
        let broken = await evaluator.failures
        for rule in broken {
            failures.append(
                RuleTestText.failure(
                    rule: rule.rule,
                    group: rule.group,
                    at: duration,
                    error: rule.error,
                    test: test.name
                )
            )
        }
        guard let refusal = store.refusal else { return broken.isEmpty }
        failures.append(
            RuleTestText.failure(
                rule: refusal.labels[AlertSeries.alertName] ?? refusal.labels.metricName ?? "",
                group: "",
                at: duration,
                error: refusal.reason,
                test: test.name
            )
        )
        return false
    }

    // MARK: - Alerts

    private mutating func check(_ alert: RuleTestFile.AlertCase, _ groups: [RuleGroupStatus]) {
        var got: [RuleTestFile.ExpectedAlert] = []
        var having: [String] = []
        for group in groups {
            let rules = group.rules.filter { $0.kind == .alerting && $0.name == alert.name }
            if !rules.isEmpty { having.append(group.name) }
            for found in rules.flatMap(\.alerts) where found.state == .firing {
                got.append(
                    RuleTestFile.ExpectedAlert(labels: found.labels, annotations: found.annotations)
                )
            }
        }
        got.sort()
        guard got != alert.expected else { return }
        failures.append(
            RuleTestText.failure(
                alert,
                got: got,
                in: having,
                test: test.name,
                asDifference: showsDifferences
            )
        )
    }

    // MARK: - Expressions

    /// A sample with what it is compared by.
    private struct Found {
        let labels: Labels
        let value: Double
        let histogram: String

        var text: String { RuleTestText.sample(labels, value, histogram) }
    }

    private mutating func check(_ expression: RuleTestFile.ExpressionCase) async {
        do {
            let output = try await engine.instant(expression.expression, at: time(after: expression.time))
            let got = try RuleOutput.vector(output.value).map { sample in
                Found(
                    labels: sample.labels,
                    value: sample.value,
                    histogram: sample.histogram?.testText ?? ""
                )
            }.sorted { $0.labels < $1.labels }
            let expected = try expression.expected.map(RuleTestRun.found).sorted { $0.labels < $1.labels }
            guard got.count != expected.count || !zip(got, expected).allSatisfy(isSame) else { return }
            failures.append(
                RuleTestText.failure(
                    expression,
                    expected: expected.map(\.text),
                    got: got.map(\.text),
                    test: test.name,
                    asDifference: showsDifferences
                )
            )
        } catch {
            failures.append(RuleTestText.failure(expression, error: "\(error)", test: test.name))
        }
    }

    private static func found(_ sample: RuleTestFile.ExpectedSample) throws(RuleError) -> Found {
        do throws(TestScriptError) {
            return Found(
                labels: try TestStore.labels(of: sample.labels),
                value: sample.value,
                histogram: sample.histogram.isEmpty
                    ? "" : try TestStore.histogram(of: sample.histogram).testText
            )
        } catch {
            throw RuleError("labels \(Labels.quoted(sample.labels)): \(error.message)")
        }
    }

    private func isSame(_ left: Found, _ right: Found) -> Bool {
        guard left.labels == right.labels, left.histogram == right.histogram else { return false }
        if left.value == right.value || left.value.isNaN && right.value.isNaN { return true }
        return comparesLoosely && (left.value.nextUp == right.value || left.value.nextDown == right.value)
    }

    // MARK: - Everything

    /// All series at the latest time, those of rules included.
    func seriesAtEnd() async -> [String] {
        let time = time(after: test.length)
        do {
            let output = try await engine.instant(#"{__name__=~".+"}"#, at: time)
            return try RuleOutput.vector(output.value).map { sample in
                RuleTestText.sample(sample.labels, sample.value, sample.histogram?.testText ?? "")
            }.sorted()
        } catch {
            return ["\(error)"]
        }
    }
}

extension RuleEvaluator {
    /// The rules whose last evaluation failed.
    fileprivate var failures: [(group: String, rule: String, error: String)] {
        groups.flatMap { group in
            group.rules.compactMap { rule in
                rule.lastError.map { (group.group.name, rule.rule.name, $0) }
            }
        }
    }
}
