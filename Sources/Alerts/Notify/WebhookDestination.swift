// SPDX-License-Identifier: Apache-2.0
//
// One webhook: decides what to tell when alerts change, writes the message to its outbox, and delivers the outbox in
// order. Deciding is quick and never waits; writing and delivering happen in `run`.

internal import Config
internal import Logging
internal import Platform
internal import Samples
internal import StateStore
internal import Synchronization

/// Sends messages to one webhook.
final class WebhookDestination: Sendable {
    private static let groupTable = "alert_webhook_groups"
    /// Groups remembered; rule files with more alert names than this do not exist.
    private static let groupLimit = 10_000
    /// Messages decided but not yet in the outbox; only a store that hangs makes it grow.
    private static let intakeLimit = 1000

    let config: WebhookConfig
    private let endpoint: NotificationEndpoint
    private let keeper: StateKeeper
    private let clock: any EdgeClock
    private let metrics: AlertMetrics
    private let logger: Logger
    private let externalURL: String
    private let bell = Doorbell()

    private struct Message: Sendable {
        let body: [UInt8]
        let identity: String
        let groupKey: String
        let group: WebhookGroup
    }

    private struct Memory: Sendable {
        var groups: [String: WebhookGroup] = [:]
        var isLoaded = false
        var intake: [Message] = []
        var waiting = 0
        var isClosed = false
    }

    private let memory = Mutex(Memory())

    init(
        config: WebhookConfig,
        endpoint: NotificationEndpoint,
        keeper: StateKeeper,
        clock: any EdgeClock,
        metrics: AlertMetrics,
        logger: Logger,
        externalURL: String
    ) {
        self.config = config
        self.endpoint = endpoint
        self.keeper = keeper
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        self.externalURL = externalURL
    }

    /// Messages not yet delivered.
    var queueLength: Int { memory.withLock { $0.intake.count + $0.waiting } }

    /// Reads what this webhook was told before a restart, the first time; before this, nothing is decided.
    func loadOnce() async {
        guard !memory.withLock({ $0.isLoaded }) else { return }
        let prefix = storePrefix
        let found =
            await keeper.attempt("reading what webhooks were told") { state in
                try state.all(Self.groupTable).filter { $0.key.hasPrefix(prefix) }
            } ?? []
        var groups: [String: WebhookGroup] = [:]
        for entry in found.prefix(Self.groupLimit) {
            guard let group = try? WebhookGroup(decoding: entry.value) else {
                metrics.storeFailures.add()
                continue
            }
            groups[String(entry.key.dropFirst(prefix.count))] = group
        }
        memory.withLock { memory in
            memory.groups = groups
            memory.isLoaded = true
        }
    }

    /// Takes the alerts of one name of one rule group and decides whether to tell; never waits.
    func update(_ alerts: [NotificationAlert], of notice: RuleNotice, alertName: String) {
        let key = WebhookGroup.key(file: notice.file, group: notice.group, alertName: alertName)
        update(alerts, key: key, at: notice.time)
    }

    /// Ends the alerts of groups that no rule speaks of any more.
    func end(allBut groups: Set<String>, at time: Timestamp) {
        let lost = memory.withLock { memory in memory.groups.keys.filter { !groups.contains($0) } }
        for key in lost { update([], key: key, at: time) }
    }

    private func update(_ alerts: [NotificationAlert], key: String, at time: Timestamp) {
        let dropped = memory.withLock { decide(alerts, key: key, at: time, &$0) }
        metrics.notificationsDropped.add(dropped)
        bell.ring()
    }

    /// Puts a message into the intake when there is something to tell; returns how many others that pushed out.
    private func decide(
        _ alerts: [NotificationAlert],
        key: String,
        at time: Timestamp,
        _ memory: inout Memory
    ) -> Int {
        guard memory.isLoaded else { return 0 }
        let names = key.split(separator: "\u{0}", maxSplits: 2, omittingEmptySubsequences: false)
        guard names.count == 3 else { return 0 }
        let before = memory.groups[key] ?? WebhookGroup()
        var state = before
        if alerts.isEmpty, state.isEmpty { return 0 }
        let telling = state.update(
            alerts,
            at: time,
            repeatInterval: config.repeatInterval,
            sendsResolved: config.sendResolved
        )
        guard state != before else { return 0 }
        if memory.groups.count < Self.groupLimit || memory.groups[key] != nil {
            memory.groups[key] = state.isEmpty ? nil : state
        }
        guard !telling.isEmpty else { return 0 }
        let payload = WebhookPayload(
            receiver: config.name,
            ruleGroup: String(names[0]),
            alertName: String(names[1]),
            externalURL: externalURL,
            alerts: telling,
            limit: config.maxAlerts
        )
        memory.intake.append(
            Message(body: payload.encoded(), identity: payload.identity, groupKey: key, group: state)
        )
        guard memory.intake.count > Self.intakeLimit else { return 0 }
        memory.intake.removeFirst()
        return 1
    }

    /// Ends `run` after the attempt going on; what is undelivered stays in the outbox.
    func close() {
        memory.withLock { $0.isClosed = true }
        bell.close()
    }

    private var isStopped: Bool { Task.isCancelled || memory.withLock { $0.isClosed } }

    /// Writes and delivers messages until closed or cancelled.
    func run() async {
        var outbox = await Outbox(webhook: config.name, keeper: keeper)
        var backoff = RetryBackoff(seed: FNV1a.hash(config.name) ^ clock.monotonicNanoseconds())
        setWaiting(outbox.count)
        bell.ring()
        for await _ in bell.rings {
            while !isStopped {
                await takeIn(&outbox)
                guard let message = await outbox.first() else { break }
                switch await endpoint.post(message.body) {
                case .accepted:
                    metrics.notificationsSent.add()
                    backoff.reset()
                    await outbox.remove(message.key)
                case .refused(let reason):
                    metrics.notificationErrors.add()
                    metrics.notificationsDropped.add()
                    logger.error("webhook \(config.name) refuses a notification: \(reason)")
                    await outbox.remove(message.key)
                case .retry(let reason):
                    metrics.notificationErrors.add()
                    if backoff.attempts == 0 {
                        logger.warning("webhook \(config.name): \(reason); trying again")
                    }
                    setWaiting(outbox.count)
                    await wait(backoff.next(), &outbox)
                }
                setWaiting(outbox.count)
            }
        }
        await takeIn(&outbox)
    }

    /// Brings everything decided so far into the outbox.
    func takeIn(_ outbox: inout Outbox) async {
        while let message = memory.withLock({ $0.intake.isEmpty ? nil : $0.intake.removeFirst() }) {
            let dropped = await outbox.append(message.body, identity: message.identity)
            metrics.notificationsDropped.add(dropped)
            let key = storePrefix + message.groupKey
            _ = await keeper.attempt("saving what webhooks were told") { state in
                if message.group.isEmpty {
                    try state.remove(Self.groupTable, key)
                } else {
                    try state.put(Self.groupTable, key, message.group.encoded())
                }
            }
            setWaiting(outbox.count)
        }
    }

    /// Sleeps in short steps, so that what happens meanwhile still reaches the outbox.
    private func wait(_ duration: Duration, _ outbox: inout Outbox) async {
        let end = clock.monotonicNanoseconds() &+ UInt64(max(0, duration.milliseconds)) &* 1_000_000
        while !isStopped, clock.monotonicNanoseconds() < end {
            try? await clock.sleep(for: .milliseconds(min(500, duration.milliseconds)))
            await takeIn(&outbox)
        }
    }

    private func setWaiting(_ count: Int) { memory.withLock { $0.waiting = count } }

    private var storePrefix: String { FNV1a.hex(FNV1a.hash(config.name)) + "/" }
}
