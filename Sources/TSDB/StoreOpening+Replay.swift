// SPDX-License-Identifier: Apache-2.0
//
// Reading the log back into the head, and beginning this process behind it.
//
// Numbers of rows that may have been given away before are never used again.

internal import Samples

extension StoreOpening {
    mutating func loadLog(at time: UInt64) {
        let (file, scan) = log
        let sealedEnds = head.segments.map { $0.maxSequence + 1 }.sorted()
        var replay = LogReplay(
            sealed: sealed,
            sealedEnds: sealedEnds,
            exemplars: options.maxExemplars,
            encryption: options.encryption
        )
        if let file { replay.run(scan, file, into: &head, index: &index) }
        for set in pinned { for reference in index.release(set) { head.setLabels(Labels(), of: reference) } }
        pinned = []
        exemplars = replay.exemplars
        report.add(replay.report)
        report.damagedPages += scan.unreadable + scan.damaged
        noteLostLog(scan)
        quarantineLog()
        let afterSealed = head.segments.reduce(0) { max($0, $1.maxSequence + 1) }
        let next = max(replay.nextRow, afterSealed, head.gaps.last?.upperBound ?? 0)
        countMissingRows(before: scan)
        // What lies where the next segment goes was one, and not of an earlier round.
        let isMissed = report.missingRows > 0 || report.skippedRows > 0
        if isMissed, let rest = rests[ring.fileNumber] { keep([rest]) }
        let sequence = (scan.pages.last?.sequence ?? scan.tail - 1) + 1
        let isFresh = scan.pages.isEmpty && head.segments.isEmpty
        let tail = head.lanes.reduce(sequence) { min($0, $1.firstPage) }
        head.log = LogBuffer(
            sequence: sequence,
            nextRow: next,
            capacity: file == nil ? .max / 2 : scan.slotCount,
            session: options.encryption.map { LogSession($0.key) }
        )
        head.log.tail = tail
        logFile = LogFile(
            file: file,
            slotCount: scan.slotCount,
            found: scan.pages.filter { $0.sequence >= tail },
            nextSequence: sequence,
            openedAt: time
        )
        begin(at: next, afterLoss: !isFresh && !report.wasClosedCleanly, mark: time)
        // Without a log nothing is synced ever; with one, not before this process has synced it.
        head.syncedRow = file == nil ? .max : 0
    }

    /// Logs that a process begins.
    ///
    /// Rows of the last one that did not survive may have been shipped; their numbers are not used again. Otherwise the gap is empty, and says after a power cut that rows may have come after it.
    mutating func begin(at next: UInt64, afterLoss: Bool, mark: UInt64) {
        var gap = next..<next
        if afterLoss {
            gap = next..<(next + Store.unsyncedRowLimit)
            head.log.skipRows(to: gap.upperBound)
            head.addGap(gap)
            // With those of starts before, when no row is between.
            gap = head.gaps.last ?? gap
        }
        head.log.append(LogRecord.gap(gap, mark: mark), isRow: false)
        // What no segment repeats would be forgotten with the page it is in. Behind its own, which alone explains the
        // number in the page's header when the rest of the page is torn.
        for known in head.gaps where known != gap && !sealedGaps.contains(known) {
            head.log.append(LogRecord.gap(known, mark: mark), isRow: false)
        }
    }
}

extension RecoveryReport {
    /// Adds what the log's replay found.
    fileprivate mutating func add(_ replay: RecoveryReport) {
        rows += replay.rows
        samples += replay.samples
        damagedPages += replay.damagedPages
        skippedRows += replay.skippedRows
        wasClosedCleanly = replay.wasClosedCleanly
    }
}
