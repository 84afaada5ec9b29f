// SPDX-License-Identifier: Apache-2.0
//
// What the admin API does to the store, on a thread of its own: copying takes as long as the disk does.

internal import HTTPAPI
internal import Logging
internal import Platform
internal import Samples
internal import StateStore
internal import Synchronization
internal import TSDB
internal import Wire

/// Deletes from and copies the store.
final class StoreAdministrator: StoreAdministration {
    /// Deletions at once; each costs every selection of its times a comparison.
    private static let tombstoneLimit = 1000
    /// The table of the state file.
    static let table = "tombstones"

    private let store: Store
    private let source: TombstonedSource
    private let state: StateStore
    private let clock: any EdgeClock
    private let directory: String
    private let logger: Logger
    private let lane = BlockingQueue(label: "edgewatch.admin")
    private let lastSnapshot = Atomic<UInt64>(0)

    init(
        store: Store,
        source: TombstonedSource,
        state: StateStore,
        clock: any EdgeClock,
        directory: String,
        logger: Logger
    ) {
        self.store = store
        self.source = source
        self.state = state
        self.clock = clock
        self.directory = directory
        self.logger = logger
    }

    /// The deletions of earlier runs.
    static func tombstones(in state: StateStore) -> [Tombstone] {
        ((try? state.all(table)) ?? []).compactMap { Tombstone(encoded: $0.value) }
    }

    func deleteSeries(
        _ matcherSets: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp
    ) async throws(AdministrationError) {
        // What will be written later stays visible.
        let now = clock.wallMilliseconds()
        let last = min(through.milliseconds, max(now, store.statistics.newest?.milliseconds ?? now))
        guard from.milliseconds <= last else { return }
        let new = matcherSets.map { Tombstone(matchers: $0, from: from.milliseconds, through: last) }
        try await change { tombstones throws(AdministrationError) in
            let all = tombstones + new.filter { !tombstones.contains($0) }
            guard all.count <= StoreAdministrator.tombstoneLimit else {
                throw AdministrationError(
                    "there are \(StoreAdministrator.tombstoneLimit) deletions already; clean_tombstones forgets "
                        + "those of samples that the ring no longer has"
                )
            }
            return all
        }
        logger.info("samples deleted", metadata: ["selectors": "\(matcherSets.count)"])
    }

    func cleanTombstones() async throws(AdministrationError) {
        let statistics = store.statistics
        let oldest = ([statistics.oldest] + statistics.tiers.map(\.oldest)).compactMap { $0 }.min()
        try await change { tombstones in
            tombstones.filter { $0.through >= oldest?.milliseconds ?? .max }
        }
    }

    /// Replaces the deletions, in the file and then in force.
    private func change(
        _ body: @escaping @Sendable ([Tombstone]) throws(AdministrationError) -> [Tombstone]
    ) async throws(AdministrationError) {
        let (source, state) = (source, state)
        try await onLane {
            let before = source.all
            let after = try body(before)
            let entries = after.enumerated().map {
                (key: StoreAdministrator.key($0.offset), value: $0.element.encoded)
            }
            try state.putAll(StoreAdministrator.table, entries)
            for index in after.count..<max(after.count, before.count) {
                try state.remove(StoreAdministrator.table, StoreAdministrator.key(index))
            }
            source.set(after)
        }
    }

    private static func key(_ index: Int) -> String {
        let digits = String(index)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    func snapshot(skipsHead: Bool) async throws(AdministrationError) -> String {
        let name = snapshotName()
        let (store, path) = (store, "\(directory)/snapshots/\(name)")
        try await onLane { try store.copy(to: path, skipsHead: skipsHead) }
        logger.info("snapshot created", metadata: ["directory": "\(path)"])
        return name
    }

    /// `20261121T201500Z-0000000000000001`: the time, and which snapshot of this process it is.
    private func snapshotName() -> String {
        let number = lastSnapshot.wrappingAdd(1, ordering: .relaxed).newValue
        let time = RFC3339.format(Timestamp(milliseconds: clock.wallMilliseconds() / 1000 * 1000))
        let digits = String(number, radix: 16)
        return time.filter { $0 != "-" && $0 != ":" } + "-" + String(repeating: "0", count: 16 - digits.count)
            + digits
    }

    private func onLane(_ work: @escaping @Sendable () throws -> Void) async throws(AdministrationError) {
        do {
            try await lane.runToEnd(work)
        } catch let error as AdministrationError {
            throw error
        } catch {
            throw AdministrationError("\(error)")
        }
    }
}
