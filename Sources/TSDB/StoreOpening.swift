// SPDX-License-Identifier: Apache-2.0
//
// What a start does, in order: lock the directory, find the segments, read the log back, and note that commit order
// has a gap when the last process was not closed. Damage is counted, never an error.

internal import Logging
internal import Platform

/// The parts of a store while it opens.
struct StoreOpening {
    let options: StoreOptions
    let files: any FileStore
    let logger: Logger
    let flashBytes: Counter
    var isStaged = false
    /// The log has more bytes than it should, and rows.
    var isLogTooLarge = false
    var quarantine: Quarantine
    var index = SeriesIndex()
    var head: Head
    var ring: Ring
    var logFile = LogFile(file: nil, slotCount: 0, found: [], nextSequence: 1)
    var report = RecoveryReport()
    var lock: FileLock?
    var directory: (any StorageFile)?
    var exemplars = ExemplarRing(limit: 0)
    var existing: Set<String> = []
    var sealed: Set<UInt64> = []
    /// Gaps that the newest segment has.
    var sealedGaps: Set<Range<UInt64>> = []
    var log: (file: (any StorageFile)?, scan: LogScan) = (nil, LogScan())
    /// Bytes of the log before anything was done to it.
    var logSize: Int64?
    var isLogAside = false
    /// What lies behind the last segment of each file of the ring.
    var rests: [Int: RingScan.Region] = [:]
    /// What is to be kept aside of the ring.
    var regions: [RingScan.Region] = []
    /// Sets held while segments load, so that remembered references stay valid.
    var pinned: [ColumnSet] = []

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
            // Before the lock, so that it is the one in which that is made.
            directory = try? files.open(options.directory, .read)
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
