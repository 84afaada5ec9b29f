// SPDX-License-Identifier: Apache-2.0
//
// The store: log ring → head → segments. Seven locks, always taken in this order:
//
//     lateParts  one late batch with histograms at a time
//     parts    handles of parts of series; batches without histograms and start timestamps never take it
//     sealer   one seal at a time; owns the place in the ring where the next segment goes
//     syncer   one fdatasync of the log at a time; appenders take it only when every append is to be synced
//     index    labels and postings; selectors with slow expressions hold it, appends of known series never take it
//     writer   the log file; held while writing, so that pages reach it in order
//     head     everything in memory; held for microseconds
//
// A reader takes `head` only to copy references to immutable chunks and segments, and decodes without it.

public import Logging
public import Platform
internal import Samples
internal import Synchronization

/// A bounded, restart-safe store of samples.
public final class Store: Sendable {
    let options: StoreOptions
    let files: any FileStore
    let clock: any EdgeClock
    let logger: Logger
    let metrics: StoreMetrics
    let trust: Mutex<ClockTrust>
    let syncer = Mutex<Void>(())
    let sealer: Mutex<Sealer>
    let index: Mutex<SeriesIndex>
    let writer: Mutex<LogWriter>
    let head: Mutex<Head>
    let parts = Mutex(PartTable())
    let lateParts = Mutex<Void>(())
    let families = Mutex(KeptFamilies())
    let exemplars: Mutex<ExemplarRing>
    let damage = FoundDamage()
    let reader: SegmentReader
    let tierReader: TierReader
    /// Per tier the milliseconds of a span, and what it counts.
    let tierLengths: [Int64]
    let tierCounters: [TierCounters]
    /// The newest time that any tier has rows for.
    let tierNewest: Atomic<Int64>
    let recovery: RecoveryReport
    /// The number of the first row that this process takes.
    let firstRow: UInt64
    /// Pages of the log grow in shared memory.
    let isStaged: Bool
    let syncInterval: Duration
    let isPowerUncertain = Atomic(false)
    let directoryLock: Mutex<FileLock?>
    /// The directory itself, held so that its number is given to no other one.
    let openDirectory: Mutex<(any StorageFile)?>

    /// Opens the store in a directory, creating what is missing and reading back what is there.
    ///
    /// - Parameters:
    ///   - options: the bounds.
    ///   - files: the file system.
    ///   - clock: the time.
    ///   - telemetry: where the store's own metrics are registered.
    ///   - logger: where the start and failures are reported.
    /// - Throws: `StoreError`; never because of damaged data.
    public init(
        _ options: StoreOptions,
        files: any FileStore,
        clock: any EdgeClock,
        telemetry: Telemetry,
        logger: Logger
    ) throws(StoreError) {
        let began = clock.monotonicNanoseconds()
        metrics = StoreMetrics(telemetry)
        var opening = try StoreOpening(options, files: files, logger: logger, metrics: metrics, at: began)
        self.options = options
        self.files = files
        self.clock = clock
        self.logger = logger
        isStaged = opening.isStaged
        syncInterval =
            options.syncInterval
            ?? (isStaged ? StoreOptions.stagedSyncInterval : StoreOptions.writtenSyncInterval)
        reader = SegmentReader(corruptBlocks: metrics.corruptBlocks, damage: damage)
        tierReader = TierReader(corruptBlocks: metrics.corruptBlocks, damage: damage)
        let tiers = opening.openTiers(at: clock.wallMilliseconds(), telemetry)
        tierLengths = tiers.map { $0.spanLength }
        tierCounters = tiers.map { $0.counters }
        tierNewest = Atomic(tiers.reduce(.min) { max($0, $1.coverage.spans.last?.through ?? .min) })
        sealer = Mutex(Sealer(ring: opening.ring, tiers: tiers))
        index = Mutex(opening.index)
        writer = Mutex(LogWriter(file: opening.logFile))
        head = Mutex(opening.head)
        exemplars = Mutex(opening.exemplars)
        directoryLock = Mutex(opening.lock)
        openDirectory = Mutex(opening.directory)
        firstRow = opening.head.nextSequence
        var report = opening.report
        report.milliseconds = Int64((clock.monotonicNanoseconds() - began) / 1_000_000)
        recovery = report
        metrics.count(report)
        let newest = opening.head.newestSettledTime
        trust = Mutex(ClockTrust(release: options.releaseTime, newest: newest))
        self.report(report)
        registerGauges(telemetry)
        lookAtClock()
        settleEarlierBoots(after: newest)
        loadFamilies()
        // What says that this process began must be durable before any number it gives to a row can be shipped.
        flushLog()
        try? syncLog()
        if opening.isLogTooLarge { resizeLog() }
    }

    private func report(_ report: RecoveryReport) {
        let metadata: Logger.Metadata = [
            "rows": "\(report.rows)", "segments": "\(report.segments)",
            "milliseconds": "\(report.milliseconds)",
            "damaged_segments": "\(report.damagedSegments)", "damaged_pages": "\(report.damagedPages)",
            "skipped_rows": "\(report.skippedRows)", "missing_rows": "\(report.missingRows)",
            "unreadable_files": "\(report.unreadableFiles)", "quarantined": "\(report.quarantined)",
        ]
        if report.isDamaged {
            logger.warning("store opened; damaged parts were left out", metadata: metadata)
        } else {
            logger.info("store opened", metadata: metadata)
        }
    }
}
