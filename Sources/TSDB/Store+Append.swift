// SPDX-License-Identifier: Apache-2.0
//
// The writing seam. An append takes the head's lock once, for the whole batch, and then sees to it that the log
// file has what it added.

internal import Platform
public import Samples
internal import Synchronization

extension Store: SampleSink {
    /// The group with this identity, created when new.
    public func group(_ identity: Labels) throws(SinkError) -> GroupID {
        let limit = options.maxSeries
        return try head.withLock { head throws(SinkError) in
            if head.isClosed { throw .closed }
            // A group without a series is of no use, so there need not be more of them.
            guard head.groupByIdentity[identity] != nil || head.groupByIdentity.count < limit else {
                throw .seriesLimit(limit)
            }
            let group = head.group(identity)
            head.use(group)
            return group
        }
    }

    /// The series with these labels in the group, created when new.
    public func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        if PartLabel.marks(labels) { throw .reservedLabel }
        do throws(SinkError) {
            return try findOrAdd(labels, in: group)
        } catch {
            if case .seriesLimit = error { metrics.seriesLimit.add() }
            throw error
        }
    }

    /// A series, used once more, or a part when the labels are of one.
    func findOrAdd(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        try index.withLock { index throws(SinkError) in
            let known = index.reference(labels)
            let limit = options.maxSeries
            let found: SeriesID? = try head.withLock { head throws(SinkError) in
                if head.isClosed { throw .closed }
                precondition(Int(group.rawValue) < head.groups.count, "a group this store handed out")
                if let known, let id = head.handles.find(known, group: group.rawValue) {
                    if !head.handles[id].isPart { head.use(id) }
                    return id
                }
                guard head.handles.active < limit, head.handles.count < limit * Store.handlesPerSeries else {
                    throw .seriesLimit(limit)
                }
                return nil
            }
            if let found { return found }
            let reference = index.retain(labels)
            return head.withLock { head in
                head.noteLabels(of: reference, in: index)
                // What no segment and no other group has is new.
                let newest = known == nil ? Int64.min : head.groups[Int(group.rawValue)].sealedNewest
                let isPart = PartLabel.marks(labels)
                let id = head.handles.add(reference, group: group.rawValue, newest: newest, isPart: isPart)
                head.linkLayout(id, in: index)
                if !isPart { head.use(id) }
                return id
            }
        }
    }

    /// Handles per allowed series before new ones are refused: a process that saw this many series come and go
    /// without their being released has spent some hundred bytes on each.
    static let handlesPerSeries = 4

    /// Gives a use of a group back.
    public func release(_ group: GroupID) {
        head.withLock { $0.release(group) }
    }

    /// Gives a use of each series back.
    public func release(_ series: [SeriesID]) {
        head.withLock { $0.release(series) }
    }

    /// Stores one batch.
    public func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        guard batch.count > 0 else { return AppendResult() }
        let hasParts = !batch.histograms.isEmpty || !batch.starts.isEmpty
        let (result, isDue) = try hasParts ? appendWithParts(batch) : appendValues(batch)
        count(result)
        noteLateForTiers(batch.timestamp.milliseconds, result.appended)
        try commit(isDue: isDue)
        return result
    }

    private func appendValues(_ batch: SampleBatch) throws(SinkError) -> (result: AppendResult, isDue: Bool) {
        let outcome = try head.withLock { head throws(SinkError) in
            try Store.checkOpen(head)
            head.separate(batch.group.rawValue, batch.timestamp.milliseconds)
            return head.append(batch)
        }
        switch outcome {
        case .stored(let count, let isDue): return (AppendResult(appended: count), isDue)
        case .divided:
            let division = try appendDivided(batch)
            return (division.result, division.isDue)
        }
    }

    static func checkOpen(_ head: borrowing Head) throws(SinkError) {
        if head.isClosed { throw .closed }
        guard head.log.pendingPages < LogBuffer.pendingLimit else {
            throw .unavailable("\(head.log.pendingPages) log pages wait for a file that cannot be written")
        }
    }

    private func count(_ result: AppendResult) {
        metrics.appended.add(result.appended)
        metrics.outOfOrder.add(result.outOfOrder)
        metrics.duplicates.add(result.duplicate)
    }

    /// Brings what was appended into the log file.
    ///
    /// - Throws: `SinkError.unavailable` with `sync_interval: 0s` when that did not make it durable: what cannot be
    ///   promised is not acknowledged. It is in memory and visible all the same, and sending it again does no harm.
    func commit(isDue: Bool) throws(SinkError) {
        let row = head.withLock { $0.nextSequence }
        let isNearlyFull = flushLog()
        if isNearlyFull { metrics.forcedSeals.add() }
        if isNearlyFull || isDue {
            let isStuck = head.withLock { $0.log.isStuck }
            try? sealUnlessBusy(isStuck ? .allInLog : isNearlyFull ? .logSpace : .due)
        }
        // What waited for room in the log can go there now.
        if isNearlyFull { flushLog() }
        // All failures are counted and logged where they happen; the rows are in memory.
        guard syncInterval <= .zero else { return }
        do throws(StoreError) { try syncLog() } catch { try? seal(.all) }
        guard head.withLock({ $0.syncedRow >= row }) else {
            throw .unavailable("the log cannot be made durable now; storage.wal.sync_interval is 0s")
        }
    }
}
