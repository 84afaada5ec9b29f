// SPDX-License-Identifier: Apache-2.0
//
// What was spent in the last 24 hours: 97 slots of a quarter of an hour, so that any 24 hours lie within the slots that
// are summed. A slot that is partly out counts whole.

struct SpendSlots: Sendable, Equatable {
    static let count = 97
    static let length: UInt64 = 900 * 1_000_000_000

    /// The number of a slot since time began, and what was spent in it.
    struct Slot: Sendable, Equatable {
        var number: UInt64 = 0
        var spend = Spend()
    }

    /// A slot's place is its number modulo `count`.
    private(set) var slots = [Slot](repeating: Slot(), count: count)
    /// Places changed since `takeChanges`.
    private var changed: Set<Int> = []

    static func number(at elapsed: UInt64) -> UInt64 { elapsed / length }

    /// What the slots say that are not out yet.
    func sum(at elapsed: UInt64) -> Spend {
        let newest = Self.number(at: elapsed)
        var sum = Spend()
        for slot in slots where slot.number + UInt64(Self.count) > newest { sum = sum + slot.spend }
        return sum
    }

    mutating func add(_ spend: Spend, at elapsed: UInt64) {
        let number = Self.number(at: elapsed)
        let place = Int(number % UInt64(Self.count))
        if slots[place].number != number { slots[place] = Slot(number: number) }
        slots[place].spend = slots[place].spend + spend
        changed.insert(place)
    }

    /// Puts back what was kept; a slot of another place counts for nothing.
    mutating func restore(_ slot: Slot, at place: Int) {
        guard slots.indices.contains(place), slot.number % UInt64(Self.count) == UInt64(place) else { return }
        slots[place] = slot
    }

    /// When enough of what is in the slots is out that `isEnough` holds; nil when never.
    ///
    /// - Parameters:
    ///   - elapsed: now.
    ///   - isEnough: whether what is left leaves room.
    /// - Returns: nanoseconds from now.
    func wait(from elapsed: UInt64, until isEnough: (Spend) -> Bool) -> UInt64? {
        var left = sum(at: elapsed)
        if isEnough(left) { return 0 }
        let newest = Self.number(at: elapsed)
        let counted = slots.filter { $0.number + UInt64(Self.count) > newest && $0.spend.total > 0 }
        for slot in counted.sorted(by: { $0.number < $1.number }) {
            left = Spend(alerts: left.alerts - slot.spend.alerts, others: left.others - slot.spend.others)
            guard isEnough(left) else { continue }
            let out = (slot.number + UInt64(Self.count)) * Self.length
            return out - min(out, elapsed)
        }
        return nil
    }

    /// The places that changed since the last call, with their slots.
    mutating func takeChanges() -> [(place: Int, slot: Slot)] {
        defer { changed.removeAll() }
        return changed.sorted().map { ($0, slots[$0]) }
    }
}
