// SPDX-License-Identifier: Apache-2.0
//
// The store: log ring → head → segments. Four locks, always taken in this order:
//
//     sealer   one seal at a time; owns the place in the ring where the next segment goes
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
    let index = Mutex(SeriesIndex())
    let head: Mutex<Head>
    let families = Mutex<[String: MetricMetadata]>([:])
    let reader = SegmentReader()
    let recovery: RecoveryReport

    /// Opens the store in a directory, creating what is missing and reading back what is there.
    ///
    /// - Parameters:
    /// - options: the bounds.
    /// - files: the file system.
    /// - clock: the time.
    /// - telemetry: where the store's own metrics are registered.
    /// - logger: where the start and failures are reported.
    /// - Throws: `StoreError`; never because of damaged data.
    public init(
        _ options: StoreOptions,
        files: any FileStore,
        clock: any EdgeClock,
        telemetry: Telemetry,
        logger: Logger
    ) throws(StoreError) {
        self.options = options
        self.files = files
        self.clock = clock
        self.logger = logger
        metrics = StoreMetrics(telemetry)
        head = Mutex(Head(log: LogBuffer(sequence: 1, nextRow: 1)))
        recovery = RecoveryReport()
    }
}
