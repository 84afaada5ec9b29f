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
    }

    /// Live pages, ascending, each sequence once.
    private(set) var pages: [Page] = []
    private(set) var slotCount = 0
    /// The oldest page that was needed when the newest page was written.
    private(set) var tail: UInt64 = 1

    private static let chunkBytes = 64 * LogPage.size

    /// Looks at every slot.
    ///
    /// O(file size), in pieces of 256 KiB.
    static func scan(_ file: any StorageFile) throws(FileError) -> LogScan {
        var scan = LogScan()
        scan.slotCount = Int(clamping: try file.size() / Int64(LogPage.size))
        var all: [Page] = []
        var slot = 0
        while slot < scan.slotCount {
            let wanted = min(chunkBytes, (scan.slotCount - slot) * LogPage.size)
            // A slot that cannot be read is as good as an empty one; the page is counted as missing.
            let chunk = (try? file.read(at: Int64(slot) * Int64(LogPage.size), count: wanted)) ?? []
            for start in stride(from: 0, to: wanted, by: LogPage.size) {
                if start + LogPage.size <= chunk.count {
                    scan.note(Array(chunk[start..<(start + LogPage.size)]), slot, &all)
                }
                slot += 1
            }
        }
        scan.keepLive(all)
        return scan
    }

    private mutating func note(_ bytes: [UInt8], _ slot: Int, _ all: inout [Page]) {
        guard let header = LogPage.header(bytes) else { return }
        var length = header.length
        if header.isWhole {
            tail = max(tail, header.tail)
        } else {
            let fragments = LogPage.fragments(bytes, header)
            if fragments.list.isEmpty { return }
            length = fragments.end
        }
        all.append(
            Page(
                sequence: header.sequence,
                slot: slot,
                isWhole: header.isWhole,
                firstRow: header.firstRow,
                length: length
            )
        )
    }

    private mutating func keepLive(_ all: [Page]) {
        // After a refused write a sequence may be in two slots; the later image has more, even when it is torn.
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
