// SPDX-License-Identifier: Apache-2.0
//
// The seam between delivery and the budget of bytes. Bytes are reserved before a request begins, in the same
// transaction that freezes its recipe, and settled with what the wire really carried.

internal import HTTPClient
internal import StateStore

/// Bytes set aside for one request.
struct Reservation: Sendable, Equatable {
    /// Which one.
    var number: UInt64 = 0
    /// What was set aside.
    var bytes: Int
    /// For which lane.
    var lane: Lane
}

/// The budgets one destination spends from.
protocol Ledgers: Sendable {
    /// Sets bytes aside; nil when the budget has no room for them now.
    func reserve(_ bytes: Int, _ lane: Lane) -> Reservation?
    /// How long to wait before asking for so many bytes again.
    func wait(_ bytes: Int, _ lane: Lane) -> Duration
    /// Settles a reservation with the bytes the wire carried; what is left goes back, what is over is a debt.
    func settle(_ reservation: Reservation, wire: Int64)
    /// What has to be kept of reservations and spending since the last call; written together with the recipe.
    func changes() -> [StateChange]
    /// What a body will cost on the wire with everything around it.
    func cost(of body: Int) -> Int
    /// What a body has cost.
    func learn(_ body: Int, wire: Int64)
    /// The most bytes that can ever be set aside at once; a larger request has to be divided.
    func largest(_ lane: Lane) -> Int
    /// What bodies go by; nil where nothing limits their rate.
    func pacer(_ lane: Lane) -> (any BytePacing)?
    /// How long so many bytes take at the rate.
    func sendingTime(_ bytes: Int) -> Duration
    /// Whether there is anything to keep to.
    var isUnlimited: Bool { get }
}

/// No budget: everything may be spent.
struct NoLedgers: Ledgers {
    func reserve(_ bytes: Int, _ lane: Lane) -> Reservation? { Reservation(bytes: bytes, lane: lane) }
    func wait(_ bytes: Int, _ lane: Lane) -> Duration { .zero }
    func settle(_ reservation: Reservation, wire: Int64) {}
    func changes() -> [StateChange] { [] }
    func cost(of body: Int) -> Int { body }
    func learn(_ body: Int, wire: Int64) {}
    func largest(_ lane: Lane) -> Int { .max }
    func pacer(_ lane: Lane) -> (any BytePacing)? { nil }
    func sendingTime(_ bytes: Int) -> Duration { .zero }
    var isUnlimited: Bool { true }
}
