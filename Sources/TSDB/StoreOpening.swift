// SPDX-License-Identifier: Apache-2.0
//
// What a start does, in order: lock the directory, find the segments, read the log back, and note that commit order
// has a gap when the last process was not closed. Damage is counted, never an error.

internal import Bytes
internal import Logging
internal import Platform
internal import Samples

/// The parts of a store while it opens.
struct StoreOpening {
    private let options: StoreOptions
    private let files: any FileStore
    private let logger: Logger
    private let flashBytes: Counter
    private(set) var isStaged = false
    /// The log has more bytes than it should, and rows.
    private(set) var isLogTooLarge = false
    private var quarantine: Quarantine
    private(set) var index = SeriesIndex()
    private(set) var head: Head
    private(set) var ring: Ring
    private(set) var logFile = LogFile(file: nil, slotCount: 0, found: [], nextSequence: 1)
    private(set) var report = RecoveryReport()
    private(set) var lock: FileLock?
    private(set) var exemplars = ExemplarRing(limit: 0)
    private var existing: Set<String> = []
    private var sealed: Set<UInt64> = []
    /// Gaps that the newest segment has.
    private var sealedGaps: Set<Range<UInt64>> = []
    private var log: (file: (any StorageFile)?, scan: LogScan) = (nil, LogScan())
    /// Bytes of the log before anything was done to it.
    private var logSize: Int64?
    private var isLogAside = false

    init(
        _ options: StoreOptions,
        files: any FileStore,
        logger: Logger,
        metrics: StoreMetrics,
        at time: UInt64
    ) throws(StoreError) {
        flashBytes = metrics.logFlashBytes
        self.options = options
        self.files = files
        self.logger = logger
        ring = Ring(
            files: files,
            directory: options.directory,
            fileCount: max(1, options.ringFiles),
            ringBytes: options.ringBytes,
            encryption: options.encryption
        )
        head = Head(
            log: LogBuffer(sequence: 1, nextRow: 0, capacity: 0),
            limits: HeadLimits(
                windowBytes: Int(clamping: ring.fileBytes / 4),
                lanes: options.maxSeries,
                ringFiles: max(1, options.ringFiles)
            )
        )
        quarantine = Quarantine(files, options, existing: [], logger: logger)
        try options.check()
        try lockDirectory()
        try KeyCheck(options, files).look(
            at: existing,
            staging: options.unusedStagingPaths + [options.usedStagingPath].compactMap(\.self)
        )
        quarantine = Quarantine(files, options, existing: existing, logger: logger)
        try scanLog()
        loadSegments()
        loadLog(at: time)
    }

    private mutating func lockDirectory() throws(StoreError) {
        do throws(FileError) {
            try files.createDirectory(options.directory)
            lock = try files.lock("\(options.directory)/lock")
            existing = Set(try files.list(options.directory))
        } catch {
            throw StoreError(error)
        }
        if lock == nil { throw StoreError.locked(options.directory) }
    }

    // MARK: - Tiers

    /// Loads the rows of tiers; not before the segments and the log, which say what samples there are.
    mutating func openTiers(at wall: Int64, _ telemetry: Telemetry) -> [Tier] {
        removeFilesOfTiersThatAreGone()
        let tiers = TierOpening(
            options,
            files: files,
            existing: existing,
            wall: wall,
            telemetry: telemetry,
            head: &head,
            index: &index
        )
        report.damagedSegments += tiers.damaged
        report.unknownSegments += tiers.unknown
        report.unreadableFiles += tiers.unreadableFiles
        for (name, region) in tiers.regions {
            quarantine.keep(
                region.file,
                name,
                at: region.offset,
                length: region.length,
                "a part of a tier's ring is no segment"
            )
        }
        report.quarantined = quarantine.copies
        return tiers.tiers
    }

    private func removeFilesOfTiersThatAreGone() {
        for name in existing {
            guard let dash = name.lastIndex(of: "-"), Int(name[name.index(after: dash)...]) != nil,
                StoreOptions.tierNames.contains(String(name[..<dash]))
            else { continue }
            guard !options.tiers.contains(where: { $0.name == name[..<dash] }) else { continue }
            logger.notice("removing a file of a tier that is not configured", metadata: ["file": "\(name)"])
            try? files.remove("\(options.directory)/\(name)")
        }
    }

    // MARK: - Segments

    private mutating func loadSegments() {
        let scan = RingScan.scan(&ring, existing: existing)
        noteBlockedFiles(unreadable: scan.unreadable)
        regions = scan.regions
        rests = scan.rests
        var found = scan.found[...]
        // Each is synced before the next is begun, so a power cut can have left one half written.
        if let newest = found.last {
            let state = state(ofNewest: newest)
            if state != .kept { found.removeLast() }
            if state == .torn {
                regions.append(RingScan.Region(newest))
                report.damagedSegments += 1
            }
        }
        var segments: [Segment] = []
        var known = KnownLabels()
        // Newest first: of two copies of a window the older belongs to a try that had failed.
        for found in found.reversed() {
            guard let bundles = load(found, &known) else {
                regions.append(RingScan.Region(found))
                report.damagedSegments += 1
                continue
            }
            // Of a newer version's segment only the place is known; it stays until the ring comes round.
            guard !bundles.isEmpty || !found.header.isKnown else { continue }
            segments.append(
                Segment(
                    file: found.readable,
                    fileNumber: found.fileNumber,
                    offset: found.offset,
                    length: found.header.length,
                    ringSequence: found.header.ringSequence,
                    bundles: bundles
                )
            )
        }
        countGarbage(scan)
        segments.reverse()
        // The torn newest segment and what lies beneath it cannot be told from damage; both are counted.
        report.damagedSegments += scan.damaged
        report.segments = segments.count
        ring.resume(segments, nextSequence: (scan.found.last?.header.ringSequence ?? 0) + 1)
        head.segments = segments
        keep(regions)
        regions = []
    }

    /// Counts files that begin with something that is no segment and have none.
    ///
    /// Of a segment that was cut off when its file was new the first sector may be missing; half a header is none.
    private mutating func countGarbage(_ scan: RingScan) {
        let found = Set(scan.found.map { $0.fileNumber })
        for region in scan.regions where region.offset == 0 && !found.contains(region.fileNumber) {
            guard let bytes = try? region.file.read(at: 0, count: LogPage.sector) else { continue }
            var reader = ByteReader(bytes)
            // What begins like a segment is counted already.
            guard bytes.contains(where: { $0 != 0 }), !RingScan.isMagic(try? reader.integer(UInt32.self))
            else { continue }
            report.damagedSegments += 1
            logger.warning(
                "a ring file has no segment but other data",
                metadata: ["file": "\(ring.name(region.fileNumber))"]
            )
        }
    }

    private mutating func keep(_ regions: [RingScan.Region]) {
        for region in regions {
            quarantine.keep(
                region.file,
                ring.name(region.fileNumber),
                at: region.offset,
                length: region.length,
                "a part of the ring is no segment"
            )
        }
        report.quarantined = quarantine.copies
    }

    private mutating func noteBlockedFiles(unreadable: Int) {
        report.unreadableFiles += ring.blocked.count
        report.damagedSegments += unreadable
        for (number, blockage) in ring.blocked.sorted(by: { $0.key < $1.key }) {
            logger.error(
                "a ring file cannot be read and is passed over, its samples are not there; make it readable and restart",
                metadata: ["file": "\(ring.name(number))", "error": "\(blockage.error)"]
            )
        }
    }

    private enum NewestState {
        case kept
        /// The data is not what was written, and the log still has the rows.
        case torn
        /// The data cannot be made durable, and the log still has the rows.
        case unsynced
    }

    /// What to make of the newest segment.
    ///
    /// A segment that was synced once and is damaged since is kept: its good blocks may be all there is.
    private func state(ofNewest found: RingScan.Found) -> NewestState {
        guard let first = log.scan.pages.first, found.header.minSequence >= first.firstRow,
            found.header.isKnown
        else { return .kept }
        // Whole in the page cache is not whole on the disk: a process killed between write and sync leaves it so, and
        // the log's pages are given up once the segment counts.
        guard found.hasWholeData() else { return .torn }
        do throws(FileError) {
            do throws(FileError) { try found.file.syncData() } catch { try found.rewrite() }
            return .kept
        } catch {
            // It may have been synced long ago, and the log never have had its last rows.
            let reaches =
                log.file.map { log.scan.endRow(of: $0, options.encryption) > found.header.maxSequence }
                ?? false
            logger.error(
                "the newest segment cannot be synced",
                metadata: ["error": "\(error)", "rows_in_log": "\(reaches)"]
            )
            return reaches ? .unsynced : .kept
        }
    }

    /// The bundles of a segment without windows that a newer one has; nil when its directory cannot be read.
    private mutating func load(_ found: RingScan.Found, _ known: inout KnownLabels) -> [SegmentBundle]? {
        switch found.header.version {
        case 1: return loadVersion1(found, &known)
        case SegmentHeader.version: break
        default:
            report.unknownSegments += 1
            logger.warning(
                "a segment of a newer version is left alone",
                metadata: ["version": "\(found.header.version)", "ring": "\(found.header.ringSequence)"]
            )
            return []
        }
        guard let outline = found.outline(), let section = found.bytes(outline.labels),
            let labels = labels(section, &known, parse: LabelTable.read)
        else { return nil }
        var bundles: [SegmentBundle] = []
        for bundle in outline.bundles {
            guard bundle.series.upperBound <= labels.references.count,
                let windows = found.windows(bundle)
            else {
                report.damagedBundles += 1
                regions.append(RingScan.Region(found, bundle.layout))
                continue
            }
            var hidden: [UInt32] = []
            for (number, window) in windows.enumerated() {
                guard sealed.insert(window.stream).inserted else {
                    hidden.append(UInt32(number))
                    continue
                }
                if Int(window.identity) < labels.identities.count {
                    head.noteSealed(labels.identities[Int(window.identity)], newest: window.maxTime)
                }
                head.nextStream = max(head.nextStream, window.stream + 1)
            }
            guard hidden.count < windows.count else { continue }
            let columns = index.adopt(Array(labels.references[bundle.series]))
            bundles.append(
                SegmentBundle(columns: columns, bounds: bundle.bounds, layout: bundle.layout, hidden: hidden)
            )
        }
        if sealedGaps.isEmpty { sealedGaps = Set(outline.gaps) }
        for gap in outline.gaps { head.addGap(gap) }
        return bundles
    }

    private mutating func loadVersion1(
        _ found: RingScan.Found,
        _ known: inout KnownLabels
    ) -> [SegmentBundle]? {
        guard let directory = found.directoryVersion1() else { return nil }
        var columns: [[SeriesReference]] = []
        for window in directory.windows {
            let labels = labels(window.labels, &known) { bytes throws(CorruptionError) in
                (try LabelSection.read(bytes, count: Int(window.window.columns)), [])
            }
            guard let labels, labels.references.count == Int(window.window.columns) else { return nil }
            columns.append(labels.references)
        }
        var bundles: [SegmentBundle] = []
        for (entry, references) in zip(directory.windows, columns)
        where sealed.insert(entry.window.stream).inserted {
            let window = entry.window
            var layout = SegmentBundle.Layout()
            layout.firstWindow = UInt32(bundles.count)
            layout.windowCount = 1
            let bounds = SegmentBundle.Bounds(
                minTime: window.minTime,
                maxTime: window.maxTime,
                minSequence: window.minSequence,
                maxSequence: window.maxSequence,
                samples: window.samples
            )
            bundles.append(
                SegmentBundle(
                    columns: index.adopt(references),
                    bounds: bounds,
                    layout: layout,
                    legacy: SegmentWindowV1(entry)
                )
            )
            head.noteSealed(entry.identity, newest: window.maxTime)
            head.nextStream = max(head.nextStream, window.stream + 1)
        }
        // Newest first: older segments have no more of them.
        if sealedGaps.isEmpty { sealedGaps = Set(directory.gaps) }
        for gap in directory.gaps { head.addGap(gap) }
        return bundles
    }

    /// What sections of labels say, by their bytes: most segments repeat those of the segment before.
    private struct KnownLabels {
        struct Table {
            var references: [SeriesReference]
            var identities: [Labels]
        }

        var tables: [[UInt8]: Table] = [:]
    }

    private mutating func labels(
        _ section: [UInt8],
        _ known: inout KnownLabels,
        parse: ([UInt8]) throws(CorruptionError) -> (series: [Labels], identities: [Labels])
    ) -> KnownLabels.Table? {
        if let table = known.tables[section] { return table }
        guard let plain = try? SegmentSection.contents(section), let parsed = try? parse(plain)
        else { return nil }
        var references: [SeriesReference] = []
        references.reserveCapacity(parsed.series.count)
        for label in parsed.series {
            let reference = index.retain(label)
            head.noteLabels(of: reference, in: index)
            references.append(reference)
        }
        // The set keeps its own mentions; those taken here were only to name the series.
        let set = index.adopt(references)
        var none: [SeriesReference] = []
        for reference in references { index.release(reference, &none) }
        pinned.append(set)
        let table = KnownLabels.Table(references: references, identities: parsed.identities)
        // Bounded: churning series must not make a start remember every segment's labels.
        if known.tables.count >= 256 { known.tables.removeAll() }
        known.tables[section] = table
        return table
    }

    /// What lies behind the last segment of each file of the ring.
    private var rests: [Int: RingScan.Region] = [:]
    /// What is to be kept aside of the ring.
    private var regions: [RingScan.Region] = []
    /// Sets held while segments load, so that remembered references stay valid.
    private var pinned: [ColumnSet] = []

    // MARK: - Log

    private mutating func scanLog() throws(StoreError) {
        do throws(FileError) {
            return try openAndScanLog()
        } catch {}
        do throws(FileError) {
            // The first failure may have been chance.
            try openAndScanLog()
        } catch {
            guard error.isOutOfSpace else { return try putLogAside(error) }
            // A full disk must not keep what is stored from being read, nor new rows from memory and ring.
            guard existing.contains(Ring.name(0)) else { throw StoreError(error) }
            logger.error(
                "no room for the log; rows are not safe until sealed",
                metadata: ["error": "\(error)"]
            )
        }
    }

    private mutating func openAndScanLog() throws(FileError) {
        let file = stage(try openLog())
        log = (file, try LogScan.scan(file, options.encryption))
    }

    /// Begins a new log beside one that cannot be used.
    private mutating func putLogAside(_ error: FileError) throws(StoreError) {
        let path = "\(options.directory)/log"
        report.unreadableFiles += 1
        isLogAside = true
        logger.error(
            "the log cannot be read; it is put aside as log.damaged, rows that are only there are not in the store",
            metadata: ["error": "\(error)"]
        )
        do throws(FileError) {
            try files.rename(path, to: "\(path).damaged")
            try files.syncDirectory(options.directory)
            do throws(FileError) {
                try openAndScanLog()
            } catch {
                // A log is worth more than one that cannot be read.
                guard error.isOutOfSpace else { throw error }
                try files.remove("\(path).damaged")
                try openAndScanLog()
            }
        } catch {
            guard existing.contains(Ring.name(0)) else { throw StoreError(error) }
            logger.error("there is no log; rows are not safe until sealed", metadata: ["error": "\(error)"])
        }
    }

    private mutating func stage(_ file: any StorageFile) -> any StorageFile {
        let staged = StagedFile.join(file, options, files, flashBytes: flashBytes, logger: logger)
        isStaged = staged is StagedFile
        return staged
    }

    private mutating func loadLog(at time: UInt64) {
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

    /// Keeps pages aside that are torn or damaged, before they are written over.
    ///
    /// A torn end is no damage, but nothing tells the two apart.
    private mutating func quarantineLog() {
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
    private mutating func noteLostLog(_ scan: LogScan) {
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
        let isCut = logSize % Int64(LogPage.size) != 0
        if isCut || logSize < options.logFileBytes {
            if isCut { report.damagedPages += 1 }
            logger.warning(
                isCut
                    ? "the log was cut off; rows that were behind are lost"
                    : "the log was smaller than configured; unless that was changed it was cut off, and rows are lost",
                metadata: ["bytes": "\(logSize)", "configured": "\(options.logFileBytes)"]
            )
        }
    }

    /// Names of files that are made after the first page of the log.
    private static let laterFiles = ["ring-", "warm-", "cold-", "state.db"]

    /// Rows that had numbers and are in no segment and before the log: what a lost file or header cost.
    ///
    /// Before the newest segment only when a segment between others is missing too; otherwise it is the ring that has
    /// come round over a part of the rows.
    private mutating func countMissingRows(before scan: LogScan) {
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

    /// Logs that a process begins.
    ///
    /// Rows of the last one that did not survive may have been shipped; their numbers are not used again. Otherwise the gap is empty, and says after a power cut that rows may have come after it.
    private mutating func begin(at next: UInt64, afterLoss: Bool, mark: UInt64) {
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

    /// Fills the log up; one that has rows is used as it is when there is no room for more.
    private func fill(_ file: any StorageFile, from size: Int64, to wanted: Int64) throws(FileError) {
        do throws(FileError) {
            try LogFile.fill(file, from: size, to: wanted)
        } catch {
            guard error.isOutOfSpace, (try? LogScan.scan(file, options.encryption).pages.isEmpty) == false
            else { throw error }
            logger.warning("no room for the whole log", metadata: ["error": "\(error)"])
        }
    }

    private mutating func openLog() throws(FileError) -> any StorageFile {
        let file = try files.open("\(options.directory)/log", .create)
        let wanted = options.logFileBytes
        let size = try file.size()
        if logSize == nil { logSize = size }
        if size > wanted {
            // Made smaller when all rows are in segments, see Store.resizeLog; at once when there are none.
            let scan = try LogScan.scan(file, options.encryption)
            isLogTooLarge = !scan.pages.isEmpty
            if isLogTooLarge { return file }
            // Somebody else's file must not be cut.
            if scan.damaged > 0 {
                throw FileError(operation: "read", path: "a log", code: ErrorNumber.inputOutput)
            }
            try file.truncate(to: wanted)
            try file.syncData()
        }
        if size < wanted { try fill(file, from: size, to: wanted) }
        // Also when it exists: a process may have died between creating it and this.
        try files.syncDirectory(options.directory)
        return file
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

extension StoreOptions {
    /// Refuses bounds a store cannot work within.
    fileprivate func check() throws(StoreError) {
        guard logBytes >= StoreOptions.smallestLogBytes else {
            throw .invalidOption("the log needs at least \(StoreOptions.smallestLogBytes) bytes")
        }
        guard ringFiles >= 2, ringBytes / Int64(ringFiles) >= StoreOptions.smallestRingFileBytes else {
            throw .invalidOption(
                "the ring needs at least two files of \(StoreOptions.smallestRingFileBytes) bytes"
            )
        }
        guard maxSeries >= 1 else { throw .invalidOption("max_series must be at least 1") }
        for (number, tier) in tiers.enumerated() {
            try tier.check(after: number > 0 ? tiers[number - 1] : nil)
        }
    }
}
