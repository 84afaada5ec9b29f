// SPDX-License-Identifier: Apache-2.0
//
// Rules and alerts as one service: the evaluator's loop and the receivers' tasks. Whoever asks for groups or alerts gets
// the copy made after the newest evaluation and never waits for one.

public import Config
public import HTTPClient
public import Logging
public import Platform
public import PromQL
public import Samples
public import StateStore
internal import Synchronization

/// Evaluates rules, keeps alerts and tells receivers.
public final class AlertsService: Sendable {
    /// Longer sleeps would make a reload or a step of the wall clock wait.
    private static let longestSleep: Int64 = 1000

    private struct Published: Sendable {
        var groups: [RuleGroupStatus] = []
        /// Loaded rules the evaluator has not taken over yet.
        var pending: RuleCatalog?
    }

    private let published = Mutex(Published())
    private let evaluator: RuleEvaluator
    let notifier: Notifier
    private let clock: any EdgeClock
    private let metrics: AlertMetrics
    private let initialExternalLabels: Labels
    /// What of PromQL rules may use beyond the defaults.
    private let features: QueryFeatures

    /// Creates the service without rules.
    ///
    /// - Parameters:
    ///   - engine: runs the rules' expressions.
    ///   - sink: takes recorded series and the series of alerts.
    ///   - state: keeps alerts, models and undelivered notifications across restarts.
    ///   - http: reaches the receivers.
    ///   - clock: wall time stamps evaluations.
    ///   - telemetry: the service's own counters.
    ///   - logger: failures of rules and receivers.
    ///   - externalURL: where people reach this node; begins the links in notifications.
    ///   - externalLabels: added to alerts on their way out, until `load` says otherwise.
    ///   - localOffset: local wall time for seasonal rules.
    public init(
        engine: QueryEngine,
        sink: any SampleSink,
        state: StateStore,
        http: HTTPClient,
        clock: any EdgeClock,
        telemetry: Telemetry,
        logger: Logger,
        externalURL: String,
        externalLabels: Labels = Labels(),
        localOffset: LocalOffset = .system
    ) {
        let metrics = AlertMetrics(telemetry)
        let keeper = StateKeeper(
            state: state,
            lane: BlockingQueue(label: "alerts-state"),
            metrics: metrics,
            logger: logger
        )
        evaluator = RuleEvaluator(
            engine: engine,
            sink: sink,
            keeper: keeper,
            clock: clock,
            metrics: metrics,
            logger: logger,
            externalURL: externalURL,
            localOffset: localOffset
        )
        notifier = Notifier(
            client: http,
            keeper: keeper,
            clock: clock,
            metrics: metrics,
            logger: logger,
            externalURL: externalURL
        )
        self.clock = clock
        self.metrics = metrics
        initialExternalLabels = externalLabels
        features = engine.features
    }

    // MARK: - Rules

    /// Replaces rules and receivers, also while running; rules that stay keep their alerts.
    ///
    /// - Parameters:
    ///   - files: the rule files with their contents.
    ///   - alerting: the receivers.
    ///   - evaluationInterval: for groups without an interval of their own.
    ///   - externalLabels: added to alerts on their way out; nil for those given at creation.
    /// - Throws: `ConfigErrors` with the mistakes of all files; the rules in force then stay.
    public func load(
        files: [(path: String, bytes: [UInt8])],
        alerting: AlertingConfig,
        evaluationInterval: Duration,
        externalLabels: Labels? = nil
    ) throws(ConfigErrors) {
        var groups: [RuleGroup] = []
        var errors: [ConfigError] = []
        for file in files {
            do throws(ConfigErrors) {
                groups += try RuleFileLoader.parse(file.bytes, file: file.path, features: features)
            } catch {
                errors += error.errors
            }
        }
        guard errors.isEmpty else { throw ConfigErrors(errors) }
        let labels = externalLabels ?? initialExternalLabels
        notifier.configure(alerting, externalLabels: labels)
        let catalog = RuleCatalog(
            groups: groups,
            evaluationInterval: evaluationInterval,
            externalLabels: labels
        )
        let fresh = groups.map { RuleGroupState($0, defaultInterval: evaluationInterval).status }
        published.withLock { published in
            published.pending = catalog
            // Shown at once; the evaluator brings what it knows of rules that stay with its next round.
            published.groups = fresh.map { group in
                published.groups.first { Self.isSame($0, group) } ?? group
            }
        }
    }

    /// Whether a group looks the same but for what evaluations add.
    private static func isSame(_ left: RuleGroupStatus, _ right: RuleGroupStatus) -> Bool {
        left.name == right.name && left.file == right.file && left.interval == right.interval
            && left.rules.map(\.query) == right.rules.map(\.query)
            && left.rules.map(\.name) == right.rules.map(\.name)
    }

    // MARK: - What is known

    /// All groups in file order, as of their newest evaluations.
    public func groups() -> [RuleGroupStatus] { published.withLock { $0.groups } }

    /// All pending and firing alerts, in the order of their rules.
    public func activeAlerts() -> [AlertStatus] {
        groups().flatMap { $0.rules.flatMap(\.alerts) }
    }

    /// The URLs of the Alertmanagers alerts are posted to.
    public func alertmanagers() -> [String] { notifier.alertmanagerURLs }

    // MARK: - Running

    /// Evaluates and notifies until the task is cancelled, then saves what was learned.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.notifier.run() }
            group.addTask { await self.evaluateUntilCancelled() }
        }
        await evaluator.saveAll(at: now)
    }

    /// Evaluates every group once at the given time, whatever its interval; for tests and replays.
    public func evaluate(at time: Timestamp) async {
        await takeOver()
        let notices = await evaluator.evaluateAll(at: time)
        publish(notices, await evaluator.statuses)
    }

    /// Evaluates what is due at the given time.
    ///
    /// - Returns: when to call again, nil without groups.
    func evaluateDue(at time: Timestamp) async -> Timestamp? {
        await takeOver()
        if let due = await evaluator.nextDue(now: time), due <= time {
            let notices = await evaluator.evaluateDue(now: time)
            publish(notices, await evaluator.statuses)
        }
        return await evaluator.nextDue(now: time)
    }

    private func evaluateUntilCancelled() async {
        while !Task.isCancelled {
            let due = await evaluateDue(at: now)
            let now = now
            guard due.map({ $0 > now }) ?? true else { continue }
            let left = due.map { $0.milliseconds - now.milliseconds } ?? Self.longestSleep
            try? await clock.sleep(for: .milliseconds(min(left, Self.longestSleep)))
        }
    }

    private func takeOver() async {
        let catalog = published.withLock { published in
            defer { published.pending = nil }
            return published.pending
        }
        guard let catalog else { return }
        await notifier.prepare(catalog.webhookGroups, at: now)
        await evaluator.adopt(catalog)
        publish([], await evaluator.statuses)
    }

    private func publish(_ notices: [RuleNotice], _ groups: [RuleGroupStatus]) {
        for notice in notices { notifier.submit(notice) }
        published.withLock { published in
            // Newer rules are waiting: what is known of the old ones is of no use.
            if published.pending == nil { published.groups = groups }
        }
    }

    private var now: Timestamp { Timestamp(milliseconds: clock.wallMilliseconds()) }
}
