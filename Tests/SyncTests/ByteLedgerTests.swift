// SPDX-License-Identifier: Apache-2.0
//
// The budget of bytes in simulated days: bursts, requests that cost more than their body, kills at any step, restarts of
// the machine and clocks that leap. The judge knows when each byte really went and adds up every window.

import Platform
import StateStore
import Testing

@testable import Sync

/// A generator whose seed repeats a world (SplitMix64).
private struct Dice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

struct ByteLedgerTests {
    private static let second: UInt64 = 1_000_000_000
    /// 2026-06-15 12:00 UTC.
    private static let noon: Int64 = 1_781_524_800_000

    private func reading(_ seconds: UInt64, boot: UInt64 = 1, wall: Int64? = nil) -> ClockReading {
        ClockReading(
            boot: boot,
            monotonic: seconds * Self.second,
            wall: wall ?? Self.noon + Int64(seconds) * 1000,
            isTrusted: false
        )
    }

    @Test func whatIsUsableOfALimit() {
        #expect(ByteBudget.usable(0) == 0)
        #expect(ByteBudget.usable(1000) == 750)
        #expect(ByteBudget.usable(1_000_000) == 1_000_000 - 65_536)
        #expect(ByteBudget.usable(100_000_000) == 97_000_000)
        #expect(ByteBudget(perDay: 100_000_000).usableByOthers(100_000_000) == 87_300_000)
    }

    @Test func alertsHaveAShareOfTheirOwn() {
        var ledger = ByteLedger(ByteBudget(perDay: 100_000_000))
        ledger.advance(to: reading(0))
        let isReserved1 = ledger.reserve(1, 87_300_000, isAlert: false)
        #expect(isReserved1)
        let isReserved2 = ledger.reserve(2, 1, isAlert: false)
        #expect(!isReserved2)
        let isReserved3 = ledger.reserve(3, 9_700_000, isAlert: true)
        #expect(isReserved3)
        let isReserved4 = ledger.reserve(4, 1, isAlert: true)
        #expect(!isReserved4)
        // What was not used comes back, what went over is taken from what is kept back.
        ledger.settle(1, wire: 50_000_000)
        #expect(ledger.room(isAlert: false) == 37_300_000)
        ledger.settle(3, wire: 9_800_000)
        #expect(ledger.room(isAlert: true) == 97_000_000 - 59_800_000)
        #expect(ledger.spent.day == Spend(alerts: 9_800_000, others: 50_000_000))
    }

    @Test func aDayIsOutAfterItsQuarterHour() {
        var ledger = ByteLedger(ByteBudget(perDay: 100_000_000))
        ledger.advance(to: reading(0))
        ledger.advance(to: reading(100))
        let isReserved5 = ledger.reserve(1, 80_000_000, isAlert: false)
        #expect(isReserved5)
        ledger.settle(1, wire: 80_000_000)
        // The slot from 0 s to 900 s counts until 24 hours after its end.
        #expect(ledger.wait(10_000_000, isAlert: false) == .seconds(3600))
        ledger.advance(to: reading(86_400 + 899))
        #expect(ledger.wait(10_000_000, isAlert: false) == .seconds(1))
        let isReserved6 = ledger.reserve(2, 10_000_000, isAlert: false)
        #expect(!isReserved6)
        ledger.advance(to: reading(86_400 + 900))
        #expect(ledger.wait(10_000_000, isAlert: false) == .zero)
        let isReserved7 = ledger.reserve(2, 10_000_000, isAlert: false)
        #expect(isReserved7)
    }

    @Test func billingMonths() {
        // 2024-02-29, 2026-01-01, 1969-12-31 23:59:59.999 and around the day a month starts.
        #expect(BillingMonth.number(of: 1_709_164_800_000, starts: 1) == 2024 * 12 + 1)
        #expect(BillingMonth.number(of: 1_767_225_600_000, starts: 1) == 2026 * 12)
        #expect(BillingMonth.number(of: 1_767_225_599_999, starts: 1) == 2025 * 12 + 11)
        #expect(BillingMonth.number(of: -1, starts: 1) == 1969 * 12 + 11)
        #expect(BillingMonth.number(of: Self.noon, starts: 15) == 2026 * 12 + 5)
        #expect(BillingMonth.number(of: Self.noon, starts: 16) == 2026 * 12 + 4)
        #expect(BillingMonth.start(of: 2026 * 12 + 5, starts: 15) == Self.noon - 43_200_000)
        #expect(BillingMonth.start(of: 2026 * 12, starts: 1) == 1_767_225_600_000)
        for number in stride(from: Int64(-100), to: 30_000, by: 7) {
            let start = BillingMonth.start(of: number, starts: 28)
            #expect(BillingMonth.number(of: start, starts: 28) == number)
            #expect(BillingMonth.number(of: start - 1, starts: 28) == number - 1)
        }
    }

    @Test func aMonthIsNewOnlyWhenItsTimeHasPassed() {
        var ledger = ByteLedger(ByteBudget(perMonth: 100_000_000))
        ledger.advance(to: reading(0))
        ledger.spend(80_000_000, isAlert: false)
        // The clock leaps into July and back: nothing is forgotten.
        ledger.advance(to: reading(1, wall: Self.noon + 20 * 86_400_000))
        #expect(ledger.spent.month.total == 80_000_000)
        ledger.advance(to: reading(2))
        #expect(ledger.spent.month.total == 80_000_000)
        #expect(ledger.wait(10_000_000, isAlert: false) == .seconds(3600))
        // July, in its time.
        ledger.advance(to: reading(20 * 86_400))
        #expect(ledger.spent.month.total == 0)
    }

    @Test func timeThatHasCertainlyPassed() {
        var time = CertainTime()
        func advance(_ seconds: UInt64, boot: UInt64 = 1, wall: Int64, trusted: Bool = false) -> Bool {
            var reading = reading(seconds, boot: boot, wall: Self.noon + wall * 1000)
            reading.isTrusted = trusted
            return time.advance(to: reading)
        }
        var isPutRight = advance(100, wall: 0)
        #expect(time.date == Self.noon)
        // The wall clock leaps, the date goes on.
        isPutRight = advance(160, wall: -900_000) || isPutRight
        #expect(time.elapsed == 60 * Self.second && time.date == Self.noon + 60_000)
        // A restart: only the wall clock is left, and one that went back counts nothing.
        isPutRight = advance(3, boot: 2, wall: 0) || isPutRight
        #expect(time.elapsed == 60 * Self.second)
        isPutRight = advance(1, boot: 3, wall: 150) || isPutRight
        #expect(time.elapsed == 150 * Self.second && time.date == Self.noon + 150_000)
        #expect(!isPutRight)
        // A date put right is no time that passed.
        isPutRight = advance(2, boot: 3, wall: 86_400, trusted: true)
        #expect(isPutRight)
        #expect(time.elapsed == 151 * Self.second && time.date == Self.noon + 86_400_000)
    }

    /// What is spent before the date is known may be of the month that it turns out to be.
    @Test func aDatePutRightForgetsOnlyWhatWasBefore() {
        var ledger = ByteLedger(ByteBudget(perMonth: 100_000_000))
        var now = reading(0)
        now.isTrusted = true
        ledger.advance(to: now)
        ledger.spend(50_000_000, isAlert: false)
        // Off for a month; the machine's clock stood still.
        ledger.advance(to: reading(1, boot: 2, wall: Self.noon))
        ledger.spend(2_000_000, isAlert: false)
        #expect(ledger.spent.month.total == 52_000_000)
        now = reading(60, boot: 2, wall: Self.noon + 30 * 86_400_000)
        now.isTrusted = true
        ledger.advance(to: now)
        #expect(ledger.spent.month.total == 2_000_000)
        #expect(ledger.spent.day.total == 52_000_000)
    }

    @Test func aRecordComesBack() throws {
        var ledger = ByteLedger(ByteBudget(perDay: 100_000_000, perMonth: 1_000_000_000))
        ledger.advance(to: reading(5_000))
        ledger.spend(1_000, isAlert: true)
        let isReserved8 = ledger.reserve(1, 2_000, isAlert: false)
        #expect(isReserved8)
        let record = ledger.takeRecord()
        #expect(record.slots.count == 1)
        let rows = record.slots.map { (place: $0.place, bytes: ByteLedgerRecord.bytes(of: $0.slot)) }
        let back = try #require(ByteLedgerRecord(head: record.head, slots: rows))
        var again = ByteLedger(ledger.budget, kept: back, now: reading(5_001))
        #expect(again.spent.day == Spend(alerts: 1_000, others: 2_000))
        #expect(again.spent.month == Spend(alerts: 1_000, others: 2_000))
        #expect(again.open.isEmpty)
        let changed = again.takeRecord().slots
        #expect(changed.count == 1)
        // A flipped bit anywhere is no record.
        for place in record.head.indices {
            var damaged = record.head
            damaged[place] ^= 0x10
            #expect(ByteLedgerRecord(head: damaged, slots: []) == nil)
        }
        var row = rows[0].bytes
        row[9] ^= 1
        #expect(
            try #require(ByteLedgerRecord(head: record.head, slots: [(rows[0].place, row)])).slots.isEmpty
        )
    }

    /// A destination's own budget and its link's, kept in the state file and found again.
    @Test func allBudgetsOrNone() throws {
        let clock = ManualClock(wallMilliseconds: Self.noon)
        let state = try StateStore(path: ":memory:")
        let numbers = ReservationNumbers()
        func open() throws -> (own: DestinationLedgers, other: DestinationLedgers, link: SharedLedger) {
            let kept = try state.all(SharedLedger.table)
            func ledger(_ name: String, _ day: Int) -> SharedLedger {
                SharedLedger(name: name, budget: ByteBudget(perDay: day), kept: kept, clock: clock)
            }
            let link = ledger("link/cellular", 150_000_000)
            return (
                DestinationLedgers([ledger("destination/a", 100_000_000), link], numbers: numbers),
                DestinationLedgers([ledger("destination/b", 100_000_000), link], numbers: numbers), link
            )
        }
        let first = try open()
        let reserved = try #require(first.own.reserve(80_000_000, .fresh))
        #expect(first.other.reserve(80_000_000, .fresh) == nil)
        // The refused one took nothing of its own either: this fits exactly.
        #expect(first.link.room(isAlert: false).now == 130_950_000 - 80_000_000)
        let second = try #require(first.other.reserve(50_950_000, .fresh))
        #expect(first.other.reserve(1, .fresh) == nil)
        #expect(first.other.reserve(1, .alerts) != nil)
        #expect(first.own.largest(.fresh) == 87_300_000)
        first.own.settle(reserved, wire: 10_000_000)
        try state.apply(first.own.changes() + first.other.changes(), isDurable: true)
        // A kill: what was settled is known, what was set aside counts.
        let again = try open()
        #expect(again.link.spent().day == Spend(alerts: 1, others: 60_950_000))
        again.own.settle(second, wire: 5)
        #expect(again.link.spent().day == Spend(alerts: 1, others: 60_950_000))
    }

    @Test func everySecondHolds() {
        for seed in UInt64(1)...200 {
            var dice = Dice(state: seed)
            let limit = Int.random(in: 2_000...200_000, using: &dice)
            var now = UInt64.random(in: 0...(100 * Self.second), using: &dice)
            var gate = RateGate(perSecond: limit, now: now)
            var went: [(at: UInt64, bytes: Int)] = []
            var others: [(at: UInt64, bytes: Int)] = []
            for _ in 0..<2_000 {
                now += UInt64.random(
                    in: 0...(Bool.random(using: &dice) ? 20_000_000 : 200_000_000),
                    using: &dice
                )
                let wanted = Int.random(in: 1...(1 << Int.random(in: 4...17, using: &dice)), using: &dice)
                let isAlert = Int.random(in: 0..<5, using: &dice) == 0
                let given = gate.take(wanted, isAlert: isAlert, now: now)
                #expect(given >= 0 && given <= wanted)
                guard given > 0 else { continue }
                went.append((now, RateGate.cost(given)))
                if !isAlert { others.append((now, RateGate.cost(given))) }
            }
            #expect(Self.worst(went, within: Self.second) <= Int64(limit / 10 * 9), "seed \(seed)")
            #expect(Self.worst(others, within: Self.second) <= Int64(gate.usableByOthers), "seed \(seed)")
        }
    }

    /// Nobody waits for long, and most of the rate can be used.
    @Test func aRateIsUsed() {
        var gate = RateGate(perSecond: 16_000, now: 0)
        var given = 0
        for step in UInt64(20)..<220 { given += gate.take(65_536, isAlert: true, now: step * RateGate.slot) }
        // Ten seconds of 14 400 with packets' bytes.
        #expect(given > 125_000 && given <= 144_000)
    }

    /// The most that went in any window.
    private static func worst(_ events: [(at: UInt64, bytes: Int)], within window: UInt64) -> Int64 {
        var worst: Int64 = 0
        var sum: Int64 = 0
        var first = 0
        for event in events {
            sum += Int64(event.bytes)
            while events[first].at + window <= event.at {
                sum -= Int64(events[first].bytes)
                first += 1
            }
            worst = max(worst, sum)
        }
        return worst
    }

    @Test func everyDayAndMonthHolds() {
        for seed in UInt64(1)...200 {
            var world = World(seed: seed)
            world.run()
            #expect(world.day <= Int64(world.budget.perDay ?? .max), "seed \(seed): \(world.day)")
            #expect(world.worstMonth <= Int64(world.budget.perMonth ?? .max), "seed \(seed)")
            #expect(world.alertsThatWaited == 0, "seed \(seed)")
            #expect(world.sent > 100, "seed \(seed): hardly anything was sent")
        }
    }

    /// A device, its ledger and what is really true.
    private struct World {
        let seed: UInt64
        let budget: ByteBudget
        private var dice: Dice
        /// True seconds since the world began.
        private var now: UInt64 = 0
        private var boot: UInt64 = 1
        private var booted: UInt64 = 0
        /// What the wall clock is off by, in milliseconds.
        private var drift: Int64 = 0
        private var ledger: ByteLedger
        private var head: [UInt8] = []
        private var rows: [Int: [UInt8]] = [:]
        private var under: [(number: UInt64, bytes: Int, isAlert: Bool)] = []
        private var number: UInt64 = 0
        private var went: [(at: UInt64, bytes: Int)] = []
        private(set) var alertsThatWaited = 0
        private(set) var sent = 0

        init(seed: UInt64) {
            self.seed = seed
            dice = Dice(state: seed &* 0x1234_5677)
            let day = Int.random(in: 2_000_000...50_000_000, using: &dice)
            budget = ByteBudget(
                perDay: day,
                perMonth: Bool.random(using: &dice)
                    ? Int.random(in: (day * 2)...(day * 20), using: &dice) : nil,
                monthStarts: Int.random(in: 1...28, using: &dice)
            )
            ledger = ByteLedger(budget)
            ledger.advance(to: reading)
            keep()
        }

        private var trueWall: Int64 { ByteLedgerTests.noon + Int64(now) * 1000 }

        private var reading: ClockReading {
            ClockReading(
                boot: boot,
                monotonic: (now - booted) * ByteLedgerTests.second,
                wall: trueWall + drift,
                isTrusted: false
            )
        }

        private mutating func keep() {
            let record = ledger.takeRecord()
            head = record.head
            for (place, slot) in record.slots { rows[place] = ByteLedgerRecord.bytes(of: slot) }
        }

        private mutating func restart() {
            under.removeAll()
            let slots = rows.map { (place: $0.key, bytes: $0.value) }
            guard let kept = ByteLedgerRecord(head: head, slots: slots) else {
                Issue.record("the record is damaged")
                return
            }
            ledger = ByteLedger(budget, kept: kept, now: reading)
        }

        mutating func run() {
            // Every tenth world lives long enough for its months.
            let end: UInt64 = (seed % 10 == 0 ? 40 : 4) * 86_400
            while now < end {
                now += UInt64.random(
                    in: 1...(Int.random(in: 0..<8, using: &dice) == 0 ? 20_000 : 300),
                    using: &dice
                )
                ledger.advance(to: reading)
                switch Int.random(in: 0..<100, using: &dice) {
                case 0:
                    // A kill: what was under way has cost something nobody counted, less than was set aside.
                    for request in under { spend(Int.random(in: 0...request.bytes, using: &dice)) }
                    restart()
                case 1:
                    // The machine restarts, off for a while; without a battery its clock stood still.
                    for request in under { spend(Int.random(in: 0...request.bytes, using: &dice)) }
                    let off = UInt64.random(in: 1...90_000, using: &dice)
                    now += off
                    if Bool.random(using: &dice) { drift -= Int64(off) * 1000 }
                    boot += 1
                    booted = now
                    restart()
                    drift = 0
                    ledger.advance(to: reading)
                case 2:
                    // The clock is wrong for a while, by up to two months.
                    drift = Int64.random(in: -5_000_000_000...5_000_000_000, using: &dice)
                    ledger.advance(to: reading)
                    for _ in 0..<Int.random(in: 1...20, using: &dice) { burst() }
                    if Bool.random(using: &dice) { restart() }
                    drift = 0
                    ledger.advance(to: reading)
                case 3...40: burst()
                default: send(isAlert: Bool.random(using: &dice), Int.random(in: 200...20_000, using: &dice))
                }
            }
        }

        private mutating func burst() {
            for _ in 0..<Int.random(in: 1...40, using: &dice) {
                send(isAlert: false, Int.random(in: 1_000...400_000, using: &dice))
            }
        }

        private mutating func send(isAlert: Bool, _ bytes: Int) {
            if under.count > 3 { finish() }
            number += 1
            guard ledger.reserve(number, bytes, isAlert: isAlert) else {
                let share = ByteBudget.usable(budget.perDay ?? 0) - budget.usableByOthers(budget.perDay ?? 0)
                let spent = ledger.spent.day.alerts
                // Within their share alerts wait for nobody's spending but their own, where the day is what limits.
                if isAlert, budget.perMonth == nil, spent + Int64(bytes) <= share - 200_000 {
                    alertsThatWaited += 1
                }
                return
            }
            sent += 1
            under.append((number, bytes, isAlert))
            keep()
            if Bool.random(using: &dice) { finish() }
        }

        /// The oldest request ends: what it cost is up to twice its body, but it is ended at what was set aside and a bit.
        private mutating func finish() {
            guard !under.isEmpty else { return }
            let request = under.removeFirst()
            let body = request.bytes / 2
            let cost = min(request.bytes + 4_096, body * Int.random(in: 50...230, using: &dice) / 100)
            spend(cost)
            ledger.settle(request.number, wire: Int64(cost))
        }

        private mutating func spend(_ bytes: Int) {
            went.append((now, bytes))
        }

        var day: Int64 { ByteLedgerTests.worst(went, within: 86_400) }

        var worstMonth: Int64 {
            var months: [Int64: Int64] = [:]
            for event in went {
                let wall = ByteLedgerTests.noon + Int64(event.at) * 1000
                months[BillingMonth.number(of: wall, starts: budget.monthStarts), default: 0] += Int64(
                    event.bytes
                )
            }
            return months.values.max() ?? 0
        }
    }
}
