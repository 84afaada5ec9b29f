// SPDX-License-Identifier: Apache-2.0

/// How many bytes of the wire may be spent; nil is no limit.
struct ByteBudget: Sendable, Equatable {
    /// In any second.
    var perSecond: Int?
    /// In any 24 hours.
    var perDay: Int?
    /// In a billing month.
    var perMonth: Int?
    /// The day of the month on which a billing month starts, at 00:00 UTC; 1 to 28.
    var monthStarts = 1
    /// The part only alerts may spend, in hundredths.
    var alertsShare = 10

    /// Whether nothing is limited.
    var isUnlimited: Bool { perSecond == nil && perDay == nil && perMonth == nil }

    /// What may be planned of a limit.
    ///
    /// Three hundredths, at least 64 KiB but never more than a quarter, are kept back: the kernel sends again what got
    /// lost, and how much is known only afterwards.
    static func usable(_ limit: Int) -> Int64 {
        let limit = Int64(max(0, limit))
        return limit - min(limit / 4, max(limit / 100 * 3, 64 << 10))
    }

    /// What lanes other than alerts may plan of that.
    func usableByOthers(_ limit: Int) -> Int64 {
        Self.usable(limit) / 100 * Int64(100 - max(0, min(100, alertsShare)))
    }
}

/// Bytes spent, by who spent them.
struct Spend: Sendable, Equatable {
    var alerts: Int64 = 0
    var others: Int64 = 0

    /// No amount is larger, so that sums cannot overflow.
    static let ceiling: Int64 = 1 << 50

    init(alerts: Int64 = 0, others: Int64 = 0) {
        self.alerts = min(Self.ceiling, max(0, alerts))
        self.others = min(Self.ceiling, max(0, others))
    }

    init(_ bytes: Int64, isAlert: Bool) {
        self = isAlert ? Spend(alerts: bytes) : Spend(others: bytes)
    }

    var total: Int64 { alerts + others }

    static func + (left: Spend, right: Spend) -> Spend {
        Spend(alerts: left.alerts + right.alerts, others: left.others + right.others)
    }
}
