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
        try head.withLock { head throws(SinkError) in
            if head.isClosed { throw .closed }
            return head.group(identity)
        }
    }

    /// The series with these labels in the group, created when new.
    public func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        do throws(SinkError) {
            return try findOrAdd(labels, in: group)
        } catch {
            if case .seriesLimit = error { metrics.seriesLimit.add() }
            throw error
        }
    }

    private func findOrAdd(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        try index.withLock { index throws(SinkError) in
            let known = index.reference(labels)
            let limit = options.maxSeries
            let found: SeriesID? = try head.withLock { head throws(SinkError) in
                if head.isClosed { throw .closed }
                precondition(Int(group.rawValue) < head.groups.count, "a group this store handed out")
                if let known, let id = head.handles.find(known, group: group.rawValue) { return id }
                guard head.handles.active < limit, head.handles.count < limit * Store.handlesPerSeries else {
                    throw .seriesLimit(limit)
                }
                return nil
            }
            if let found { return found }
            let reference = index.retain(labels)
            return head.withLock { head in
                head.setLabels(labels, of: reference)
                return head.handles.add(reference, group: group.rawValue)
            }
        }
    }

    /// Handles per allowed series before new ones are refused: a process that saw this many series come and go has
    /// spent some hundred bytes on each.
    static let handlesPerSeries = 16

    /// Stores one batch.
    public func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        guard !batch.series.isEmpty else { return AppendResult() }
        let outcome = try head.withLock { head throws(SinkError) in
            try Store.checkOpen(head)
            return head.append(batch)
        }
        var result = AppendResult()
        var isDue = false
        switch outcome {
        case .stored(let count, let due):
            result.appended = count
            isDue = due
        case .behind:
            result = try appendLate(batch)
        }
        count(result)
        commit(isDue: isDue)
        return result
    }

    /// Remembers what a source said of its families.
    public func describe(_ metadata: [MetricMetadata]) {
        families.withLock { families in
            for entry in metadata {
                // Hostile exporters invent family names; the bound keeps /api/v1/metadata answerable.
                guard families[entry.family] != nil || families.count < Store.familyLimit else { continue }
                families[entry.family] = entry
            }
        }
    }

    static let familyLimit = 20_000

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
    private func commit(isDue: Bool) {
        let isNearlyFull = flushLog()
        // All failures are counted and logged where they happen; the rows are in memory.
        if syncInterval <= .zero {
            do throws(StoreError) { try syncLog() } catch { try? seal(.all) }
        }
        if isNearlyFull { metrics.forcedSeals.add() }
        if isNearlyFull || isDue {
            let isStuck = head.withLock { $0.log.isStuck }
            try? sealUnlessBusy(isStuck ? .allInLog : isNearlyFull ? .logSpace : .due)
        }
        // What waited for room in the log can go there now.
        if isNearlyFull { flushLog() }
    }
}
