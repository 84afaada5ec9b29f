// SPDX-License-Identifier: Apache-2.0
//
// All receivers. `submit` is called after every evaluation and only queues; each receiver works in a task of its own,
// so that none holds up another or the rules.

internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// Hands alerts to Alertmanagers and webhooks.
final class Notifier: Sendable {
    private struct Receivers: Sendable {
        var config = AlertingConfig()
        var externalLabels = Labels()
        var alertmanagers: [AlertmanagerDestination] = []
        var webhooks: [WebhookDestination] = []
        /// Made but not yet running.
        var startable: [any Destination] = []
        var isConfigured = false
    }

    private let receivers = Mutex(Receivers())
    private let bell = Doorbell()
    private let client: HTTPClient
    private let keeper: StateKeeper
    private let clock: any EdgeClock
    private let metrics: AlertMetrics
    private let logger: Logger
    private let externalURL: String

    init(
        client: HTTPClient,
        keeper: StateKeeper,
        clock: any EdgeClock,
        metrics: AlertMetrics,
        logger: Logger,
        externalURL: String
    ) {
        self.client = client
        self.keeper = keeper
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        self.externalURL = externalURL
    }

    /// The URLs alerts are posted to.
    var alertmanagerURLs: [String] { receivers.withLock { $0.alertmanagers.map(\.endpoint.url) } }

    /// Replaces the receivers; nothing happens when they are the same as before.
    func configure(_ config: AlertingConfig, externalLabels: Labels) {
        let stopped = receivers.withLock { receivers -> [any Destination] in
            receivers.externalLabels = externalLabels
            guard !receivers.isConfigured || receivers.config != config else { return [] }
            let old: [any Destination] = receivers.alertmanagers + receivers.webhooks
            receivers.isConfigured = true
            receivers.config = config
            receivers.alertmanagers = config.alertmanagers.flatMap { manager in
                manager.relabeledURLs.map { self.alertmanager($0, manager) }
            }
            receivers.webhooks = config.webhooks.map { self.webhook($0) }
            receivers.startable = receivers.alertmanagers + receivers.webhooks
            return old
        }
        for destination in stopped { destination.close() }
        bell.ring()
    }

    /// Queues what an evaluation found; never waits.
    func submit(_ notice: RuleNotice) {
        let receivers = receivers.withLock { $0 }
        let relabeling = receivers.config.alertRelabelConfigs
        func told(_ alerts: [RuleNotice.NoticedAlert]) -> [NotificationAlert] {
            alerts.compactMap {
                NotificationAlert($0, externalLabels: receivers.externalLabels, relabeling: relabeling)
            }
        }
        if !notice.due.isEmpty, !receivers.alertmanagers.isEmpty {
            let alerts = told(notice.due)
            for alertmanager in receivers.alertmanagers { alertmanager.enqueue(alerts) }
        }
        for named in notice.current {
            let alerts = receivers.webhooks.isEmpty ? [] : told(named.alerts)
            for webhook in receivers.webhooks {
                webhook.update(alerts, of: notice, alertName: named.alertName)
            }
        }
    }

    /// Reads what new webhooks were told before, so that `submit` can decide, and ends what no rule speaks of any more.
    func prepare(_ groups: Set<String>, at time: Timestamp) async {
        for webhook in receivers.withLock({ $0.webhooks }) {
            await webhook.loadOnce()
            webhook.end(allBut: groups, at: time)
        }
    }

    /// Runs all receivers until cancelled.
    func run() async {
        bell.ring()
        await withDiscardingTaskGroup { group in
            for await _ in bell.rings {
                let starting = receivers.withLock { receivers in
                    defer { receivers.startable = [] }
                    return receivers.startable
                }
                for destination in starting { group.addTask { await destination.run() } }
            }
        }
    }

    /// The webhooks, for tests that look into outboxes.
    var webhookDestinations: [WebhookDestination] { receivers.withLock { $0.webhooks } }

    private func alertmanager(_ url: String, _ config: AlertmanagerConfig) -> AlertmanagerDestination {
        let endpoint = NotificationEndpoint(
            url: url,
            timeout: config.timeout,
            http: config.http,
            client: client
        )
        let destination = AlertmanagerDestination(
            endpoint: endpoint,
            relabeling: config.alertRelabelConfigs,
            metrics: metrics,
            logger: logger
        )
        metrics.watchQueue(url) { [weak destination] in destination?.queueLength ?? 0 }
        return destination
    }

    private func webhook(_ config: WebhookConfig) -> WebhookDestination {
        let endpoint = NotificationEndpoint(
            url: config.url.revealed,
            timeout: config.timeout,
            http: config.http,
            client: client
        )
        let destination = WebhookDestination(
            config: config,
            endpoint: endpoint,
            keeper: keeper,
            clock: clock,
            metrics: metrics,
            logger: logger,
            externalURL: externalURL
        )
        metrics.watchQueue(config.name) { [weak destination] in destination?.queueLength ?? 0 }
        return destination
    }
}

/// A receiver with a task of its own.
protocol Destination: Sendable {
    func run() async
    func close()
}

extension AlertmanagerDestination: Destination {}
extension WebhookDestination: Destination {}

extension AlertmanagerConfig {
    /// The addresses alerts are posted to after the targets' own relabeling.
    fileprivate var relabeledURLs: [String] {
        let prefix = pathPrefix.split(separator: "/").map { "/\($0)" }.joined()
        var urls: [String] = []
        for group in staticConfigs {
            for target in group.targets {
                var labels = LabelsBuilder(group.labels)
                labels.set("__address__", target)
                labels.set("__scheme__", scheme)
                labels.set("__alerts_path__", "\(prefix)/api/v2/alerts")
                guard relabelConfigs.apply(to: &labels), let address = labels["__address__"] else { continue }
                let path = labels["__alerts_path__"] ?? "/api/v2/alerts"
                urls.append("\(labels["__scheme__"] ?? scheme)://\(address)\(path)")
            }
        }
        return urls
    }
}
