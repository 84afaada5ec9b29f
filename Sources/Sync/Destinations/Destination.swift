// SPDX-License-Identifier: Apache-2.0
//
// One destination: freezes batches of what it is owed, sends them, and settles them. SyncState decides, this does. One request
// is in flight at a time, so a series reaches the receiver in the order it was stored; a late row (out of order in time)
// comes where it was stored, later than its time says, which receivers with an out-of-order window or none at all
// (VictoriaMetrics, Mimir, Prometheus with `out_of_order_time_window`) take, and others reject sample by sample.

internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples
internal import StateStore
internal import Synchronization

final class Destination: Sendable {
    /// What a destination is made of; a change of any makes a new one.
    struct Plan: Sendable, Equatable {
        var config: RemoteWriteConfig
        var sync: SyncConfig
        var externalLabels: Labels
        /// What it gets, the first rule that selects a series first.
        var rules = [SyncRule.everything]
    }

    /// Who a destination works with.
    struct Partners: Sendable {
        var log: any SampleLog
        var state: StateStore
        var http: HTTPClient
        var meter: LinkMeter
        var clock: any EdgeClock
        var telemetry: Telemetry
        var logger: Logger
        /// The receiver of a destination.
        var peer: @Sendable (Plan, any EdgeClock) -> any Peer = { RemoteWritePeer($0, clock: $1) }
        /// The budgets of a destination.
        var ledgers: @Sendable (RemoteWriteConfig) -> any Ledgers = { _ in NoLedgers() }
        /// What governs a destination's budgets.
        var governor: @Sendable (RemoteWriteConfig) -> any GovernorReading = { _ in NoGovernor() }
        /// Where samples go that a receiver will never take.
        var letters: any DeadLetters = NoDeadLetters()
    }

    /// What others may know while the destination works.
    struct Live {
        var position: LogPosition
        var lastSuccess: Timestamp?
        var lastError: String?
        var health = SyncState.Health.healthy
        /// The time of the first sample at a position.
        var oldestWaiting: (position: LogPosition, time: Timestamp)?
        /// Drops logged in the current minute.
        var dropLogs = 0
        var dropMinute: UInt64 = 0
    }

    /// How long a request in flight may take to finish when the daemon stops; a request cut off may have been stored,
    /// and would be sent again after the start.
    static let stopGrace = Duration.seconds(3)

    let plan: Plan
    let partners: Partners
    let peer: any Peer
    let ledgers: any Ledgers
    let governor: any GovernorReading
    /// Where it is, for people.
    let displayURL: String
    let live: Mutex<Live>
    let logger: Logger
    let counters: DestinationTelemetry
    /// What is shipped; nil where that is everything.
    private let rules: RuleSet?
    private let seed: UInt64
    private let end: LogPosition
    private let stopping = Latch()
    private let ended = Latch()

    /// Creates a destination that does nothing yet.
    ///
    /// - Parameters:
    ///   - plan: where to, and how.
    ///   - partners: who it works with.
    ///   - end: the log's end when nothing had been added to it yet, see `StreamKeeper`.
    ///   - seed: of its jitter.
    init(_ plan: Plan, _ partners: Partners, end: LogPosition, seed: UInt64) {
        self.plan = plan
        self.partners = partners
        self.end = end
        self.seed = seed
        peer = partners.peer(plan, partners.clock)
        ledgers = partners.ledgers(plan.config)
        governor = partners.governor(plan.config)
        displayURL = Endpoint.redacted(plan.config.url)
        live = Mutex(Live(position: end))
        var logger = partners.logger
        logger[metadataKey: "destination"] = "\(plan.config.name)"
        self.logger = logger
        rules = RuleSet(plan.rules)
        counters = DestinationTelemetry(partners.telemetry, destination: plan.config.name)
    }

    var name: String { plan.config.name }

    // MARK: - Life

    /// Delivers until the task is cancelled or `stop` is called.
    @concurrent
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work() }
            group.addTask { await self.stopping.wait() }
            await group.next()
            group.cancelAll()
        }
        ended.open()
    }

    /// Asks a running destination to end and waits until it has.
    func stop() async {
        stopping.open()
        await ended.wait()
    }

    private func work() async {
        counters.registerBacklog(partners.telemetry, destination: name) { [weak self] in
            self?.backlog() ?? (0, 0)
        }
        for (index, rule) in plan.rules.enumerated() where rules != nil {
            counters.registerRule(partners.telemetry, destination: name, rule: rule.name) { [weak self] in
                self?.rules?.seriesCount(index)
            }
        }
        guard let keeper = await loadStream() else { return }
        let (position, lastSuccess) = (keeper.record.position, keeper.record.lastSuccess)
        live.withLock {
            $0.position = LogPosition(sequence: position)
            $0.lastSuccess = lastSuccess
        }
        if let lastSuccess { counters.lastSuccess.set(lastSuccess.seconds) }
        let backoff = Backoff(
            base: plan.config.queue.minBackoff,
            cap: plan.config.queue.maxBackoff ?? plan.sync.maxBackoff
        )
        var delivery = Delivery(
            destination: self,
            counters: counters,
            stream: StreamDelivery(
                keeper: keeper,
                state: SyncState(cursor: LogPosition(sequence: position), backoff: backoff),
                source: RowSource(
                    log: partners.log,
                    peer: peer,
                    clock: partners.clock,
                    plan: plan,
                    rules: rules
                ),
                peer: peer
            ),
            random: SeededGenerator(seed: seed)
        )
        await delivery.run()
        delivery.finish()
    }

    /// Nil when cancelled.
    private func loadStream() async -> StreamKeeper? {
        while true {
            do {
                return try StreamKeeper(
                    key: StreamRecord.key(destination: name, rule: .everything),
                    destination: name,
                    oldest: partners.log.oldest,
                    end: end,
                    state: partners.state,
                    clock: partners.clock
                )
            } catch {
                logger.error("the state of sync cannot be read", metadata: ["error": "\(error)"])
                live.withLock { $0.lastError = "\(error)" }
            }
            guard await pause(.seconds(10)) else { return nil }
        }
    }

    /// Sleeps; false when cancelled.
    func pause(_ duration: Duration) async -> Bool {
        do {
            try await partners.clock.sleep(for: duration)
            return !Task.isCancelled
        } catch {
            return false
        }
    }

    // MARK: - What others may know

    /// Rows not yet delivered and the age of the oldest sample among them.
    func backlog() -> (rows: UInt64, seconds: Double) {
        let (position, known) = live.withLock { ($0.position, $0.oldestWaiting) }
        let end = partners.log.end
        guard end > position else { return (0, 0) }
        var oldest = known?.position == position ? known?.time : nil
        if oldest == nil, let time = partners.log.timestamp(at: position) {
            // Asking may cost the store a look into its files; the answer holds as long as the cursor stays.
            live.withLock { $0.oldestWaiting = (position, time) }
            oldest = time
        }
        let age = oldest.map { Double(partners.clock.wallMilliseconds()) - Double($0.milliseconds) } ?? 0
        return (end.sequence - position.sequence, max(0, age / 1000))
    }

    func status() -> DestinationStatus {
        let (rows, seconds) = backlog()
        return live.withLock { live in
            let state: DestinationStatus.State =
                switch live.health {
                case .healthy: rows == 0 ? .idle : .delivering
                case .retrying: .retrying
                case .refused: .refused
                }
            return DestinationStatus(
                name: name,
                url: displayURL,
                backlogSeconds: seconds,
                backlogRows: rows,
                lastSuccess: live.lastSuccess,
                lastError: live.lastError,
                sentSamples: counters.sentSamples.value,
                droppedSamples: counters.droppedSamples,
                lostRows: counters.lostRows.value,
                state: state
            )
        }
    }
}
