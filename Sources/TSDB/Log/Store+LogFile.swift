// SPDX-License-Identifier: Apache-2.0
//
// Bringing the log's end into its file. Appenders write; nobody but the upkeep thread syncs, unless the sync
// interval is zero. A refused write leaves the page in memory to be written again; a refused sync means that the
// kernel may have thrown pages away, so everything not in a segment goes into one.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// The log file with what its writers must know.
struct LogWriter: Sendable {
    var file: LogFile
    /// Every row before this one is in the file.
    var writtenRow: UInt64 = 0
    /// The oldest page that the newest one in the file asks for, at least.
    var writtenTail: UInt64 = 0
    /// The same for what is durable; 0 before the first sync.
    var syncedTail: UInt64 = 0
    /// Reported once when it begins and once when it ends.
    var isFailing = false
    /// There is no usable file, and no other is begun before this monotonic time.
    var replaceAt: UInt64?
    /// A sync failed, so rows may be missing from the log on disk until all windows are in segments.
    var syncFailure: StoreError?

    init(file: LogFile) {
        self.file = file
    }
}

extension Store {
    /// Rows that may be read by shippers beyond the last synced one, and how many sequence numbers an unclean end
    /// therefore skips.
    static let unsyncedRowLimit: UInt64 = 1 << 16

    /// Writes what the file does not have yet.
    ///
    /// - Returns: whether the log is so full that the caller must make room.
    @discardableResult
    func flushLog() -> Bool {
        writer.withLock { writer in
            let (pages, row, tail, isNearlyFull) = head.withLock { head in
                (head.log.takePending(), head.nextSequence, head.log.tail, head.log.isNearlyFull)
            }
            let before = writer.file.bytesAdded
            for (number, page) in pages.enumerated() {
                do throws(FileError) {
                    try writer.file.write(page)
                    if !isStaged { metrics.logFlashBytes.add(page.bytes.count) }
                } catch {
                    metrics.writeErrors.add()
                    head.withLock { $0.log.putBack(pages[number...]) }
                    if !writer.isFailing {
                        logger.error(
                            "the log cannot be written; rows stay in memory",
                            metadata: ["error": "\(error)"]
                        )
                    }
                    writer.isFailing = true
                    return true
                }
            }
            metrics.logBytes.add(writer.file.bytesAdded - before)
            if writer.isFailing, !pages.isEmpty {
                writer.isFailing = false
                logger.notice("the log can be written again")
            }
            writer.writtenRow = row
            // A page that was full before has the tail of its time.
            if pages.last?.isFull == false { writer.writtenTail = tail }
            return isNearlyFull
        }
    }

    /// Makes the log durable up to what is written now.
    ///
    /// One sync at a time: the kernel tells of a failure once, and whoever asks next would believe all is well.
    func syncLog() throws(StoreError) {
        try syncer.withLock { _ throws(StoreError) in try syncLogAlone() }
    }

    private func syncLogAlone() throws(StoreError) {
        let now = clock.monotonicNanoseconds()
        let work = try writer.withLock { writer throws(StoreError) in
            if let failure = writer.syncFailure { throw failure }
            return writer.file.beginSync(at: now)
                .map { sync in
                    (sync.file, generation: sync.generation, row: writer.writtenRow, tail: writer.writtenTail)
                }
        }
        guard let work else { return }
        do throws(FileError) {
            // Without any lock that appenders take: a slow card must not hold appends up.
            try work.0.syncData()
        } catch {
            metrics.writeErrors.add()
            logger.error(
                "the log cannot be synced; sealing everything instead",
                metadata: ["error": "\(error)"]
            )
            head.withLock { $0.endLogPage() }
            writer.withLock { $0.syncFailure = StoreError(error) }
            throw StoreError(error)
        }
        metrics.logSyncs.add()
        writer.withLock { writer in
            writer.file.endSync(work.generation)
            writer.syncedTail = max(writer.syncedTail, work.tail)
        }
        head.withLock { $0.syncedRow = max($0.syncedRow, work.row) }
    }

    /// Whether upkeep should sync: enough pages are complete, or the interval has passed.
    func isSyncDue() -> Bool {
        var interval = syncInterval
        if isPowerUncertain.load(ordering: .relaxed) {
            interval = min(interval, StoreOptions.writtenSyncInterval)
        }
        // The next look must not come too late.
        interval = max(.zero, interval - upkeepInterval)
        let nanoseconds = UInt64(interval.milliseconds) * 1_000_000
        let now = clock.monotonicNanoseconds()
        let pages = isStaged ? StoreOptions.stagedSyncPages : 1
        return writer.withLock { writer in
            writer.syncFailure == nil && writer.file.needsSync
                && (writer.file.fullPages >= pages || now &- writer.file.syncedAt >= nanoseconds)
        }
    }

    /// Says whether the node runs on a battery or its supply is failing: then the log is synced at once and stays at
    /// most ten seconds behind, whatever `sync_interval` says.
    public func powerIsUncertain(_ isUncertain: Bool) {
        let was = isPowerUncertain.exchange(isUncertain, ordering: .relaxed)
        // Failures are counted and logged where they happen.
        if isUncertain, !was { try? syncLog() }
    }
}
