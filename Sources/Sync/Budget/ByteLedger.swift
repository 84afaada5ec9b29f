// SPDX-License-Identifier: Apache-2.0
//
// One budget of bytes, as a machine without clocks and files. Bytes are set aside before a request begins, and what the
// wire really carried takes their place when it is over:
//
//     reserve ─▶ open, counts in every check ─▶ settle ─▶ spent, in the slot of the moment
//
// Invariant: what is spent plus what is open never exceeds a limit less what is kept back, so no 24 hours and no billing
// month does, as long as a request costs no more than was set aside plus that. After a kill what was open counts as
// spent. Alerts have a share that others cannot touch, so within it they wait for nobody.

struct ByteLedger: Sendable {
    /// Requests under way at once; more than any destination has.
    static let openLimit = 64
    /// The longest wait given out: the clock, the budget or the spending may be another by then.
    static let longestWait = Duration.seconds(3600)

    struct Open: Sendable, Equatable {
        var bytes: Int64
        var isAlert: Bool
    }

    let budget: ByteBudget
    private(set) var time = CertainTime()
    private(set) var day = SpendSlots()
    /// The billing month that holds; nil before the first reading.
    private(set) var month: Int64?
    private(set) var monthSpend = Spend()
    private(set) var open: [UInt64: Open] = [:]
    /// What of it was spent under a date that nothing vouched for.
    private var doubtful = Spend()
    private var isTrusted = false

    init(_ budget: ByteBudget) {
        self.budget = budget
    }

    /// Goes on from what was kept; what was open then counts as spent now.
    init(_ budget: ByteBudget, kept: ByteLedgerRecord, now: ClockReading) {
        self.budget = budget
        time = kept.time
        month = kept.month
        monthSpend = kept.monthSpend
        for (place, slot) in kept.slots { day.restore(slot, at: place) }
        doubtful = kept.doubtful
        advance(to: now)
        if kept.open.total > 0 { book(kept.open) }
    }

    // MARK: - Events

    /// Takes the time; every other event is at the time taken last.
    mutating func advance(to now: ClockReading) {
        let isPutRight = time.advance(to: now)
        let new = BillingMonth.number(of: time.date, starts: budget.monthStarts)
        // A date put right into a new month takes along what may have been spent in that month already; one put right
        // into an earlier month takes all.
        if let month, new > month {
            monthSpend = isPutRight ? doubtful : Spend()
            doubtful = monthSpend
        }
        month = new
        if now.isTrusted { doubtful = Spend() }
        isTrusted = now.isTrusted
    }

    /// Sets bytes aside; false when there is no room for them now.
    mutating func reserve(_ number: UInt64, _ bytes: Int, isAlert: Bool) -> Bool {
        guard open.count < Self.openLimit, open[number] == nil, bytes >= 0, bytes <= room(isAlert: isAlert)
        else {
            return false
        }
        open[number] = Open(bytes: Int64(bytes), isAlert: isAlert)
        return true
    }

    /// What the request has really cost.
    mutating func settle(_ number: UInt64, wire: Int64) {
        guard let reserved = open.removeValue(forKey: number) else { return }
        book(Spend(wire, isAlert: reserved.isAlert))
    }

    /// What was spent without being set aside before: webhooks of alerts, probes.
    mutating func spend(_ bytes: Int64, isAlert: Bool) {
        book(Spend(bytes, isAlert: isAlert))
    }

    private mutating func book(_ spend: Spend) {
        guard spend.total > 0 else { return }
        day.add(spend, at: time.elapsed)
        monthSpend = monthSpend + spend
        if !isTrusted { doubtful = doubtful + spend }
    }

    // MARK: - Questions

    /// What is set aside.
    var openSpend: Spend {
        open.values.reduce(Spend()) { $0 + Spend($1.bytes, isAlert: $1.isAlert) }
    }

    /// What was spent in the last 24 hours and in this month, what is open included.
    var spent: (day: Spend, month: Spend) {
        (day.sum(at: time.elapsed) + openSpend, monthSpend + openSpend)
    }

    /// The most bytes that can be set aside now.
    func room(isAlert: Bool) -> Int {
        let spent = spent
        var room = Int64(1) << 40
        for (limit, spend) in [(budget.perDay, spent.day), (budget.perMonth, spent.month)] {
            guard let limit else { continue }
            room = min(room, left(of: limit, after: spend, isAlert: isAlert))
        }
        return Int(max(0, room))
    }

    /// The most bytes that can ever be set aside at once; a larger batch would wait for ever.
    func largest(isAlert: Bool) -> Int {
        var largest = Int64(1) << 40
        for limit in [budget.perDay, budget.perMonth] {
            guard let limit else { continue }
            largest = min(largest, left(of: limit, after: Spend(), isAlert: isAlert))
        }
        return Int(max(0, largest))
    }

    private func left(of limit: Int, after spend: Spend, isAlert: Bool) -> Int64 {
        let all = ByteBudget.usable(limit) - spend.total
        return isAlert ? all : min(all, budget.usableByOthers(limit) - spend.others)
    }

    /// How long until so many bytes may fit; zero when they do.
    func wait(_ bytes: Int, isAlert: Bool) -> Duration {
        var wait = Duration.zero
        if let limit = budget.perDay {
            let open = openSpend
            let nanoseconds = day.wait(from: time.elapsed) {
                left(of: limit, after: $0 + open, isAlert: isAlert) >= Int64(bytes)
            }
            wait = max(wait, nanoseconds.map { .nanoseconds(Int64(clamping: $0)) } ?? Self.longestWait)
        }
        if let limit = budget.perMonth, let month,
            left(of: limit, after: spent.month, isAlert: isAlert) < Int64(bytes)
        {
            let next = BillingMonth.start(of: month + 1, starts: budget.monthStarts)
            wait = max(wait, .milliseconds(max(1000, next - min(next, time.date))))
        }
        return min(wait, Self.longestWait)
    }

    /// What has to be kept since the last call.
    mutating func takeRecord() -> ByteLedgerRecord {
        ByteLedgerRecord(
            time: time,
            month: month,
            monthSpend: monthSpend,
            doubtful: doubtful,
            open: openSpend,
            slots: day.takeChanges()
        )
    }
}
