// SPDX-License-Identifier: Apache-2.0
//
// People remove, replace and lock away files while the store runs. The open files go on as if nothing had happened, and
// everything written to them would be gone with the process; so upkeep looks whether the names still are what is open.
// A ring file is passed over or created anew; for a log that is gone all rows are sealed into segments and another log is
// begun.
//
// Invariant: a name is given to a new log only after every row in memory was offered to a segment, and a row that came
// meanwhile is sealed right after.

internal import Logging
internal import Platform
internal import Synchronization

extension Store {
    /// Looks after the files; part of upkeep.
    ///
    /// - Throws: `StoreError.locked` or `.replaced` when the directory is no longer this process's; nothing is written
    ///   by it any more.
    func watchFiles() throws(StoreError) {
        try watchLock()
        sealer.withLock { sealer in
            watchRing(&sealer.ring)
            for number in sealer.tiers.indices { watchRing(&sealer.tiers[number].ring) }
        }
        watchLog()
    }

    // MARK: - Lock

    private var lockPath: String { "\(options.directory)/lock" }

    /// Locks the directory again when somebody removed the file that was locked, and stops when another process or
    /// another directory has its place.
    private func watchLock() throws(StoreError) {
        // What cannot be looked at now can be at the next time.
        if let own = ownDirectory, let named = try? files.identity(options.directory), named != own {
            leave()
            throw .replaced(options.directory)
        }
        guard let held = directoryLock.withLock({ $0?.identity }) else { return }
        let found: FileIdentity?
        // What cannot be looked at now can be at the next time.
        do throws(FileError) { found = try files.identity(lockPath) } catch { return }
        if found == held { return }
        let lock: FileLock?
        // Where the directory is gone it is made again first.
        do throws(FileError) { lock = try files.lock(lockPath) } catch { return }
        if let lock, found == nil {
            logger.warning("the lock of the data directory was removed; it is locked again")
            return directoryLock.withLock { $0 = lock }
        }
        guard lock != nil else {
            head.withLock { $0.isClosed = true }
            throw .locked(options.directory)
        }
        leave()
        throw .replaced(options.directory)
    }

    /// Writes what is due to the files of before, which are open, and nothing from then on.
    private func leave() {
        flushLog()
        try? syncLog()
        head.withLock { $0.isClosed = true }
    }

    /// Which directory this process has opened; nil when the system does not say.
    private var ownDirectory: FileIdentity? { openDirectory.withLock { try? $0?.identity() } }

    /// Makes the directory again when it is gone; another one in its place is not ours to write to.
    private func returnToDirectory() throws(FileError) {
        guard let own = ownDirectory else { return try files.createDirectory(options.directory) }
        let named = try files.identity(options.directory)
        guard named != own else { return }
        if named == nil { try files.createDirectory(options.directory) }
        guard named == nil, try files.list(options.directory).isEmpty else {
            throw FileError(operation: "open", path: options.directory, code: ErrorNumber.missing)
        }
        let made = try files.open(options.directory, .read)
        openDirectory.withLock { $0 = made }
    }

    // MARK: - Ring

    private func watchRing(_ ring: inout Ring) {
        for (number, file) in ring.opened {
            let path = ring.path(number)
            do throws(FileError) {
                let named = try files.identity(path)
                ring.unblock(number)
                guard try named != file.identity() else { continue }
                ring.close(number)
                metrics.missingFiles.add()
                logger.error(
                    "a ring file was removed or replaced; its samples are there until the store is restarted",
                    metadata: ["file": "\(path)"]
                )
            } catch {
                guard ring.blocked[number] == nil else { continue }
                ring.block(number, error, lasts: false)
                metrics.missingFiles.add()
                logger.error(
                    "a ring file cannot be used and is passed over until it can",
                    metadata: ["file": "\(path)", "error": "\(error)"]
                )
            }
        }
        // What could not be opened when it was needed is tried again.
        let opened = Set(ring.opened.map { $0.number })
        for (number, blockage) in ring.blocked where !blockage.lasts && !opened.contains(number) {
            if (try? files.identity(ring.path(number))) != nil { ring.unblock(number) }
        }
    }

    // MARK: - Log

    private var logPath: String { "\(options.directory)/log" }

    private func watchLog() {
        let now = clock.monotonicNanoseconds()
        let (known, replaceAt) = writer.withLock { ($0.file.identity, $0.replaceAt) }
        if let replaceAt, now < replaceAt { return }
        var isInTheWay = false
        do throws(FileError) {
            let named = try files.identity(logPath)
            if named != nil, named == known { return }
            isInTheWay = named != nil
        } catch {
            // Anything else may pass by itself, and the file is open.
            guard error.code == ErrorNumber.accessDenied else { return }
            isInTheWay = true
        }
        if replaceAt == nil {
            metrics.missingFiles.add()
            logger.error(
                "the log is gone, replaced or locked away; rows are sealed and another one is begun",
                metadata: ["file": "\(logPath)"]
            )
        }
        do throws(StoreError) {
            // What was never in use was put aside at the start.
            try renewLog(moving: isInTheWay && known != nil)
            logger.notice("another log is in use", metadata: ["file": "\(logPath)"])
        } catch {
            if replaceAt == nil { logger.error("no log can be begun", metadata: ["error": "\(error)"]) }
            writer.withLock { $0.replaceAt = now + Store.renewalNanoseconds }
        }
    }

    /// Between tries to begin a log: each may write all of it.
    private static let renewalNanoseconds: UInt64 = 60_000_000_000

    /// Gives the log the size of the configuration; without that the store goes on with the size it has.
    func resizeLog() {
        let metadata: Logger.Metadata = ["bytes": "\(options.logFileBytes)"]
        do throws(StoreError) {
            try renewLog(moving: false)
            logger.notice("the log has its new size", metadata: metadata)
        } catch {
            logger.warning(
                "the log keeps its size for now",
                metadata: metadata.merging(["error": "\(error)"]) { $1 }
            )
        }
    }

    /// Seals everything and begins a new log file in the place of the one in use.
    ///
    /// - Parameter moving: whether what has the name is to be kept as `log.damaged`.
    /// - Throws: `StoreError` when rows could not be sealed or the new file could not be written; the store goes on
    ///   with the old one.
    private func renewLog(moving: Bool) throws(StoreError) {
        // The ring may need it too.
        do throws(FileError) { try returnToDirectory() } catch { throw StoreError(error) }
        try sealAll()
        do throws(FileError) {
            let fresh = try files.open("\(logPath).new", .create)
            try fresh.truncate(to: 0)
            try LogFile.fill(fresh, from: 0, to: options.logFileBytes)
            try writer.withLock { writer throws(FileError) in try begin(fresh, moving, &writer) }
        } catch {
            try? files.remove("\(logPath).new")
            throw StoreError(error)
        }
        try sealAll()
        try syncLog()
    }

    /// Writes the first page of a new log, gives it its name and goes on in it.
    private func begin(
        _ fresh: any StorageFile,
        _ moving: Bool,
        _ writer: inout LogWriter
    ) throws(FileError) {
        let now = clock.monotonicNanoseconds()
        let slots = Int(clamping: options.logFileBytes / Int64(LogPage.size))
        let (first, pages, before) = head.withLock { head in
            head.endLogPage()
            // Pages say how many slots there are, at least: it is not known yet in which file these will be.
            let before = head.log.capacity
            head.log.capacity = min(before, slots)
            let first = head.log.sequence
            // As at a start: what no page behind would explain. The end is not orderly any more.
            let next = head.nextSequence
            head.log.append(LogRecord.gap(next..<next, mark: now), isRow: false)
            for gap in head.gaps { head.log.append(LogRecord.gap(gap, mark: now), isRow: false) }
            return (first, head.log.takePending(), before)
        }
        var found: [LogScan.Page] = []
        do throws(FileError) {
            for page in pages where page.sequence >= first {
                try fresh.write(page.bytes, at: Int64(found.count) * Int64(LogPage.size))
                found.append(LogScan.Page(page, slot: found.count))
            }
            try fresh.syncData()
            if moving { try files.rename(logPath, to: "\(logPath).damaged") }
            try files.rename("\(logPath).new", to: logPath)
            try files.syncDirectory(options.directory)
        } catch {
            head.withLock { head in
                head.log.putBack(pages[...])
                head.log.capacity = before
            }
            throw error
        }
        writer.file = LogFile(
            file: StagedFile.join(fresh, options, files, flashBytes: metrics.logFlashBytes, logger: logger),
            slotCount: slots,
            found: found,
            nextSequence: (found.last?.sequence ?? first) + 1,
            openedAt: now
        )
        writer.replaceAt = nil
        writer.isFailing = false
        // Rows that came since the seal are in the old log only: nothing is durable until they are sealed too.
        writer.syncFailure = .file(
            FileError(operation: "replace", path: logPath, code: ErrorNumber.inputOutput)
        )
        head.withLock { head in
            head.log.capacity = slots
            // Without a log all rows could be read by shippers at once.
            if head.syncedRow == .max { head.syncedRow = head.nextSequence }
        }
    }
}

extension LogScan.Page {
    /// A page just written.
    fileprivate init(_ image: PageImage, slot: Int) {
        self.init(
            sequence: image.sequence,
            slot: slot,
            isWhole: true,
            firstRow: 0,
            length: image.bytes.count,
            isPlain: false
        )
    }
}
