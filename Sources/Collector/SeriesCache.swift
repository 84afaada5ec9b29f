// SPDX-License-Identifier: Apache-2.0
//
// From the bytes that name a series at its source to the store's number for it: one hash and one comparison,
// no allocation on a hit. Also remembers in which pass a series was seen last, so that a series that went
// missing is ended by a stale marker.
//
//     keys      all keys, one after the other
//     entries   per series: where its key is, its SeriesID, the pass it was seen in, whether the store holds it live
//     slots     open addressing with linear probing, index into `entries`; a power of two, at most 3/4 full
//
// Invariant: every entry is in exactly one slot. Ended series are forgotten by `compact`, so that a source that
// invents new label values all the time costs no more than its live series and as many dead ones.

internal import Samples

/// Series of one source by key.
struct SeriesCache {
    struct Entry {
        let id: SeriesID
        fileprivate let keyStart: Int
        fileprivate let keyLength: Int
        /// The pass the series was seen in last.
        var seen: UInt64
        /// Whether its newest sample in the store is a value and not a stale marker.
        var isLive: Bool
    }

    private(set) var entries: [Entry] = []
    private var keys: [UInt8] = []
    private var slots: [Int32] = []
    private static let free: Int32 = -1

    /// The place of the series with this key, nil when it is new.
    func find(_ key: [UInt8]) -> Int? {
        guard !slots.isEmpty else { return nil }
        var slot = hash(key[...]) & (slots.count - 1)
        while slots[slot] != SeriesCache.free {
            let place = Int(slots[slot])
            if matches(entries[place], key) { return place }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a series whose key `find` did not find.
    ///
    /// - Returns: its place in `entries`, valid until `compact`.
    mutating func insert(_ key: [UInt8], _ id: SeriesID, seen: UInt64) -> Int {
        if (entries.count + 1) * 4 > slots.count * 3 { rebuildSlots(capacity: max(64, slots.count * 2)) }
        let place = entries.count
        entries.append(
            Entry(id: id, keyStart: keys.count, keyLength: key.count, seen: seen, isLive: false)
        )
        keys.append(contentsOf: key)
        occupy(place)
        return place
    }

    /// Marks a series as seen; false when it had been seen in this pass already.
    mutating func markSeen(_ place: Int, pass: UInt64) -> Bool {
        if entries[place].seen == pass { return false }
        entries[place].seen = pass
        return true
    }

    /// Notes what the store holds after a pass was stored: seen series are live, all others ended.
    ///
    /// - Returns: the numbers of series that are forgotten, for the store to be told.
    mutating func settle(pass: UInt64) -> [SeriesID] {
        var ended = 0
        for place in entries.indices {
            entries[place].isLive = entries[place].seen == pass
            if !entries[place].isLive { ended += 1 }
        }
        return ended > 64 && ended > entries.count / 2 ? compact() : []
    }

    /// Whether some series already has this number; O(series).
    func holds(_ id: SeriesID) -> Bool {
        entries.contains { $0.id == id }
    }

    private mutating func compact() -> [SeriesID] {
        var keptKeys: [UInt8] = []
        var kept: [Entry] = []
        let gone = entries.compactMap { $0.isLive ? nil : $0.id }
        for entry in entries where entry.isLive {
            kept.append(
                Entry(
                    id: entry.id,
                    keyStart: keptKeys.count,
                    keyLength: entry.keyLength,
                    seen: entry.seen,
                    isLive: true
                )
            )
            keptKeys += keys[entry.keyStart..<(entry.keyStart + entry.keyLength)]
        }
        entries = kept
        keys = keptKeys
        var capacity = 64
        while kept.count * 4 > capacity * 3 { capacity *= 2 }
        rebuildSlots(capacity: capacity)
        return gone
    }

    private mutating func rebuildSlots(capacity: Int) {
        slots = [Int32](repeating: SeriesCache.free, count: capacity)
        for place in entries.indices { occupy(place) }
    }

    private mutating func occupy(_ place: Int) {
        let entry = entries[place]
        var slot = hash(keys[entry.keyStart..<(entry.keyStart + entry.keyLength)]) & (slots.count - 1)
        while slots[slot] != SeriesCache.free { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(place)
    }

    private func matches(_ entry: Entry, _ key: [UInt8]) -> Bool {
        entry.keyLength == key.count
            && keys[entry.keyStart..<(entry.keyStart + entry.keyLength)].elementsEqual(key)
    }

    /// SipHash with the process' secret: label values may come from whoever names a mount point.
    private func hash(_ key: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        key.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
