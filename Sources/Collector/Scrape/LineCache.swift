// SPDX-License-Identifier: Apache-2.0
//
// From the text a target names a series with to the store's number for it. A target says the same lines in the same
// order scrape after scrape: the entry after the one just found is compared first, and only when it is another
// series is the text hashed.
//
//     texts     all texts, one after the other
//     entries   per text: where it is, its series, when it was seen and stored last
//     slots     open addressing with linear probing, index into `entries`; a power of two, at most 3/4 full
//
// Bound: texts not seen for `patience` scrapes are forgotten, and all unseen ones as soon as they outnumber the
// seen ones three to one, so that a target inventing names costs a few times its size and not its history.

internal import Glibc
internal import Samples

/// Series of one target by the text of their lines.
struct LineCache {
    struct Entry {
        /// The store's number; meaningless when `isDropped`.
        var id: SeriesID
        /// The series' own group, nil for the target's.
        var ownGroup: GroupID?
        /// Relabeling dropped the series.
        var isDropped: Bool
        /// Another text may mean the same series.
        var isShared: Bool
        /// Its newest sample in the store is a value that a stale marker must end.
        var isLive: Bool
        /// Whether the value stored last is to be ended by a stale marker at all.
        var isTracked: Bool
        var metricClass: MetricClass
        /// The scrape the text was in last.
        var seen: UInt64
        /// The scrape whose value was stored last.
        var stored: UInt64
        fileprivate var start: Int
        fileprivate var length: Int
    }

    /// Scrapes a text may be missing before it is forgotten.
    static let patience: UInt64 = 10

    var entries: [Entry] = []
    private var texts: [UInt8] = []
    private var slots: [Int32] = []
    private var expected = 0
    private static let free: Int32 = -1

    /// Expects the first line again.
    mutating func rewind() {
        expected = 0
    }

    /// The place of the text's entry, nil when it is new.
    mutating func find(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        if expected < entries.count, matches(expected, bytes, range) {
            expected += 1
            return expected - 1
        }
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

    /// Adds a text `find` did not find.
    ///
    /// - Returns: its place, valid until `settle`.
    mutating func insert(_ bytes: [UInt8], _ range: Range<Int>, _ entry: Entry) -> Int {
        if (entries.count + 1) * 4 > slots.count * 3 { rebuildSlots(capacity: max(64, slots.count * 2)) }
        var entry = entry
        entry.start = texts.count
        entry.length = range.count
        texts.append(contentsOf: bytes[range])
        entries.append(entry)
        occupy(entries.count - 1)
        return entries.count - 1
    }

    /// Notes after a scrape was stored what the store holds, and forgets what is gone.
    ///
    /// - Returns: what was forgotten, for the store to be told.
    mutating func settle(scrape: UInt64) -> [Entry] {
        var forgettable = 0
        var unseen = 0
        for place in entries.indices {
            entries[place].isLive = entries[place].isTracked && entries[place].stored == scrape
            let age = scrape &- entries[place].seen
            if age > 0 { unseen += 1 }
            if age > LineCache.patience { forgettable += 1 }
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
            let text = texts[entry.start..<(entry.start + entry.length)]
            entry.start = keptTexts.count
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
        var slot = hash(texts, entry.start..<(entry.start + entry.length)) & (slots.count - 1)
        while slots[slot] != LineCache.free { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(place)
    }

    private func matches(_ place: Int, _ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        let entry = entries[place]
        guard entry.length == range.count else { return false }
        return texts.withUnsafeBytes { texts in
            bytes.withUnsafeBytes { bytes in
                let mine = UnsafeRawBufferPointer(rebasing: texts[entry.start..<(entry.start + entry.length)])
                let theirs = UnsafeRawBufferPointer(rebasing: bytes[range])
                guard let mineStart = mine.baseAddress, let theirStart = theirs.baseAddress else {
                    return true
                }
                return memcmp(mineStart, theirStart, mine.count) == 0
            }
        }
    }

    /// SipHash with the process' secret: the text comes from whoever runs the target.
    private func hash(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return hasher.finalize()
    }
}

extension LineCache.Entry {
    /// An entry for `insert`, which knows where the text goes.
    init(
        id: SeriesID,
        ownGroup: GroupID? = nil,
        isDropped: Bool = false,
        metricClass: MetricClass = .standard,
        seen: UInt64
    ) {
        self.init(
            id: id,
            ownGroup: ownGroup,
            isDropped: isDropped,
            isShared: false,
            isLive: false,
            isTracked: true,
            metricClass: metricClass,
            seen: seen,
            stored: 0,
            start: 0,
            length: 0
        )
    }
}
