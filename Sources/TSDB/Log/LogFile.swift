// SPDX-License-Identifier: Apache-2.0
//
// The log on disk: one file of page slots, written once at creation and overwritten in place ever after, because a
// growing file costs four times the flash (docs/formats/log.md). Any page may be in any slot; pages take slots round
// the file, and a slot that refuses a write is passed over.
//
// Invariant: a live page (from the tail on) has a slot of its own, or none when it was lost before the last start.

internal import Platform

/// The slots of the log and which pages they hold.
struct LogFile: Sendable {
    private static let noSlot = UInt32.max

    /// Nil when there was no room for a log: rows are in memory only.
    private let file: (any StorageFile)?
    let slotCount: Int
    private var busy: [Bool]
    /// Slots of the live pages, from `firstLive` on.
    private var live: ArraySlice<UInt32> = []
    private var firstLive: UInt64
    private var nextSlot = 0
    /// Counts writes; whatever is beyond `syncedGeneration` is in the page cache only.
    private(set) var generation: UInt64 = 0
    private var syncedGeneration: UInt64 = 0
    /// Pages completed since the last sync.
    private(set) var fullPages = 0
    private(set) var syncedAt: UInt64 = 0
    /// Bytes added to pages; what is written again with a growing page is not counted again.
    private(set) var bytesAdded = 0
    private var lastWritten: (sequence: UInt64, length: Int) = (0, 0)

    init(
        file: (any StorageFile)?,
        slotCount: Int,
        found: [LogScan.Page],
        nextSequence: UInt64,
        openedAt time: UInt64 = 0
    ) {
        syncedAt = time
        self.file = file
        self.slotCount = slotCount
        busy = [Bool](repeating: false, count: slotCount)
        firstLive = nextSequence
        guard let first = found.first else { return }
        firstLive = first.sequence
        for page in found {
            while firstLive + UInt64(live.count) < page.sequence { live.append(LogFile.noSlot) }
            live.append(UInt32(page.slot))
            busy[page.slot] = true
            nextSlot = (page.slot + 1) % slotCount
        }
        while firstLive + UInt64(live.count) < nextSequence { live.append(LogFile.noSlot) }
    }

    /// Fills a new part of a file with zeros.
    ///
    /// Written, not only allocated: the first write to an unwritten extent changes metadata, every later one none.
    static func fill(_ file: any StorageFile, from size: Int64, to wanted: Int64) throws(FileError) {
        let zeros = [UInt8](repeating: 0, count: 256 << 10)
        var offset = size / Int64(LogPage.size) * Int64(LogPage.size)
        // What a cut file has of its last page is read as long as it is there.
        if offset < size { offset += Int64(LogPage.size) }
        while offset < wanted {
            let count = min(Int64(zeros.count), wanted - offset)
            try file.write(Array(zeros.prefix(Int(count))), at: offset)
            offset += count
        }
        try file.syncData()
    }

    /// Which file this is; nil when there is none or the system does not say.
    var identity: FileIdentity? { try? file?.identity() }

    /// Bytes of the file.
    var byteCount: Int64 { file == nil ? 0 : Int64(slotCount) * Int64(LogPage.size) }
    var hasFile: Bool { file != nil }
    var needsSync: Bool { generation > syncedGeneration }

    /// Writes a page to its slot, or to the next free one when the slot refuses.
    mutating func write(_ page: PageImage) throws(FileError) {
        // What was sealed before it was written need not be written any more.
        guard let file, page.sequence >= firstLive else { return }
        while firstLive + UInt64(live.count) < page.sequence { live.append(LogFile.noSlot) }
        let known = page.sequence < firstLive + UInt64(live.count)
        let slot: Int
        if known {
            let place = live.startIndex + Int(page.sequence - firstLive)
            if live[place] == LogFile.noSlot { live[place] = UInt32(try takeSlot()) }
            slot = Int(live[place])
        } else {
            slot = try takeSlot()
            live.append(UInt32(slot))
        }
        do throws(FileError) {
            try file.write(page.bytes, at: Int64(slot) * Int64(LogPage.size))
        } catch let first {
            let other = try takeSlot()
            do throws(FileError) {
                try file.write(page.bytes, at: Int64(other) * Int64(LogPage.size))
            } catch {
                // Not the slot but the device; both stay in use as they were.
                busy[other] = false
                if !known {
                    busy[slot] = false
                    live.removeLast()
                }
                throw first
            }
            // The refused slot stays busy, so nothing is written there again before a restart.
            live[live.startIndex + Int(page.sequence - firstLive)] = UInt32(other)
        }
        generation += 1
        if page.isFull { fullPages += 1 }
        bytesAdded += page.bytes.count - (lastWritten.sequence == page.sequence ? lastWritten.length : 0)
        lastWritten = (page.sequence, page.bytes.count)
    }

    /// Gives the slots of pages before the tail back.
    mutating func release(before tail: UInt64) {
        while firstLive < tail, let slot = live.popFirst() {
            if slot != LogFile.noSlot { busy[Int(slot)] = false }
            firstLive += 1
        }
        if live.isEmpty { firstLive = max(firstLive, tail) }
        if live.startIndex > 4096 { live = ArraySlice(Array(live)) }
    }

    /// What to sync now: the file, and the generation to report back.
    mutating func beginSync(at time: UInt64) -> (file: any StorageFile, generation: UInt64)? {
        guard needsSync, let file else { return nil }
        // Of now, not of the end: what is written meanwhile waits for the next sync.
        syncedAt = time
        fullPages = 0
        return (file, generation)
    }

    mutating func endSync(_ generation: UInt64) {
        syncedGeneration = max(syncedGeneration, generation)
    }

    private mutating func takeSlot() throws(FileError) -> Int {
        for step in 0..<slotCount {
            let slot = (nextSlot + step) % slotCount
            guard !busy[slot] else { continue }
            busy[slot] = true
            nextSlot = (slot + 1) % slotCount
            return slot
        }
        throw FileError(operation: "append", path: "log", code: ErrorNumber.noSpace)
    }
}

// MARK: - Invariants

extension LogFile {
    /// What is wrong with the table of slots.
    func violations() -> [String] {
        var found: [String] = []
        var seen: Set<UInt32> = []
        for (place, slot) in live.enumerated() where slot != LogFile.noSlot {
            let sequence = firstLive + UInt64(place)
            if Int(slot) >= slotCount {
                found.append("log page \(sequence) is beyond the file")
                continue
            }
            if !seen.insert(slot).inserted { found.append("log page \(sequence) shares slot \(slot)") }
            if !busy[Int(slot)] { found.append("log page \(sequence) is in a free slot") }
        }
        if syncedGeneration > generation { found.append("the log is synced further than written") }
        return found
    }

    /// Whether a page has a place in the file.
    func hasSlot(_ sequence: UInt64) -> Bool {
        guard sequence >= firstLive, sequence < firstLive + UInt64(live.count) else { return false }
        return live[live.startIndex + Int(sequence - firstLive)] != LogFile.noSlot
    }
}
