// SPDX-License-Identifier: Apache-2.0
//
// Bytes per second, held in every window of a second and not on average: what is given now and in the 20 slots of 50 ms
// before this one stays within the limit. Any second lies within 21 slots, so no second has more.
//
// What is given is the body's; packets' own bytes are counted with it. A tenth of the limit is kept back for what the
// kernel sends again.

struct RateGate: Sendable {
    /// 50 ms.
    static let slot: UInt64 = 50_000_000
    private static let count = 21
    /// Body bytes in a full packet on an ordinary link.
    static let packet = 1400
    /// What a packet of the body costs besides: its own headers (52 bytes of IP and TCP with timestamps) and, on the way
    /// back, an acknowledgement for every other one.
    static let overhead = 78

    /// What may go in a second, packets' bytes included.
    let usable: Int
    /// The same for others than alerts.
    let usableByOthers: Int
    private var numbers = [UInt64](repeating: 0, count: count)
    private var spent = [Spend](repeating: Spend(), count: count)

    /// Starts full: what went in the second before is not known.
    init(perSecond: Int, alertsShare: Int = 10, now: UInt64) {
        usable = max(1, perSecond / 10 * 9)
        usableByOthers = max(1, usable / 100 * (100 - max(0, min(100, alertsShare))))
        let number = now / Self.slot
        numbers[Int(number % UInt64(Self.count))] = number
        spent[Int(number % UInt64(Self.count))] = Spend(others: Int64(usable))
    }

    /// Takes what may go now.
    ///
    /// - Parameters:
    ///   - wanted: bytes of a body.
    ///   - isAlert: whether they are of the alerts lane.
    ///   - now: monotonic nanoseconds.
    /// - Returns: how many may go; 0 to ask again. Rather a full packet later than a small one now.
    mutating func take(_ wanted: Int, isAlert: Bool, now: UInt64) -> Int {
        let room = room(isAlert: isAlert, now: now)
        let least = min(wanted, min(Self.packet, max(1, (isAlert ? usable : usableByOthers) / 2)))
        // The largest body whose packets fit.
        let packets = room / (Self.packet + Self.overhead)
        let rest = room - packets * (Self.packet + Self.overhead)
        var given = packets * Self.packet + max(0, rest - Self.overhead)
        given = min(given, wanted)
        guard given >= least, given > 0 else { return 0 }
        add(Spend(Int64(Self.cost(given)), isAlert: isAlert), now: now)
        return given
    }

    /// Counts what went without being asked for: request headers, handshakes.
    mutating func charge(_ bytes: Int, isAlert: Bool, now: UInt64) {
        add(Spend(Int64(max(0, bytes)), isAlert: isAlert), now: now)
    }

    /// What a body costs with its packets.
    static func cost(_ body: Int) -> Int {
        body + (body + packet - 1) / packet * overhead
    }

    private func room(isAlert: Bool, now: UInt64) -> Int {
        let newest = now / Self.slot
        var sum = Spend()
        for place in numbers.indices where numbers[place] + UInt64(Self.count) > newest {
            sum = sum + spent[place]
        }
        let all = Int64(usable) - sum.total
        return Int(max(0, isAlert ? all : min(all, Int64(usableByOthers) - sum.others)))
    }

    private mutating func add(_ spend: Spend, now: UInt64) {
        let number = now / Self.slot
        let place = Int(number % UInt64(Self.count))
        if numbers[place] != number {
            numbers[place] = number
            spent[place] = Spend()
        }
        spent[place] = spent[place] + spend
    }
}
