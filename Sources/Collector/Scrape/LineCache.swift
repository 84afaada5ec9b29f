// SPDX-License-Identifier: Apache-2.0
//
// From the bytes a target names a series with to the store's number for it. A target says the same series in the same
// order scrape after scrape: the entry after the one just found is compared first, and only when it is another
// series are the bytes hashed.
//
//     texts     all keys, one after the other
//     entries   per key: where it is, its series, when it was seen and stored last; 28 bytes
//     slots     open addressing with linear probing, index into `entries`; a power of two, at most 3/4 full
//
// Bound: keys not seen for `patience` scrapes are forgotten, and all unseen ones as soon as they outnumber the
// seen ones three to one, so that a target inventing names costs a few times its size and not its history.

internal import Glibc
internal import Samples

/// Series of one target by the bytes that name them.
struct LineCache {
    /// What is known of a series.
    struct Flags: OptionSet {
        let rawValue: UInt8

        /// Relabeling dropped it.
        static let dropped = Flags(rawValue: 1)
        /// Another key may mean the same series.
        static let shared = Flags(rawValue: 2)
        /// Its newest sample in the store is a value that a stale marker must end.
        static let live = Flags(rawValue: 4)
        /// The value stored last is not to be ended by a stale marker.
        static let untracked = Flags(rawValue: 8)
        /// Its values are native histograms.
        static let histogram = Flags(rawValue: 16)
    }

    struct Entry {
        /// The store's number; meaningless when dropped.
        var id: SeriesID
        private var group: UInt32
        var flags: Flags
        var metricClass: MetricClass
        /// The scrape the key was in last.
        var seen: UInt32
        /// The scrape whose value was stored last.
        var stored: UInt32 = 0
        fileprivate var start: UInt32 = 0
        fileprivate var length: UInt32 = 0

        private static let none = UInt32.max

        /// An entry for `insert`, which knows where the key goes.
        init(
            id: SeriesID,
            ownGroup: GroupID? = nil,
            flags: Flags = [],
            metricClass: MetricClass = .standard,
            seen: UInt32
        ) {
            self.id = id
            group = ownGroup?.rawValue ?? Entry.none
            self.flags = flags
            self.metricClass = metricClass
            self.seen = seen
        }

        /// The series' own group, nil for the target's.
        var ownGroup: GroupID? { group == Entry.none ? nil : GroupID(rawValue: group) }
        var isDropped: Bool { flags.contains(.dropped) }
        var isLive: Bool { flags.contains(.live) }
    }

    /// Scrapes a key may be missing before it is forgotten.
    static let patience: UInt32 = 10
    /// Bytes of keys; what is beyond is not remembered, and a place in them fits 32 bits.
    private static let textLimit = 1 << 30

    private(set) var entries: [Entry] = []
    private var texts: [UInt8] = []
    private var slots: [Int32] = []
    private var expected = 0
    private static let free: Int32 = -1

    /// Expects the first series again.
    mutating func rewind() {
        expected = 0
    }

    /// Changes an entry in its place.
    @inline(__always)
    mutating func update<Result>(_ place: Int, _ body: (inout Entry) -> Result) -> Result {
        body(&entries[place])
    }

    /// The place of the key's entry, nil when it is new.
    @inline(__always)
    mutating func find(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        if expected < entries.count, matches(expected, bytes, range) {
            expected += 1
            return expected - 1
        }
        return search(bytes, range)
    }

    private mutating func search(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        guard !slots.isEmpty else { return nil }
        var slot = hash(bytes, range) & (slots.count - 1)
        while slots[slot] != LineCache.free {
            let place = Int(slots[slot])
            if matches(place, bytes, range) {
                expected = place + 1
                return place
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Adds a key `find` did not find.
    ///
    /// - Returns: its place, valid until `settle`; nil when there is no room.
    mutating func insert(_ bytes: [UInt8], _ range: Range<Int>, _ entry: Entry) -> Int? {
        guard range.count <= LineCache.textLimit - texts.count, entries.count < Int(Int32.max) else {
            return nil
        }
        if (entries.count + 1) * 4 > slots.count * 3 { rebuildSlots(capacity: max(64, slots.count * 2)) }
        var entry = entry
        entry.start = UInt32(texts.count)
        entry.length = UInt32(range.count)
        texts.append(contentsOf: bytes[range])
        entries.append(entry)
        occupy(entries.count - 1)
        return entries.count - 1
    }

    /// Notes after a scrape was stored what the store holds, and forgets what is gone.
    ///
    /// - Returns: what was forgotten, for the store to be told.
    mutating func settle(scrape: UInt32) -> [Entry] {
        var forgettable = 0
        var unseen = 0
        for place in entries.indices {
            update(place) { entry in
                if entry.stored == scrape, !entry.flags.contains(.untracked) {
                    entry.flags.insert(.live)
                } else {
                    entry.flags.remove(.live)
                }
                let age = scrape &- entry.seen
                if age > 0 { unseen += 1 }
                if age > LineCache.patience { forgettable += 1 }
            }
        }
        if unseen > 1024, unseen > 3 * (entries.count - unseen) {
            return compact { $0.seen == scrape }
        } else if forgettable > 64, forgettable > entries.count / 4 {
            return compact { scrape &- $0.seen <= LineCache.patience }
        }
        return []
    }

    private mutating func compact(keeping isKept: (Entry) -> Bool) -> [Entry] {
        var keptTexts: [UInt8] = []
        var kept: [Entry] = []
        let gone = entries.filter { !isKept($0) }
        for var entry in entries where isKept(entry) {
            let text = texts[Int(entry.start)..<Int(entry.start + entry.length)]
            entry.start = UInt32(keptTexts.count)
            keptTexts += text
            kept.append(entry)
        }
        entries = kept
        texts = keptTexts
        var capacity = 64
        while kept.count * 4 > capacity * 3 { capacity *= 2 }
        rebuildSlots(capacity: capacity)
        expected = 0
        return gone
    }

    private mutating func rebuildSlots(capacity: Int) {
        slots = [Int32](repeating: LineCache.free, count: capacity)
        for place in entries.indices { occupy(place) }
    }

    private mutating func occupy(_ place: Int) {
        let entry = entries[place]
        var slot = hash(texts, Int(entry.start)..<Int(entry.start + entry.length)) & (slots.count - 1)
        while slots[slot] != LineCache.free { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(place)
    }

    @inline(__always)
    private func matches(_ place: Int, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        let (start, length) = (Int(entries[place].start), Int(entries[place].length))
        guard length == range.count else { return false }
        return texts.withUnsafeBytes { texts in
            bytes.withUnsafeBytes { bytes in
                let mine = UnsafeRawBufferPointer(rebasing: texts[start..<(start + length)])
                let theirs = UnsafeRawBufferPointer(rebasing: bytes[range])
                guard let mineStart = mine.baseAddress, let theirStart = theirs.baseAddress else {
                    return true
                }
                return memcmp(mineStart, theirStart, length) == 0
            }
        }
    }

    /// SipHash with the process' secret: the bytes come from whoever runs the target.
    private func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return hasher.finalize()
    }
}
