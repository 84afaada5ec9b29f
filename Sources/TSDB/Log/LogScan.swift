// SPDX-License-Identifier: Apache-2.0
//
// The first pass of recovery: which slots hold pages. Nothing on disk says so but the pages themselves.

internal import Platform

/// The pages found in a log file.
struct LogScan: Sendable {
    /// A page and its place.
    struct Page: Sendable {
        var sequence: UInt64
        var slot: Int
        var isWhole: Bool
        /// The number of the first row that begins in it, as far as the header can be believed.
        var firstRow: UInt64
        /// Bytes used; of a damaged page those that verify.
        var length: Int
        /// Whether it begins with a plain record.
        var isPlain: Bool
    }

    /// Live pages, ascending, each sequence once.
    private(set) var pages: [Page] = []
    private(set) var slotCount = 0
    /// Slots that the file had when the newest page was written that says so; 0 when none does.
    private(set) var writtenSlots = 0
    /// The oldest page that was needed when the newest page was written.
    private(set) var tail: UInt64 = 1
    /// A key that a page asks for and that was not given.
    private(set) var foreign: [UInt8]?
    /// Whether a live page is not sealed.
    var hasPlain: Bool { pages.contains { $0.isPlain } }

    /// Slots with something that is no page.
    private(set) var garbage: [Int] = []
    /// Those that no write which was cut off leaves behind.
    private(set) var damaged = 0
    /// Slots that could not be read.
    private(set) var unreadable = 0
    /// The newest page that says how many slots there were.
    private var newestSaying: UInt64 = 0

    /// Bounds what a start remembers of a file full of something else.
    private static let garbageLimit = 256
    private static let unreadableLimit = 64
    private static let chunkBytes = 64 * LogPage.size

    /// Whether a file of this size was longer when its newest page was written.
    ///
    /// A log only grows in place; for a smaller one another file is begun.
    func isCut(to size: Int64) -> Bool {
        if size % Int64(LogPage.size) != 0 { return true }
        guard !pages.isEmpty else { return false }
        // Pages that do not say it are of a version that made none so small either.
        let least = writtenSlots > 0 ? writtenSlots : StoreOptions.smallestLogBytes / LogPage.size
        return size / Int64(LogPage.size) < Int64(least)
    }

    /// Looks at every slot.
    ///
    /// O(file size), in pieces of 256 KiB.
    static func scan(
        _ file: any StorageFile,
        _ encryption: StoreEncryption? = nil
    ) throws(FileError) -> LogScan {
        var sessions = LogSessions(encryption)
        var scan = LogScan()
        scan.slotCount = Int(clamping: try file.size() / Int64(LogPage.size))
        var all: [Page] = []
        var slot = 0
        while slot < scan.slotCount {
            let wanted = min(chunkBytes, (scan.slotCount - slot) * LogPage.size)
            let chunk = (try? file.read(at: Int64(slot) * Int64(LogPage.size), count: wanted)) ?? []
            for start in stride(from: 0, to: wanted, by: LogPage.size) {
                if start + LogPage.size <= chunk.count {
                    scan.note(Array(chunk[start..<(start + LogPage.size)]), slot, &sessions, &all)
                } else if let page = scan.page(slot, of: file) {
                    scan.note(page, slot, &sessions, &all)
                }
                slot += 1
            }
        }
        scan.keepLive(all)
        return scan
    }

    /// A slot alone, when it could not be read with those around it; one that cannot be read at all is as good as empty.
    private mutating func page(_ slot: Int, of file: any StorageFile) -> [UInt8]? {
        // A device that fails everywhere takes long for each.
        guard unreadable < LogScan.unreadableLimit else { return nil }
        let page = try? file.read(at: Int64(slot) * Int64(LogPage.size), count: LogPage.size)
        if page?.count == LogPage.size { return page }
        unreadable += 1
        return nil
    }

    private mutating func note(
        _ bytes: [UInt8],
        _ slot: Int,
        _ sessions: inout LogSessions,
        _ all: inout [Page]
    ) {
        guard let header = LogPage.header(bytes, &sessions) else {
            // Of a page that was cut off when it was new the first sector may be missing; half a header is none.
            if bytes.prefix(LogPage.sector).contains(where: { $0 != 0 }) { damaged += 1 }
            if garbage.count < LogScan.garbageLimit, bytes.contains(where: { $0 != 0 }) {
                garbage.append(slot)
            }
            return
        }
        let asked = LogPage.fingerprint(bytes, header)
        if let asked, asked != sessions.fingerprint { foreign = asked }
        var length = header.length
        if header.isWhole {
            tail = max(tail, header.tail)
            if header.slots > 0, header.sequence >= newestSaying {
                (newestSaying, writtenSlots) = (header.sequence, Int(header.slots))
            }
        } else {
            let fragments = LogPage.fragments(bytes, header, &sessions)
            if fragments.list.isEmpty {
                if !fragments.isForeign, LogPage.hasDamagedStart(bytes, header) { damaged += 1 }
                if garbage.count < LogScan.garbageLimit { garbage.append(slot) }
                return
            }
            length = fragments.unbrokenEnd
        }
        all.append(
            Page(
                sequence: header.sequence,
                slot: slot,
                isWhole: header.isWhole,
                firstRow: header.firstRow,
                length: length,
                isPlain: asked == nil
            )
        )
    }

    /// The sequence after the newest row whose record begins in a page that can be read.
    func endRow(of file: any StorageFile, _ encryption: StoreEncryption?) -> UInt64 {
        var sessions = LogSessions(encryption)
        // A record of columns may fill the newest pages.
        for page in pages.reversed() {
            guard let bytes = try? file.read(at: Int64(page.slot) * Int64(LogPage.size), count: LogPage.size),
                let header = LogPage.header(bytes, &sessions), header.sequence == page.sequence,
                header.isWhole
            else { continue }
            let rows = LogPage.fragments(bytes, header, &sessions).list
                .count { $0.part.beginsRecord && LogRecord.isRow($0.payload.first) }
            return header.firstRow + UInt64(rows)
        }
        return 0
    }

    private mutating func keepLive(_ all: [Page]) {
        // After a refused write a sequence may be in two slots; the later image has more, even when it is torn. What
        // lies behind a hole does not count: the other slot may have what was synced.
        let sorted = all.sorted {
            ($0.sequence, $0.length, $0.isWhole ? 1 : 0) < ($1.sequence, $1.length, $1.isWhole ? 1 : 0)
        }
        // More pages than slots, and what may wait in memory besides, is no log of ours.
        let span = UInt64(slotCount + 4 * LogBuffer.pendingLimit)
        if let newest = sorted.last?.sequence, newest > span { tail = max(tail, newest - span) }
        for page in sorted where page.sequence >= tail {
            if pages.last?.sequence == page.sequence { pages.removeLast() }
            pages.append(page)
        }
    }
}
