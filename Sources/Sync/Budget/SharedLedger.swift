// SPDX-License-Identifier: Apache-2.0
//
// A ledger with its clock, its lock and its name in the state file. Destinations share those of links.

internal import Platform
internal import StateStore
internal import Synchronization

final class SharedLedger: Sendable {
    /// The state table, drawn in docs/formats/sync-spend.md.
    static let table = "sync_spend"

    let name: String
    private let clock: any EdgeClock
    private let boot: UInt64
    private let ledger: Mutex<ByteLedger>
    private let gate: Mutex<RateGate?>
    let hasRate: Bool

    /// Goes on from what was kept under the name.
    init(name: String, budget: ByteBudget, kept: [(key: String, value: [UInt8])], clock: any EdgeClock) {
        self.name = name
        self.clock = clock
        boot = clock.bootIdentifier()
        let now = ClockReading(clock, boot: boot)
        var slots: [(place: Int, bytes: [UInt8])] = []
        var head: [UInt8]?
        for (key, value) in kept {
            if key == name {
                head = value
            } else if key.hasPrefix("\(name)\n"), let place = Int(key.dropFirst(name.count + 1)) {
                slots.append((place, value))
            }
        }
        if let record = head.flatMap({ ByteLedgerRecord(head: $0, slots: slots) }) {
            ledger = Mutex(ByteLedger(budget, kept: record, now: now))
        } else {
            var fresh = ByteLedger(budget)
            fresh.advance(to: now)
            ledger = Mutex(fresh)
        }
        hasRate = budget.perSecond != nil
        gate = Mutex(
            budget.perSecond.map {
                RateGate(perSecond: $0, alertsShare: budget.alertsShare, now: now.monotonic)
            }
        )
    }

    private func withLedger<Result>(_ body: (inout sending ByteLedger) -> sending Result) -> sending Result {
        let now = ClockReading(clock, boot: boot)
        return ledger.withLock { ledger in
            ledger.advance(to: now)
            return body(&ledger)
        }
    }

    func reserve(_ number: UInt64, _ bytes: Int, isAlert: Bool) -> Bool {
        withLedger { $0.reserve(number, bytes, isAlert: isAlert) }
    }

    func settle(_ number: UInt64, wire: Int64) {
        withLedger { $0.settle(number, wire: wire) }
    }

    /// Counts what nobody set aside: webhooks, probes.
    func spend(_ bytes: Int64, isAlert: Bool) {
        withLedger { $0.spend(bytes, isAlert: isAlert) }
    }

    func wait(_ bytes: Int, isAlert: Bool) -> Duration {
        withLedger { $0.wait(bytes, isAlert: isAlert) }
    }

    /// The most that may be set aside at once, now and ever.
    func room(isAlert: Bool) -> (now: Int, ever: Int) {
        withLedger { ($0.room(isAlert: isAlert), $0.largest(isAlert: isAlert)) }
    }

    /// Limits and what was spent of them.
    func spent() -> (budget: ByteBudget, day: Spend, month: Spend) {
        withLedger { ($0.budget, $0.spent.day, $0.spent.month) }
    }

    /// Bytes of a body that may go now; all where there is no rate.
    func take(_ wanted: Int, isAlert: Bool) -> Int {
        guard hasRate else { return wanted }
        let now = clock.monotonicNanoseconds()
        return gate.withLock { $0?.take(wanted, isAlert: isAlert, now: now) ?? wanted }
    }

    /// Counts against the rate what nobody asked for: request headers, handshakes.
    func charge(_ bytes: Int, isAlert: Bool) {
        guard hasRate else { return }
        let now = clock.monotonicNanoseconds()
        gate.withLock { $0?.charge(bytes, isAlert: isAlert, now: now) }
    }

    /// The rows that changed since the last call.
    func changes() -> [StateChange] {
        let record = withLedger { $0.takeRecord() }
        return [StateChange(Self.table, name, record.head)]
            + record.slots.map {
                StateChange(Self.table, Self.key(name, $0.place), ByteLedgerRecord.bytes(of: $0.slot))
            }
    }

    private static func key(_ name: String, _ place: Int) -> String {
        "\(name)\n\(place < 10 ? "0" : "")\(place)"
    }
}

extension ClockReading {
    /// What a clock says now.
    init(_ clock: any EdgeClock, boot: UInt64) {
        self.init(
            boot: boot,
            monotonic: clock.monotonicNanoseconds(),
            wall: clock.wallMilliseconds(),
            isTrusted: clock.isSynchronized()
        )
    }
}
