// SPDX-License-Identifier: Apache-2.0
//
// Everything in memory behind one lock: groups, handles, the log's end, and the list of segments, so that a reader
// that takes the lock once sees each row exactly once, wherever it is on its way from window to segment.

internal import Samples

/// The state behind the store's lock.
struct Head: Sendable {
    var groups: [HeadGroup] = []
    var groupByIdentity: [Labels: UInt32] = [:]
    var handles = HandleTable()
    var log: LogBuffer
    var segments: [Segment] = []
    /// Ranges of commit order that no row has, ascending; see LogBuffer.skipRows.
    var gaps: [Range<UInt64>] = []
    var nextStream: UInt64 = 1
    /// Every row before this one survives a power cut.
    var syncedRow: UInt64 = 0
    var isClosed = false
    /// Bytes after which a window is due, so that it fits a file of the ring.
    let windowBytes: Int
    /// Labels by reference; the index has the same buffers.
    private var labels: [Labels] = []
    /// The newest sealed time of groups found in segments and not yet asked for.
    private var sealedNewest: [Labels: Int64] = [:]

    var row = RowScratch()
    var cells = ColumnCells()
    private var record: [UInt8] = []
    private var added: [SeriesID] = []

    init(log: LogBuffer, windowBytes: Int) {
        self.log = log
        self.windowBytes = windowBytes
    }

    /// The sequence the next row will get.
    var nextSequence: UInt64 { log.nextRow }

    /// How a batch went.
    enum Outcome: Sendable {
        case stored(Int, isDue: Bool)
        /// Not newer than the group's newest row; see `Store+Late.swift`.
        case behind
    }

    mutating func group(_ identity: Labels) -> GroupID {
        if let known = groupByIdentity[identity] { return GroupID(rawValue: known) }
        let number = UInt32(groups.count)
        groups.append(HeadGroup(identity: identity, stream: takeStream()))
        groups[groups.count - 1].newest = sealedNewest.removeValue(forKey: identity) ?? .min
        groupByIdentity[identity] = number
        return GroupID(rawValue: number)
    }

    /// Labels by reference.
    var allLabels: [Labels] { labels }

    /// The labels of a reference; empty when it is not in use.
    func labels(of reference: SeriesReference) -> Labels {
        Int(reference) < labels.count ? labels[Int(reference)] : Labels()
    }

    /// Notes what a reference stands for; empty labels when it is forgotten.
    mutating func setLabels(_ new: Labels, of reference: SeriesReference) {
        while labels.count <= Int(reference) { labels.append(Labels()) }
        labels[Int(reference)] = new
    }

    /// Notes what a reference stands for, and its parent when it is a part.
    mutating func noteLabels(of reference: SeriesReference, in index: borrowing SeriesIndex) {
        setLabels(index.labels[Int(reference)], of: reference)
        if let parent = index.links.parent(of: reference) {
            setLabels(index.labels[Int(parent)], of: parent)
        }
    }

    /// Notes how far a group has come in segments, for when it appears again.
    mutating func noteSealed(_ identity: Labels, newest: Int64) {
        sealedNewest[identity] = max(sealedNewest[identity] ?? .min, newest)
    }

    mutating func takeStream() -> UInt64 {
        nextStream += 1
        return nextStream - 1
    }

    /// Stores a batch that is newer than all rows of its group.
    mutating func append(_ batch: SampleBatch) -> Outcome {
        let number = Int(batch.group.rawValue)
        precondition(number < groups.count, "a group this store handed out")
        let timestamp = batch.timestamp.milliseconds
        guard timestamp > groups[number].newest else { return .behind }
        // While nothing can be sealed a window would outgrow what a segment can say.
        if groups[number].window.rows >= WindowLimit.mostRows
            || groups[number].window.series.count + batch.series.count > WindowLimit.mostColumns
        {
            freeze(number)
        }
        row.begin(columns: groups[number].window.series.count)
        added.removeAll(keepingCapacity: true)
        for index in 0..<min(batch.series.count, batch.values.count) {
            let id = batch.series[index]
            let bits = batch.values[index].bitPattern
            var column = handles[id].column
            if column == SeriesHandle.noColumn {
                column = UInt32(addColumn(id, in: number, base: bits))
                row.grow(to: Int(column) + 1)
            }
            row.set(Int(column), bits)
        }
        logColumns(of: number)
        LogRecord.beginRow(groups[number].window.stream, into: &record)
        groups[number].coder.append(row, timestamp: timestamp, to: &record)
        let sequence = log.nextRow
        log.append(record, isRow: true)
        groups[number].append(row, timestamp: timestamp, sequence: sequence, cells: &cells)
        return .stored(row.count, isDue: groups[number].window.rows >= WindowLimit.hardRows)
    }

    /// Stores values behind the newest row, or for an existing row; the caller removed duplicates.
    mutating func append(late timestamp: Int64, _ samples: [(id: SeriesID, bits: UInt64)], in number: Int) {
        added.removeAll(keepingCapacity: true)
        var cells: [(column: UInt32, bits: UInt64)] = []
        for sample in samples {
            var column = handles[sample.id].column
            if column == SeriesHandle.noColumn {
                column = UInt32(addColumn(sample.id, in: number, base: sample.bits))
            }
            cells.append((column, sample.bits))
        }
        cells.sort { $0.column < $1.column }
        logColumns(of: number)
        let late = LateRow(
            timestamp: timestamp,
            sequence: log.nextRow,
            columns: cells.map { $0.column },
            bits: cells.map { $0.bits }
        )
        log.append(LogRecord.lateRow(late, stream: groups[number].window.stream), isRow: true)
        groups[number].append(late: late)
    }

    /// Moves a group's open window to the frozen ones.
    mutating func freeze(_ number: Int) {
        guard !groups[number].window.isEmpty else { return }
        for id in groups[number].window.series { handles.freeze(id) }
        groups[number].freeze(stream: takeStream())
    }

    /// Goes on in a new page of the log, in a way that does not build on what is in the page.
    mutating func endLogPage() {
        log.finishPage()
        for number in groups.indices { groups[number].coder.requireKey() }
    }

    /// Lets a group go on before rows that a wrong clock stamped in the future: in a window of its own, because a
    /// window's rows ascend.
    mutating func turnBack(_ number: Int, version: UInt64, to timestamp: Int64) {
        guard groups[number].version == version else { return }
        freeze(number)
        groups[number].newest = timestamp - 1
        groups[number].version += 1
    }

    /// The oldest log page that rows in memory need, or the current one.
    func firstNeededPage() -> UInt64 {
        groups.reduce(log.sequence) { min($0, $1.firstPage) }
    }

    // MARK: - Parts

    private mutating func addColumn(_ id: SeriesID, in number: Int, base: UInt64) -> Int {
        precondition(handles[id].group == UInt32(number), "a series of the batch's group")
        let column = groups[number].window.addColumn(id, base: base)
        handles.open(id, column: column)
        added.append(id)
        return column
    }

    /// Logs new columns; from time to time all of them, so that damage to their first record does not cost the window.
    private mutating func logColumns(of number: Int) {
        let window = groups[number].window
        let total = window.series.count
        if window.firstPage == .max { groups[number].window.firstPage = log.sequence }
        let isTimeForAll = window.rows > 0 && window.rows % Head.columnsInterval == 0
        let first = isTimeForAll ? 0 : total - added.count
        guard first < total else { return }
        log.append(
            LogRecord.columns(
                LogRecord.Columns(
                    stream: window.stream,
                    first: first,
                    identity: first == 0 ? groups[number].identity : Labels(),
                    labels: window.series[first...].map { labels[Int(handles[$0].reference)] }
                )
            ),
            isRow: false
        )
    }

    /// Rows from one full record of a window's columns to the next.
    static let columnsInterval = 256
}
