// SPDX-License-Identifier: Apache-2.0
//
// Ships what the store holds to the remote-write destinations. Nothing is queued here: a destination is a cursor into
// the store's commit order, moved after the receiver's 2xx and kept in the state store.
//
// A new destination begins at the oldest row the store still has. A known one goes on where it was, also after a kill;
// what was accepted but not noted before the kill is sent once more, bit for bit the same samples, which receivers
// recognise as the ones they have.

public import Conditions
public import Config
public import HTTPClient
public import Logging
public import Platform
public import Samples
public import StateStore
internal import Synchronization

/// Delivers samples to all configured destinations.
public final class SyncService: Sendable {
    private struct Shared {
        var plans: [Destination.Plan] = []
        var running: [Destination] = []
        var random: SeededGenerator
    }

    private let partners: Destination.Partners
    private let endAtStart: LogPosition
    private let shared: Mutex<Shared>
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// Creates the service without destinations.
    ///
    /// - Parameters:
    ///   - log: the store as an outbox; nothing may have been appended to it since it was opened.
    ///   - state: where cursors are kept.
    ///   - http: the way out.
    ///   - signals: where `network_latency` and `bandwidth` are published.
    ///   - clock: the time.
    ///   - random: decides the jitter of retries.
    ///   - telemetry: where metrics are registered.
    ///   - logger: for what an operator wants to know.
    public init(
        log: any SampleLog,
        state: StateStore,
        http: HTTPClient,
        signals: SignalBoard,
        clock: any EdgeClock,
        random: SeededGenerator,
        telemetry: Telemetry,
        logger: Logger
    ) {
        var partners = Destination.Partners(
            log: log,
            state: state,
            http: http,
            meter: LinkMeter(signals: signals),
            clock: clock,
            telemetry: telemetry,
            logger: logger
        )
        let book = LedgerBook(state: state, clock: clock, telemetry: telemetry)
        partners.ledgers = { book.ledgers($0) }
        self.partners = partners
        endAtStart = log.end
        shared = Mutex(Shared(random: random))
        // One pending change is enough: it is applied as the newest configuration.
        (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Sets the destinations; also while running, where unchanged ones are left alone.
    ///
    /// - Parameters:
    ///   - destinations: what `remote_write` lists; names are unique.
    ///   - externalLabels: added to series that do not have them.
    ///   - sync: how to catch up and wait.
    public func configure(
        _ destinations: [RemoteWriteConfig],
        externalLabels: Labels,
        sync: SyncConfig = SyncConfig()
    ) {
        let plans = destinations.map {
            Destination.Plan(
                config: $0,
                sync: sync,
                externalLabels: externalLabels,
                rules: SyncRule.of(sync.rules, for: $0.name)
            )
        }
        shared.withLock { $0.plans = plans }
        changed.yield()
    }

    /// Delivers until the task is cancelled; then ends within `stopGrace` of the request in flight.
    ///
    /// To be called once.
    public func run() async throws {
        await withDiscardingTaskGroup { group in
            var isFirst = true
            for await _ in changes {
                // Only at the start can a cursor be ahead of the log.
                await apply(in: &group, end: isFirst ? endAtStart : partners.log.end)
                isFirst = false
            }
        }
    }

    /// How each destination is doing, in the configuration's order.
    public func status() -> [DestinationStatus] {
        shared.withLock { $0.running }.map { $0.status() }
    }

    private func apply(in group: inout DiscardingTaskGroup, end: LogPosition) async {
        let (plans, running) = shared.withLock { ($0.plans, $0.running) }
        // An old one ends before its successor begins: both would send from the same cursor.
        for destination in running where !plans.contains(destination.plan) { await destination.stop() }
        let kept = running.filter { plans.contains($0.plan) }
        let (fresh, all) = shared.withLock { shared -> ([Destination], [Destination]) in
            var fresh: [Destination] = []
            var all: [Destination] = []
            for plan in plans {
                if let old = kept.first(where: { $0.plan == plan }) {
                    all.append(old)
                    continue
                }
                let seed = shared.random.next()
                let destination = Destination(plan, partners, end: end, seed: seed)
                fresh.append(destination)
                all.append(destination)
            }
            shared.running = all
            return (fresh, all)
        }
        partners.logger.debug("sync configured", metadata: ["destinations": "\(all.count)"])
        for destination in fresh { group.addTask { await destination.run() } }
    }
}
