// SPDX-License-Identifier: Apache-2.0
//
// All budgets a destination spends from: its own and the link's. Bytes are set aside in each of them or in none.

internal import HTTPClient
internal import StateStore
internal import Synchronization

final class DestinationLedgers: Ledgers {
    private let ledgers: [SharedLedger]
    /// Numbers are given across destinations, which share the ledgers of links.
    private let numbers: ReservationNumbers
    private let estimate = Mutex(CostEstimate())

    init(_ ledgers: [SharedLedger], numbers: ReservationNumbers) {
        self.ledgers = ledgers
        self.numbers = numbers
    }

    func reserve(_ bytes: Int, _ lane: Lane) -> Reservation? {
        let number = numbers.next()
        for (index, ledger) in ledgers.enumerated() {
            guard ledger.reserve(number, bytes, isAlert: lane == .alerts) else {
                for taken in ledgers[..<index] { taken.settle(number, wire: 0) }
                return nil
            }
        }
        return Reservation(number: number, bytes: bytes, lane: lane)
    }

    func wait(_ bytes: Int, _ lane: Lane) -> Duration {
        ledgers.map { $0.wait(bytes, isAlert: lane == .alerts) }.max() ?? .zero
    }

    func settle(_ reservation: Reservation, wire: Int64) {
        for ledger in ledgers { ledger.settle(reservation.number, wire: wire) }
    }

    func changes() -> [StateChange] { ledgers.flatMap { $0.changes() } }

    /// The most bytes one batch may set aside; a larger one would wait for ever.
    func largest(_ lane: Lane) -> Int {
        ledgers.map { $0.room(isAlert: lane == .alerts).ever }.min() ?? .max
    }

    /// What a request's body goes by; nil where nothing limits its rate.
    func pacer(_ lane: Lane) -> (any BytePacing)? {
        let paced = ledgers.filter(\.hasRate)
        return paced.isEmpty ? nil : LanePacer(ledgers: paced, isAlert: lane == .alerts)
    }

    func cost(of body: Int) -> Int { estimate.withLock { $0.cost(of: body) } }

    func learn(_ body: Int, wire: Int64) { estimate.withLock { $0.learn(body, wire: wire) } }

    func sendingTime(_ bytes: Int) -> Duration {
        let rates = ledgers.compactMap { $0.spent().budget.perSecond }
        guard let slowest = rates.min(), slowest > 0 else { return .zero }
        // The usable part of the rate, and packets' bytes.
        return .seconds(Double(RateGate.cost(bytes)) / (Double(slowest) * 0.8))
    }

    var isUnlimited: Bool { ledgers.isEmpty }
}

/// Numbers of reservations, never given twice within a process.
final class ReservationNumbers: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}

/// The strictest of several rates.
private struct LanePacer: BytePacing {
    let ledgers: [SharedLedger]
    let isAlert: Bool

    func take(_ wanted: Int) -> Int {
        // What one gives and a later one does not is lost to the rate, never too much.
        var given = wanted
        for ledger in ledgers where given > 0 { given = ledger.take(given, isAlert: isAlert) }
        return given
    }
}
