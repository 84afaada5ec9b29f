// SPDX-License-Identifier: Apache-2.0
//
// The second pass of recovery: pages in order, fragments to records, records into the head. Damage costs the records
// it hit and the rows that build on them, up to their window's next key row; it never ends the replay.

internal import Bytes
internal import Platform
internal import Samples

/// Puts the rows of a log back into memory.
struct LogReplay {
    /// Where a window's rows go and whether they can be decoded now.
    private struct Stream {
        var lane: Int
        var needsKey: Bool
        /// Its segment was given up.
        var isGone = false
    }

    private(set) var report = RecoveryReport()
    private(set) var exemplars: ExemplarRing
    /// The sequence after the newest row.
    private(set) var nextRow: UInt64 = 0
    /// The sequence after the newest row of which a record was seen; nil before the first page.
    private var seenRow: UInt64?
    private var streams: [Stream] = []
    /// Places in `streams` by the window's number.
    private var places: [UInt64: Int] = [:]
    private let sealed: Set<UInt64>
    private let sealedEnds: [UInt64]
    private var sessions: LogSessions
    private var record: [UInt8] = []
    private var recordPage: UInt64 = 0
    private var recordRow: UInt64 = 0
    private var isInRecord = false
    /// A page was damaged or missing, and nothing yet says that it was merely the torn end of an earlier process.
    private var doubtfulPages = 0
    /// The page before was read to its end, so the rows of the next one are numbered on from it.
    private var isChained = false
    /// Something was damaged or missing.
    private var isBroken = false
    /// The end of the page before is missing, or whole pages.
    private var isAfterLoss = false
    /// The end of a row's record is.
    private var isRowCut = false

    /// Rows of the windows in `sealed` are in segments already, which end before the rows `sealedEnds`, ascending.
    init(
        sealed: Set<UInt64>,
        sealedEnds: [UInt64],
        exemplars limit: Int,
        encryption: StoreEncryption? = nil
    ) {
        self.sealed = sealed
        self.sealedEnds = sealedEnds
        exemplars = ExemplarRing(limit: limit)
        sessions = LogSessions(encryption)
    }

    /// Reads all pages into the head.
    mutating func run(
        _ scan: LogScan,
        _ file: any StorageFile,
        into head: inout Head,
        index: inout SeriesIndex
    ) {
        var previous: UInt64?
        var isComplete = true
        let bounds = LogReplay.rowBounds(scan.pages)
        for (place, page) in scan.pages.enumerated() {
            let offset = Int64(page.slot) * Int64(LogPage.size)
            guard let bytes = try? file.read(at: offset, count: LogPage.size),
                let header = LogPage.header(bytes, &sessions), header.sequence == page.sequence
            else { continue }
            if previous != page.sequence - 1 { breakChain(previous.map { page.sequence - $0 - 1 } ?? 0) }
            previous = page.sequence
            let fragments = LogPage.fragments(bytes, header, &sessions)
            // Only the last page of a process ends before it is full. Elsewhere a power cut kept an earlier image of
            // the page and lost its end; nothing that was synced, but what follows builds on it.
            if !isComplete, !fragments.beginWithGap { distrust() }
            isComplete = fragments.fillPage
            read(fragments, header, below: bounds[place], into: &head, index: &index)
            let isWhole = header.isWhole && !fragments.isForeign
            isChained = isWhole || fragments.fillPage
            guard !isWhole else { continue }
            // A cut takes the end of a page; whatever verifies behind it was there before the damage.
            let isDamage = !fragments.holes.isEmpty || (fragments.endWithClosed && !fragments.isForeign)
            if isDamage { report.damagedPages += 1 }
            breakChain(isDamage ? 0 : 1, isComplete: fragments.fillPage)
        }
        // What is damaged at the very end is the torn tail, not a loss of anything acknowledged.
        finish(&head)
    }

    /// For each page where the rows of the next whole one begin.
    private static func rowBounds(_ pages: [LogScan.Page]) -> [UInt64] {
        var bounds = [UInt64](repeating: Numbering.limit, count: pages.count)
        var next = Numbering.limit
        for place in pages.indices.reversed() {
            bounds[place] = next
            if pages[place].isWhole { next = pages[place].firstRow }
        }
        return bounds
    }

    private mutating func breakChain(_ pages: UInt64, isComplete: Bool = false) {
        if !isComplete {
            isAfterLoss = true
            if isInRecord, LogRecord.isRow(record.first) { isRowCut = true }
            isInRecord = false
            isChained = false
        }
        guard pages > 0 else { return }
        doubtfulPages += Int(clamping: pages)
        if !isComplete { distrust() }
    }

    /// Something is missing here: what builds on it waits for its next key row.
    private mutating func distrust() {
        isInRecord = false
        isChained = false
        isBroken = true
        for place in streams.indices { streams[place].needsKey = true }
    }

    /// Counts rows whose records are missing.
    private mutating func lose(_ rows: UInt64) {
        let total = UInt64(report.skippedRows) + min(rows, Numbering.limit)
        report.skippedRows = Int(min(total, Numbering.limit))
    }

    /// Counts what is missing before a page: as many rows as its number is ahead.
    ///
    /// What a process found torn is no loss.
    private mutating func countLoss(before fragments: LogPage.Fragments, _ header: LogPage.Header) {
        defer { (isAfterLoss, isRowCut) = (false, false) }
        guard isAfterLoss, seenRow != nil, !fragments.beginWithGap else { return }
        if isRowCut { lose(1) }
        if header.isWhole, header.firstRow > nextRow { lose(header.firstRow - nextRow) }
    }

    /// Where the rows of a page begin; in a damaged header the number need not be right.
    private func firstRow(_ header: LogPage.Header, _ first: UInt8?, below bound: UInt64) -> UInt64 {
        if header.isWhole { return header.firstRow }
        if isChained, first != LogRecord.Kind.gap.rawValue { return nextRow }
        return header.firstRow >= nextRow && header.firstRow <= bound ? header.firstRow : nextRow
    }

    /// The number of the first row that begins from a fragment on, when those of the page end before `bound`.
    private static func rows(
        in fragments: LogPage.Fragments,
        from place: Int,
        before bound: UInt64
    ) -> UInt64 {
        let rows = fragments.list[place...]
            .count { $0.part.beginsRecord && LogRecord.isRow($0.payload.first) }
        return bound - min(bound, UInt64(rows))
    }

    private mutating func read(
        _ fragments: LogPage.Fragments,
        _ header: LogPage.Header,
        below bound: UInt64,
        into head: inout Head,
        index: inout SeriesIndex
    ) {
        let first = fragments.list.first { $0.part.beginsRecord }
        countLoss(before: fragments, header)
        var row = firstRow(header, first?.payload.first, below: bound)
        nextRow = max(nextRow, row)
        var holes = fragments.holes[...]
        var unnumbered: UInt64?
        for (place, fragment) in fragments.list.enumerated() {
            while let hole = holes.first, hole.place <= place {
                holes.removeFirst()
                if isInRecord, LogRecord.isRow(record.first) { lose(1) }
                distrust()
                let latest = LogReplay.rows(in: fragments, from: place, before: bound)
                let next = min(row + UInt64(hole.rows), max(row, latest))
                // Where nothing behind confirms the numbers they may be of a torn end, or of no row at all; rows whose
                // number is not known are left out.
                if next < latest {
                    if !hole.isExact { unnumbered = unnumbered ?? row }
                    head.addGap(row..<next)
                }
                lose(next - row)
                row = next
            }
            if fragment.part.beginsRecord {
                let isRow = LogRecord.isRow(fragment.payload.first)
                settleDoubt(beginsWith: fragment.payload.first)
                record.removeAll(keepingCapacity: true)
                recordPage = header.sequence
                recordRow = row
                isInRecord = true
                if isRow {
                    row += 1
                    if unnumbered != nil {
                        isInRecord = false
                        report.skippedRows += 1
                    }
                }
            }
            guard isInRecord else { continue }
            record += fragment.payload
            if fragment.part.endsRecord {
                isInRecord = false
                apply(&head, &index)
            }
        }
        if let unnumbered, unnumbered < row { head.addGap(unnumbered..<row) }
        nextRow = max(nextRow, row)
        seenRow = max(seenRow ?? 0, row)
    }

    /// A process that found an unclean end begins with a gap, so what was torn before one was no damage.
    private mutating func settleDoubt(beginsWith kind: UInt8?) {
        if kind != LogRecord.Kind.gap.rawValue {
            report.damagedPages += doubtfulPages
            doubtfulPages = 0
        }
    }

    /// A process begins here, after what it found of the one before.
    private mutating func begin(with gap: Range<UInt64>) {
        // Rows that it found and that are not here now were damaged since.
        if let seenRow {
            let sealed = sealedEnds.last { $0 <= gap.lowerBound } ?? 0
            if gap.lowerBound > max(seenRow, sealed) {
                report.damagedPages += max(1, doubtfulPages)
                lose(gap.lowerBound - max(seenRow, sealed))
            }
            self.seenRow = max(seenRow, gap.upperBound)
        }
        doubtfulPages = 0
    }

    private mutating func apply(_ head: inout Head, _ index: inout SeriesIndex) {
        report.wasClosedCleanly = false
        var reader = ByteReader(record)
        do throws(CorruptionError) {
            switch LogRecord.Kind(rawValue: try reader.byte()) {
            case .columns:
                let found = try LogRecord.readColumns(&reader) { stream in
                    head.nextStream = max(head.nextStream, stream + 1)
                    return !sealed.contains(stream)
                }
                if let found { columns(found, &head, &index) }
            case .row: try row(&reader, flags: nil, &head)
            case .codedRow: try row(&reader, flags: RowFlag.coded, &head)
            case .codedKeyRow: try row(&reader, flags: RowFlag.coded | RowFlag.key, &head)
            case .closed: report.wasClosedCleanly = true
            case .gap:
                let gap = try LogRecord.readGap(&reader)
                begin(with: gap)
                head.addGap(gap)
                nextRow = max(nextRow, gap.upperBound)
            case .exemplars:
                for entry in try LogRecord.readExemplars(&reader) {
                    _ = exemplars.add(entry.exemplar, of: entry.series)
                }
            case .provisional:
                let (stream, mark) = try LogRecord.readProvisional(&reader)
                if let place = places[stream] { head.lanes[streams[place].lane].window.provisional = mark }
            case .shift:
                let (stream, delta) = try LogRecord.readShift(&reader)
                if let place = places[stream] { _ = head.lanes[streams[place].lane].window.shift(by: delta) }
            case .givenUp:
                for stream in try LogRecord.readGivenUp(&reader) {
                    if let place = places[stream] { streams[place].isGone = true }
                }
            case nil: break  // A later version's record; its rows are in records of their own.
            }
        } catch {
            report.skippedRows += 1
        }
    }

    private mutating func columns(
        _ columns: LogRecord.Columns,
        _ head: inout Head,
        _ index: inout SeriesIndex
    ) {
        var lane = places[columns.stream].map { streams[$0].lane }
        if lane == nil {
            guard columns.first == 0 else { return }
            lane = head.beginWindow(columns.identity, stream: columns.stream, firstPage: recordPage)
            // A window begins with a key row; where it does not, this is a repeated record and the rest was lost.
            places[columns.stream] = streams.count
            streams.append(Stream(lane: lane ?? 0, needsKey: true))
        }
        guard let lane else { return }
        let known = head.lanes[lane].window.series.count
        // Columns that were lost with a page leave a hole that only the next full record closes.
        guard columns.first <= known else { return }
        for labels in columns.labels.dropFirst(known - columns.first) {
            head.addRecoveredColumn(labels, in: lane, &index)
        }
    }

    /// Applies a row; records of the earlier kind have their flags behind the window's number.
    private mutating func row(
        _ reader: inout ByteReader,
        flags known: UInt8?,
        _ head: inout Head
    ) throws(CorruptionError) {
        let number = try reader.number()
        // Also when the window's columns were lost: its number must not be given out again.
        head.nextStream = max(head.nextStream, number + 1)
        guard let place = places[number] else {
            if !sealed.contains(number) { report.skippedRows += 1 }
            return
        }
        let stream = streams[place]
        let flags = known == nil ? try reader.byte() & ~RowFlag.coded : known ?? 0
        if flags & RowFlag.late != 0 {
            let late = try LogRecord.readLateRow(&reader, sequence: recordRow)
            report.samples += head.replay(late: late, in: stream.lane)
            report.rows += 1
            return
        }
        if stream.needsKey, flags & RowFlag.key == 0 {
            report.skippedRows += 1
            return
        }
        streams[place].needsKey = true
        let samples = try head.replay(&reader, flags: flags, sequence: recordRow, in: stream.lane)
        streams[place].needsKey = false
        report.samples += samples
        report.rows += 1
    }

    private mutating func finish(_ head: inout Head) {
        for stream in streams where stream.isGone {
            let window = head.lanes[stream.lane].window
            report.rows -= window.rows + window.late.count
            report.samples -= window.samples
            head.discardWindow(stream.lane)
        }
        head.finishReplay(isBroken: isBroken)
    }
}
