// SPDX-License-Identifier: Apache-2.0
//
// From the bytes a pushed series is named with to the store's numbers for it. Senders name the same series in the same
// order request after request: the entry that followed last time is compared first, and only when it is another series
// is the key hashed.
//
//     keys      all keys, one after the other
//     entries   per key: where it is, the series and its group, the entry that followed it last
//     slots     open addressing with linear probing, index into `entries`; a power of two, at most 3/4 full
//     stamps    per number of a series: the request it was in last, to notice one that is in a request twice, be it
//               under two keys; the store's numbers are dense
//
// Bounds: `entryLimit` keys and `byteLimit` bytes of keys. At a bound, keys not seen since the last sweep go, and all of
// them when that is not enough: a forgotten key costs one look-up in the store and no data. `sweep` forgets what nobody
// has pushed for two of its intervals.
//
// Each key has a use of its series and of the group in the store. What was forgotten is given back when no request is
// under way that may have found it before: `finish` says what that is.

internal import Glibc
internal import Samples

/// Series by the keys of pushed requests.
struct PushCache: Sendable {
    struct Entry: Sendable {
        let id: SeriesID
        let group: GroupID
        fileprivate let version: UInt8
        fileprivate var keyStart: UInt32
        fileprivate let keyLength: UInt32
        fileprivate var successor: Int32
        /// The request the key was in last.
        fileprivate(set) var seen: UInt64
        /// What the series' family was described with last.
        var description: UInt32
    }

    private(set) var entries: [Entry] = []
    private var keys: [UInt8] = []
    private var slots: [Int32] = []
    private var stamps: [UInt32] = []
    private var previous = PushCache.none
    private var sweptAt: UInt64 = 0
    /// The request being resolved.
    private(set) var request: UInt64 = 0
    /// Keys forgotten because of a bound.
    private(set) var evictions = 0
    /// Requests under way; as many as are decoded at once.
    private var underWay: Set<UInt64> = []
    /// What was forgotten and may still be in the hands of a request up to this one, in the order of requests.
    private var forgotten: [(request: UInt64, use: Use)] = []

    /// A series of the store with its group.
    struct Use: Sendable, Equatable {
        let id: SeriesID
        let group: GroupID
    }

    private let entryLimit: Int
    private let byteLimit: Int
    private static let none: Int32 = -1

    init(entryLimit: Int, byteLimit: Int) {
        self.entryLimit = max(1, min(entryLimit, Int(Int32.max) / 2))
        self.byteLimit = max(1, min(byteLimit, Int(Int32.max)))
    }

    var byteCount: Int { keys.count }

    /// Expects another request's first key; `finish` must follow with the number of the request.
    @discardableResult
    mutating func begin() -> UInt64 {
        request += 1
        previous = PushCache.none
        underWay.insert(request)
        return request
    }

    /// Ends a request; returns what can be given back to the store.
    mutating func finish(_ number: UInt64) -> [Use] {
        underWay.remove(number)
        return takeForgotten()
    }

    /// What was forgotten and no request can have in its hands.
    private mutating func takeForgotten() -> [Use] {
        guard !forgotten.isEmpty else { return [] }
        let oldest = underWay.min() ?? .max
        let count = forgotten.firstIndex { $0.request >= oldest } ?? forgotten.count
        defer { forgotten.removeFirst(count) }
        return forgotten.prefix(count).map { $0.use }
    }

    /// The place of a key's entry, nil when it is new; valid until the next `insert` or `sweep`.
    @inline(__always)
    mutating func find(_ key: Span<UInt8>, version: UInt8) -> Int? {
        if previous >= 0 {
            let expected = entries[Int(previous)].successor
            if expected >= 0, matches(Int(expected), key, version) {
                previous = expected
                return Int(expected)
            }
        }
        return findByHash(key, version)
    }

    private mutating func findByHash(_ key: Span<UInt8>, _ version: UInt8) -> Int? {
        guard !slots.isEmpty else { return nil }
        var slot = PushCache.hash(key) & (slots.count - 1)
        while slots[slot] != PushCache.none {
            let place = Int(slots[slot])
            if matches(place, key, version) {
                if previous >= 0 { entries[Int(previous)].successor = Int32(place) }
                previous = Int32(place)
                return place
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Notes that the series of an entry is in the request; false when it was already.
    @inline(__always)
    mutating func markSeen(_ place: Int) -> Bool {
        entries[place].seen = request
        let number = Int(entries[place].id.rawValue)
        if number >= stamps.count {
            stamps += repeatElement(0, count: number + 1 + stamps.count / 2 - stamps.count)
        }
        // Four thousand million requests later the same stamp can only cost a needless second look.
        let stamp = UInt32(truncatingIfNeeded: request)
        if stamps[number] == stamp { return false }
        stamps[number] = stamp
        return true
    }

    mutating func describe(_ place: Int, _ description: UInt32) {
        entries[place].description = description
    }

    /// Adds a key `find` did not find; false when it is there meanwhile.
    mutating func insert(
        _ key: Span<UInt8>,
        version: UInt8,
        _ id: SeriesID,
        _ group: GroupID,
        description: UInt32
    ) -> Bool {
        guard findByHash(key, version) == nil else { return false }
        if entries.count >= entryLimit || keys.count + key.count > byteLimit { makeRoom(for: key.count) }
        if (entries.count + 1) * 4 > slots.count * 3 { rebuildSlots(capacity: max(64, slots.count * 2)) }
        let place = Int32(entries.count)
        entries.append(
            Entry(
                id: id,
                group: group,
                version: version,
                keyStart: UInt32(keys.count),
                keyLength: UInt32(key.count),
                successor: PushCache.none,
                seen: request,
                description: description
            )
        )
        key.withUnsafeBufferPointer { keys.append(contentsOf: $0) }
        occupy(Int(place))
        if previous >= 0 { entries[Int(previous)].successor = place }
        previous = place
        return true
    }

    /// Forgets keys that no request has had since the sweep before the last; returns what can be given back to the store.
    mutating func sweep() -> [Use] {
        let oldest = sweptAt
        sweptAt = request
        if entries.contains(where: { $0.seen <= oldest }) { compact { $0.seen > oldest } }
        return takeForgotten()
    }

    private mutating func makeRoom(for length: Int) {
        let before = entries.count
        let oldest = sweptAt
        compact { $0.seen > oldest }
        if entries.count > entryLimit / 4 * 3 || keys.count + length > byteLimit / 4 * 3 {
            compact { _ in false }
        }
        sweptAt = request
        evictions += before - entries.count
    }

    private mutating func compact(keeping isKept: (Entry) -> Bool) {
        var keptKeys: [UInt8] = []
        var kept: [Entry] = []
        for var entry in entries {
            guard isKept(entry) else {
                forgotten.append((request, Use(id: entry.id, group: entry.group)))
                continue
            }
            let key = keys[Int(entry.keyStart)..<(Int(entry.keyStart) + Int(entry.keyLength))]
            entry.keyStart = UInt32(keptKeys.count)
            entry.successor = Int32(kept.count + 1)
            keptKeys += key
            kept.append(entry)
        }
        if !kept.isEmpty { kept[kept.count - 1].successor = PushCache.none }
        entries = kept
        keys = keptKeys
        previous = PushCache.none
        var capacity = 64
        while kept.count * 4 > capacity * 3 { capacity *= 2 }
        rebuildSlots(capacity: capacity)
    }

    private mutating func rebuildSlots(capacity: Int) {
        slots = [Int32](repeating: PushCache.none, count: capacity)
        for place in entries.indices { occupy(place) }
    }

    private mutating func occupy(_ place: Int) {
        let start = Int(entries[place].keyStart)
        let end = start + Int(entries[place].keyLength)
        let mask = slots.count - 1
        var slot = PushCache.hash(keys.span.extracting(start..<end)) & mask
        while slots[slot] != PushCache.none { slot = (slot + 1) & mask }
        slots[slot] = Int32(place)
    }

    @inline(__always)
    private func matches(_ place: Int, _ key: Span<UInt8>, _ version: UInt8) -> Bool {
        let (start, length) = (Int(entries[place].keyStart), Int(entries[place].keyLength))
        guard length == key.count, entries[place].version == version else { return false }
        return keys.withUnsafeBufferPointer { keys in
            key.withUnsafeBufferPointer { key in
                guard let mine = keys.baseAddress, let theirs = key.baseAddress else { return true }
                return memcmp(mine + start, theirs, length) == 0
            }
        }
    }

    /// SipHash with the process' secret: labels come from whoever may push.
    private static func hash(_ key: Span<UInt8>) -> Int {
        var hasher = Hasher()
        key.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
