// SPDX-License-Identifier: Apache-2.0
//
// The log's end in memory: records are cut into fragments and packed into page images; whoever appended then hands
// the finished and the current image to the file. Images wait here while the file cannot be written, up to a bound.

/// A page ready to be written.
struct PageImage: Sendable {
    let sequence: UInt64
    /// Header and what is used of the page.
    let bytes: [UInt8]
    /// Whether nothing more will be added to the page.
    let isFull: Bool
}

/// Packs records into pages.
///
/// With a session no copy of a buffer may be appended to besides the buffer: both would seal under the same nonces.
struct LogBuffer: Sendable {
    /// Pages that may wait for a file that cannot be written: 1 MiB.
    ///
    /// Beyond, appends are refused.
    static let pendingLimit = 256

    /// The page that records go to now.
    private(set) var sequence: UInt64
    /// The oldest page still needed; written into page headers, so that recovery forgets what is older.
    var tail: UInt64 {
        // What was sealed before it could be written need not be written.
        didSet { full.removeAll { $0.sequence < tail } }
    }
    /// Pages the file has place for.
    var capacity: Int
    /// The commit sequence of the next row record.
    private(set) var nextRow: UInt64
    private var image: [UInt8] = []
    /// What pages are sealed with; nil writes them plain.
    private let session: LogSession?
    /// Bytes of a page without records.
    private let emptyBytes: Int
    private var firstRow: UInt64
    private var seed: UInt32
    private var isDirty = false
    private var full: [PageImage] = []
    /// Now and then a page and the first row in it, ascending.
    private var marks: [Mark]

    /// A page and its first row.
    private struct Mark {
        var page: UInt64
        var row: UInt64
    }

    /// Pages from one mark to the next, and how many are kept: enough for the largest log, some KiB.
    private static let markInterval: UInt64 = 64
    private static let markLimit = 512

    init(sequence: UInt64, nextRow: UInt64, capacity: Int, session: LogSession? = nil) {
        self.session = session
        emptyBytes =
            LogPage.headerSize
            + (session == nil ? 0 : LogPage.fragmentHeaderSize + LogSession.descriptionBytes)
        self.capacity = capacity
        self.sequence = sequence
        self.nextRow = nextRow
        tail = sequence
        firstRow = nextRow
        marks = [Mark(page: sequence, row: nextRow)]
        seed = LogPage.seed(sequence)
        image.reserveCapacity(LogPage.size)
        beginImage()
    }

    /// Pages from the tail to the current one.
    var livePages: Int { Int(sequence - tail) + 1 }
    /// Three quarters full: windows with the oldest pages must go.
    var isCrowded: Bool { livePages > capacity - capacity / 4 }
    /// So full that whoever appends must make room.
    var isNearlyFull: Bool { livePages > capacity - capacity / 8 }
    /// Without room for another page.
    var isFull: Bool { livePages >= capacity }
    /// Full pages not yet handed to the file, or given back by it.
    var pendingPages: Int { full.count }

    /// Writing has failed for so long that rows should rather go to segments than wait for the log.
    var isStuck: Bool { full.count > LogBuffer.pendingLimit / 2 }

    /// Adds a record.
    mutating func append(_ record: [UInt8], isRow: Bool) {
        var rest = record[...]
        var isFirst = true
        let overhead = LogPage.fragmentHeaderSize + (session == nil ? 0 : SealingKey.tagBytes)
        repeat {
            if image.count + overhead >= LogPage.size { finishPage() }
            let space = LogPage.size - image.count - overhead
            let piece = rest.prefix(space)
            rest = rest.dropFirst(space)
            let part: LogPage.Part =
                rest.isEmpty ? (isFirst ? .whole : .last) : (isFirst ? .first : .middle)
            LogPage.append(part, piece, sequence: sequence, seed: seed, session: session, to: &image)
            isDirty = true
            if isFirst, isRow { nextRow += 1 }
            isFirst = false
        } while !rest.isEmpty
    }

    /// Skips sequence numbers, so that rows lost in a power cut never share one with rows of now.
    mutating func skipRows(to row: UInt64) {
        finishPage()
        nextRow = row
        firstRow = row
    }

    /// Ends the current page, so that nothing more is added to a page in a doubtful state.
    mutating func finishPage() {
        if image.count > emptyBytes {
            finishImage()
            full.append(PageImage(sequence: sequence, bytes: image, isFull: true))
            sequence += 1
            seed = LogPage.seed(sequence)
        }
        beginImage()
        firstRow = nextRow
        mark()
        isDirty = false
    }

    private mutating func finishImage() {
        LogPage.finish(
            &image,
            sequence: sequence,
            tail: tail,
            firstRow: firstRow,
            slots: UInt32(exactly: capacity) ?? 0,
            session: session
        )
    }

    private mutating func beginImage() {
        image.removeAll(keepingCapacity: true)
        image.append(contentsOf: repeatElement(0, count: LogPage.headerSize))
        guard let session else { return }
        LogPage.append(
            .session,
            session.description[...],
            sequence: sequence,
            seed: seed,
            to: &image
        )
    }

    /// A row that no page from `page` on begins before; 0 where that is not known.
    func rowBound(ofPage page: UInt64) -> UInt64 {
        marks.last { $0.page <= page }?.row ?? 0
    }

    private mutating func mark() {
        guard sequence % LogBuffer.markInterval == 0, marks.last?.page != sequence else { return }
        marks.append(Mark(page: sequence, row: nextRow))
        if marks.count > LogBuffer.markLimit { marks.removeFirst() }
    }

    /// Takes everything the file does not have yet.
    mutating func takePending() -> [PageImage] {
        var pages = full
        full.removeAll()
        if isDirty {
            finishImage()
            pages.append(PageImage(sequence: sequence, bytes: image, isFull: false))
            isDirty = false
        }
        return pages
    }

    /// Takes back what could not be written.
    mutating func putBack(_ pages: ArraySlice<PageImage>) {
        // The current page is still here in full; its image is made anew.
        full.insert(contentsOf: pages.filter { $0.isFull }, at: 0)
        if pages.contains(where: { !$0.isFull && $0.sequence == sequence }) { isDirty = true }
    }
}
