// SPDX-License-Identifier: Apache-2.0
//
// The ledgers of all destinations. A destination that is configured again goes on with the ledger it had, so that a
// reload is no way around a budget; another limit begins with what was spent under the old one.

internal import Config
internal import Platform
internal import StateStore
internal import Synchronization

final class LedgerBook: Sendable {
    private let state: StateStore
    private let clock: any EdgeClock
    private let telemetry: Telemetry
    private let numbers = ReservationNumbers()
    /// By name; as many as destinations were ever configured, which the configuration bounds.
    private let ledgers = Mutex<[String: SharedLedger]>([:])

    init(state: StateStore, clock: any EdgeClock, telemetry: Telemetry) {
        (self.state, self.clock, self.telemetry) = (state, clock, telemetry)
    }

    /// The budgets of a destination.
    func ledgers(_ config: RemoteWriteConfig) -> any Ledgers {
        let budget = ByteBudget(config.budget)
        guard !budget.isUnlimited else { return NoLedgers() }
        let ledger = ledger("destination/\(config.name)", budget)
        register(ledger, budget, destination: config.name)
        return DestinationLedgers([ledger], numbers: numbers)
    }

    private func ledger(_ name: String, _ budget: ByteBudget) -> SharedLedger {
        ledgers.withLock { ledgers in
            if let known = ledgers[name] {
                if known.spent().budget == budget { return known }
                // Without a state file the new one begins anew; delivery says that nothing can be kept.
                try? state.apply(known.changes(), isDurable: false)
            }
            let kept = (try? state.all(SharedLedger.table)) ?? []
            let new = SharedLedger(name: name, budget: budget, kept: kept, clock: clock)
            ledgers[name] = new
            return new
        }
    }

    private func register(_ ledger: SharedLedger, _ budget: ByteBudget, destination: String) {
        let windows: [(String, Int?, @Sendable (SharedLedger) -> Double)] = [
            ("day", budget.perDay, { Double($0.spent().day.total) }),
            ("month", budget.perMonth, { Double($0.spent().month.total) }),
        ]
        for (window, limit, spent) in windows {
            guard let limit else { continue }
            let labels = [(name: "destination", value: destination), (name: "window", value: window)]
            telemetry.computed(
                "edgewatch_sync_budget_limit_bytes",
                "Bytes on the wire that may be spent in a window.",
                labels
            ) { Double(limit) }
            telemetry.computed(
                "edgewatch_sync_budget_spent_bytes",
                "Bytes on the wire spent in a window until now, what is set aside included.",
                labels
            ) { spent(ledger) }
        }
    }
}

extension ByteBudget {
    /// The configured budget.
    ///
    /// Alerts have no share of their own while no request is told from another.
    init(_ config: RemoteWriteConfig.Budget) {
        self.init(
            perSecond: config.perSecond,
            perDay: config.perDay,
            perMonth: config.perMonth,
            monthStarts: config.monthStarts,
            alertsShare: 0
        )
    }
}
