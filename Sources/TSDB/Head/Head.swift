// SPDX-License-Identifier: Apache-2.0
//
// Everything in memory behind one lock: groups, their lanes, handles, the log's end, and the list of segments, so
// that a reader that takes the lock once sees each row exactly once, wherever it is on its way from window to segment.

internal import Samples

/// What bounds the memory of a head.
struct HeadLimits: Sendable {
    /// Bytes after which a window is due, so that it fits a file of the ring.
    var windowBytes: Int
    /// Lanes beyond the first of each group: one for each series allowed, since a lane without a series is of no use.
    var lanes: Int
    /// Files of the ring.
    var ringFiles: Int
}

/// The state behind the store's lock.
struct Head: Sendable {
    var groups: [HeadGroup] = []
    var groupByIdentity: [Labels: UInt32] = [:]
    var lanes: [Lane] = []
    var freeLanes: [UInt32] = []
    /// Groups without a use, to be forgotten once they are sealed.
    var released: Set<UInt32> = []
    /// Series without a use, likewise.
    var releasedSeries: Set<SeriesID> = []
    var freeGroups: [UInt32] = []
    /// No forgotten group had a newer sample.
    var forgottenNewest = Int64.min
    var handles = HandleTable()
    var log: LogBuffer
    var segments: [Segment] = []
    /// Rows that stand for samples that are gone, from fine to coarse.
    var tiers: [TierView] = []
    /// Samples up to this time may have been given up; nil when none were.
    var givenUp: Int64?
    /// Ranges of commit order that no row has, ascending; see LogBuffer.skipRows.
    var gaps: [Range<UInt64>] = []
    var nextStream: UInt64 = 1
    /// Every row before this one survives a power cut.
    var syncedRow: UInt64 = 0
    var isClosed = false
    var clock = HeadClock()
    /// The mark of windows that begin now.
    var windowMark: Provisional?
    let limits: HeadLimits
    /// Labels by reference; the index has the same buffers.
    private var labels: [Labels] = []
    /// The newest sealed time of groups found in segments and not yet asked for.
    private var sealedNewest: [Labels: Int64] = [:]
    /// What of time the segments cover, near where it was last asked.
    var coverage = SegmentCoverage()

    var row = RowScratch()
    var cells = ColumnCells()
    var record: [UInt8] = []
    /// Samples of the batch at hand whose series have no column yet.
    var newcomers: [Int] = []

    init(log: LogBuffer, limits: HeadLimits) {
        self.log = log
        self.limits = limits
    }

    /// The sequence the next row will get.
    var nextSequence: UInt64 { log.nextRow }

    /// The group with this identity, created when new, and without a use then.
    mutating func group(_ identity: Labels) -> GroupID {
        if let known = groupByIdentity[identity] { return GroupID(rawValue: known) }
        var group = HeadGroup(
            identity: identity,
            sealedNewest: sealedNewest.removeValue(forKey: identity) ?? .min
        )
        group.sealedNewest = max(group.sealedNewest, forgottenNewest)
        let number: UInt32
        if let reused = freeGroups.popLast() {
            number = reused
            groups[Int(number)] = group
        } else {
            number = UInt32(groups.count)
            groups.append(group)
        }
        groupByIdentity[identity] = number
        released.insert(number)
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

    /// Lets a series know of its histograms, whichever of the two a new handle is.
    mutating func linkLayout(_ id: SeriesID, in index: borrowing SeriesIndex) {
        let (reference, group) = (handles[id].reference, handles[id].group)
        if let parent = index.links.parent(of: reference) {
            guard SeriesPart(index.labels[Int(reference)]) == .layout,
                let series = handles.find(parent, group: group)
            else { return }
            handles[series].layout = id.rawValue
            return
        }
        for part in index.links.parts(of: reference) where SeriesPart(index.labels[Int(part)]) == .layout {
            if let layout = handles.find(part, group: group) { handles[id].layout = layout.rawValue }
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

    /// Goes on in a new page of the log, in a way that does not build on what is in the page.
    mutating func endLogPage() {
        log.finishPage()
        for number in lanes.indices { lanes[number].coder.requireKey() }
    }

    /// The oldest log page that rows in memory need, or the current one.
    func firstNeededPage() -> UInt64 {
        lanes.reduce(log.sequence) { min($0, $1.firstPage) }
    }
}
