// SPDX-License-Identifier: Apache-2.0
//
// One Alertmanager: a queue in memory, because every firing alert is sent again each minute anyway. A batch that fails
// is not sent again; the next resend covers it (as Prometheus' notifier does).

internal import Config
internal import Logging
internal import Platform
internal import Synchronization

/// Sends alerts to one Alertmanager.
final class AlertmanagerDestination: Sendable {
    /// Alerts waiting; the oldest are dropped beyond.
    static let queueLimit = 10_000
    /// Alerts of one request.
    static let batchLimit = 256

    let endpoint: NotificationEndpoint
    private let relabeling: [RelabelConfig]
    private let metrics: AlertMetrics
    private let logger: Logger
    private let queue = Mutex<[NotificationAlert]>([])
    private let bell = Doorbell()

    init(
        endpoint: NotificationEndpoint,
        relabeling: [RelabelConfig],
        metrics: AlertMetrics,
        logger: Logger
    ) {
        self.endpoint = endpoint
        self.relabeling = relabeling
        self.metrics = metrics
        self.logger = logger
    }

    /// Alerts waiting to be sent.
    var queueLength: Int { queue.withLock { $0.count } }

    /// Puts alerts into the queue; never waits.
    func enqueue(_ alerts: [NotificationAlert]) {
        let kept = alerts.compactMap { $0.relabeled(relabeling) }
        guard !kept.isEmpty else { return }
        let dropped = queue.withLock { queue in
            queue += kept
            let excess = max(0, queue.count - Self.queueLimit)
            queue.removeFirst(excess)
            return excess
        }
        metrics.notificationsDropped.add(dropped)
        bell.ring()
    }

    /// Ends `run` once the queue is empty.
    func close() { bell.close() }

    /// Sends until closed or cancelled.
    func run() async {
        var lastFailure: String?
        for await _ in bell.rings {
            while let batch = nextBatch(), !Task.isCancelled {
                switch await endpoint.post(AlertmanagerPayload.encode(batch)) {
                case .accepted:
                    metrics.notificationsSent.add(batch.count)
                    lastFailure = nil
                case .retry(let reason), .refused(let reason):
                    metrics.notificationErrors.add()
                    metrics.notificationsDropped.add(batch.count)
                    if reason != lastFailure {
                        logger.warning("Alertmanager \(endpoint.url): \(reason)")
                        lastFailure = reason
                    }
                }
            }
        }
    }

    private func nextBatch() -> [NotificationAlert]? {
        queue.withLock { queue in
            guard !queue.isEmpty else { return nil }
            let batch = Array(queue.prefix(Self.batchLimit))
            queue.removeFirst(batch.count)
            return batch
        }
    }
}
