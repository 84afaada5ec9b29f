// SPDX-License-Identifier: Apache-2.0
//
// Messages waiting for one webhook, in order, in the state store: they survive a restart and a night without uplink.
// Only keys are held in memory. A key is `<webhook>/<number, 16 hex digits>-<identity>`; the number keeps the order.
//
// Invariant: `keys` are the stored entries in ascending order, no two with the same identity.

internal import Samples
internal import StateStore

/// A durable queue of frozen bodies.
struct Outbox: Sendable {
    /// Messages kept per webhook; the oldest are dropped beyond, since the newest tell the present state.
    static let limit = 1000
    static let table = "alert_outbox"

    private let prefix: String
    private let keeper: StateKeeper
    private var keys: [String] = []
    private var nextNumber: UInt64 = 0

    /// Finds what earlier runs left.
    init(webhook: String, keeper: StateKeeper) async {
        prefix = FNV1a.hex(FNV1a.hash(webhook)) + "/"
        self.keeper = keeper
        let prefix = prefix
        let found =
            await keeper.attempt("reading the notification outbox") { state in
                try state.all(Outbox.table).map(\.key).filter { $0.hasPrefix(prefix) }
            } ?? []
        keys = found.sorted()
        if let last = keys.last, let number = Self.number(of: last) { nextNumber = number &+ 1 }
    }

    var count: Int { keys.count }

    /// Appends a body durably; a waiting message with the same identity makes way.
    ///
    /// - Returns: how many messages were dropped at the bound.
    mutating func append(_ body: [UInt8], identity: String) async -> Int {
        if let same = keys.firstIndex(where: { $0.hasSuffix("-" + identity) }) { await remove(at: same) }
        let key = prefix + FNV1a.hex(nextNumber) + "-" + identity
        nextNumber &+= 1
        let stored: Bool? = await keeper.attempt("writing the notification outbox") { state in
            try state.put(Outbox.table, key, body)
            return true
        }
        guard stored == true else { return 1 }
        keys.append(key)
        var dropped = 0
        while keys.count > Self.limit {
            await remove(at: 0)
            dropped += 1
        }
        return dropped
    }

    /// The oldest message; entries that cannot be read are skipped.
    mutating func first() async -> (key: String, body: [UInt8])? {
        while let key = keys.first {
            let body = await keeper.attempt("reading the notification outbox") { state in
                try state.get(Outbox.table, key)
            }
            if let found = body ?? nil { return (key, found) }
            keys.removeFirst()
        }
        return nil
    }

    /// Removes a message that was delivered or given up.
    mutating func remove(_ key: String) async {
        guard let place = keys.firstIndex(of: key) else { return }
        await remove(at: place)
    }

    private mutating func remove(at place: Int) async {
        let key = keys.remove(at: place)
        _ = await keeper.attempt("writing the notification outbox") { try $0.remove(Outbox.table, key) }
    }

    private static func number(of key: String) -> UInt64? {
        let digits = key.drop { $0 != "/" }.dropFirst().prefix { $0 != "-" }
        return UInt64(digits, radix: 16)
    }
}
