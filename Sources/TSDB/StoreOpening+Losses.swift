// SPDX-License-Identifier: Apache-2.0
//
// What a start has lost, counted and kept aside before it is written over.

internal import Logging

extension StoreOpening {
    /// Keeps pages aside that are torn or damaged, before they are written over.
    ///
    /// A torn end is no damage, but nothing tells the two apart.
    mutating func quarantineLog() {
        guard let file = log.file else { return }
        let torn = log.scan.pages.filter { !$0.isWhole }.map { $0.slot }
        let slots = (torn + log.scan.garbage).sorted()
        let before = quarantine.copies
        for slot in slots {
            quarantine.keep(
                file,
                "log",
                at: Int64(slot) * Int64(LogPage.size),
                length: LogPage.size,
                slots.count == 1 ? "a page of the log is torn or damaged" : nil
            )
        }
        report.quarantined = quarantine.copies
        guard slots.count > 1 else { return }
        logger.warning(
            "pages of the log are torn or damaged; they are left out and copies are kept, which may be removed",
            metadata: [
                "pages": "\(max(torn.count + log.scan.damaged, slots.count))",
                "first": "\((slots.first ?? 0) * LogPage.size)",
                "last": "\((slots.last ?? 0) * LogPage.size)",
                "copies": "\(report.quarantined - before)",
            ]
        )
    }

    /// Says so when there was a log and now there is none, or less of it.
    ///
    /// Whoever opens a store has a page of the log synced before anything else is written.
    mutating func noteLostLog(_ scan: LogScan) {
        let wasHere =
            !head.segments.isEmpty
            || existing.contains { name in
                name == FamilyFile.name || StoreOpening.laterFiles.contains { name.hasPrefix($0) }
            }
        guard let logSize, log.file != nil, !isLogAside else { return }
        if scan.pages.isEmpty {
            // A log that found no room was never begun.
            let isUnbegun = logSize > 0 && logSize < options.logFileBytes && scan.garbage.isEmpty
            guard wasHere, !isUnbegun else { return }
            report.unreadableFiles += 1
            logger.error(
                "the log was removed, emptied or overwritten; rows that were only there are lost",
                metadata: ["file": "\(options.directory)/log", "bytes": "\(logSize)"]
            )
            return
        }
        let metadata: Logger.Metadata = ["bytes": "\(logSize)", "configured": "\(options.logFileBytes)"]
        if scan.isCut(to: logSize) {
            report.damagedPages += 1
            logger.warning("the log was cut off; rows that were behind are lost", metadata: metadata)
        } else if logSize < options.logFileBytes, scan.writtenSlots == 0 {
            logger.warning(
                "the log was smaller than configured; unless that was changed it was cut off, and rows are lost",
                metadata: metadata
            )
        }
    }

    /// Names of files that are made after the first page of the log.
    static let laterFiles = ["ring-", "warm-", "cold-", "state.db"]

    /// Rows that had numbers and are in no segment and before the log: what a lost file or header cost.
    ///
    /// Before the newest segment only when a segment between others is missing too; otherwise it is the ring that has
    /// come round over a part of the rows.
    mutating func countMissingRows(before scan: LogScan) {
        let numbers = head.segments.map { $0.ringSequence }
        let isWhole = zip(numbers, numbers.dropFirst()).allSatisfy { $0 + 1 == $1 }
        var end: UInt64?
        var holes: [Range<UInt64>] = []
        let bounds = head.segments.flatMap { $0.bundles.map { $0.bounds } }
        for bundle in bounds.sorted(by: { $0.minSequence < $1.minSequence }) {
            if let end, end < bundle.minSequence, !isWhole { holes.append(end..<bundle.minSequence) }
            end = max(end ?? 0, bundle.maxSequence + 1)
        }
        if let first = scan.pages.first, first.isWhole, first.firstRow > end ?? 0 {
            holes.append((end ?? 0)..<first.firstRow)
        }
        report.missingRows = holes.reduce(0) { total, hole in
            total + UInt64(hole.count) - min(UInt64(hole.count), head.gapRows(in: hole))
        }
    }
}
