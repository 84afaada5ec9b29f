// SPDX-License-Identifier: Apache-2.0
//
// Everything long-lived is a service of one group: started in the data's order, stopped in reverse, so that the
// collectors stop before the store they write to. A stage runs until it is cancelled; these adapters turn the group's
// graceful shutdown into that.

internal import Conditions
internal import Logging
internal import Platform
internal import ServiceLifecycle
internal import TSDB
internal import UnixSignals

/// A stage with a `run` that ends when its task is cancelled.
struct StageService: Service, CustomStringConvertible {
    let description: String
    let body: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown(body)
        } catch is CancellationError {
            return
        }
    }
}

/// Seals due groups and syncs the log once a second, on a thread of its own; closes the store last of all.
struct StorageService: Service {
    let store: Store
    let signals: SignalBoard
    let clock: any EdgeClock
    let deadline: ShutdownDeadline
    let logger: Logger
    private let lane = BlockingQueue(label: "edgewatch.storage")

    init(
        store: Store,
        signals: SignalBoard,
        clock: any EdgeClock,
        deadline: ShutdownDeadline,
        logger: Logger
    ) {
        self.store = store
        self.deadline = deadline
        self.signals = signals
        self.clock = clock
        self.logger = logger
    }

    func run() async throws {
        let (store, signals) = (self.store, self.signals)
        try await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                guard (try? await clock.sleep(for: store.upkeepInterval)) != nil else { break }
                do {
                    try await lane.runToEnd {
                        store.powerIsUncertain(StorageService.isOnBattery(signals))
                        try store.maintain()
                    }
                } catch let error as StoreError where error.endsUse {
                    // Whoever supervises this process starts it again, with what is there now.
                    throw error
                } catch {
                    // The store keeps serving from memory and counts; what it could not do is tried again.
                    logger.error("storage maintenance failed", metadata: ["error": "\(error)"])
                }
            }
        }
        try? await lane.runToEnd { store.close() }
        deadline.storeIsClosed()
    }
}

extension StorageService {
    /// Whether the node runs on what may be empty soon.
    fileprivate static func isOnBattery(_ signals: SignalBoard) -> Bool {
        guard let power = signals.value(SignalName.powerSource), power.quality == .good else { return false }
        return power.value == .text("battery") || power.value == .text("ups")
    }
}

/// Gives memory back to the kernel after a large query, scrape or seal.
struct MemoryService: Service {
    /// Resident memory that may lie idle; below it a walk over the heap costs more than it gives.
    private static let slack = 8 << 20
    /// How long a peak may stay; dashboards ask every few seconds and would only have the pages faulted in again.
    private static let interval = Duration.seconds(10)

    let clock: any EdgeClock

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try await clock.sleep(for: MemoryService.interval)
                Memory.trim(beyond: MemoryService.slack)
            }
        }
    }
}

/// Starts the time the others have to end, as the first to hear that they shall.
struct ShutdownService: Service {
    let deadline: ShutdownDeadline

    func run() async throws {
        do {
            try await gracefulShutdown()
            deadline.begin(isOrderly: true)
        } catch {
            deadline.begin(isOrderly: false)
        }
    }
}

/// Reloads the configuration on SIGHUP.
struct ReloadService: Service {
    let reload: @Sendable () async -> Void

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                await reload()
            }
        }
    }
}
