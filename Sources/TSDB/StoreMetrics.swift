// SPDX-License-Identifier: Apache-2.0
//
// The store's own metrics, declared once. Gauges are computed from `Store.statistics` when asked for.

internal import Platform

/// Counters the store's parts add to.
struct StoreMetrics: Sendable {
    let appended: Counter
    let outOfOrder: Counter
    let duplicates: Counter
    let seriesLimit: Counter
    let logBytes: Counter
    let logFlashBytes: Counter
    let segmentBytes: Counter
    let logSyncs: Counter
    let writeErrors: Counter
    let corruptPages: Counter
    let corruptBlocks: Counter
    let recoveredRows: Counter
    let forcedSeals: Counter
    let sealedWindows: Counter
    let droppedWindows: Counter
    let exemplars: Counter
    let refusedExemplars: Counter
    let refusedFamilies: Counter
    let missingRows: Counter
    let missingFiles: Counter
    let quarantined: Counter
    let refusedHistograms: Counter
    let reducedHistograms: Counter
    let incompleteHistograms: Counter
    let restampedRows: Counter
    let provisionalSealed: Counter

    init(_ telemetry: Telemetry) {
        func counter(_ name: String, _ help: String) -> Counter {
            telemetry.counter("edgewatch_storage_\(name)", help)
        }
        appended = counter("appended_samples_total", "Samples stored.")
        outOfOrder = counter(
            "out_of_order_samples_total",
            "Samples refused because they were older than the out-of-order window."
        )
        duplicates = counter(
            "duplicate_samples_total",
            "Samples refused because the series has another value at that time."
        )
        seriesLimit = counter(
            "series_limit_dropped_total",
            "Series refused because storage.max_series was reached."
        )
        logBytes = counter("log_written_bytes_total", "Bytes added to pages of the log ring.")
        logFlashBytes = counter(
            "log_flash_bytes_total",
            "Bytes of the log written to its file, rewritten pages included."
        )
        segmentBytes = counter("segment_written_bytes_total", "Bytes written to the ring of segments.")
        logSyncs = counter("log_syncs_total", "Times the log was made durable.")
        writeErrors = counter("write_errors_total", "Writes and syncs the file system refused.")
        corruptPages = counter("corrupt_pages_total", "Log pages found damaged when the store was opened.")
        corruptBlocks = counter("corrupt_blocks_total", "Segment blocks and headers found damaged.")
        recoveredRows = counter("recovered_rows_total", "Rows taken from the log when the store was opened.")
        forcedSeals = counter("forced_seals_total", "Windows sealed early to make room in the log.")
        missingRows = counter(
            "missing_rows_total",
            "Rows that had been stored and were found neither in the ring nor in the log."
        )
        missingFiles = counter(
            "missing_files_total",
            "Files of the store that could not be opened, or were removed or locked away while it ran."
        )
        quarantined = counter(
            "quarantined_parts_total",
            "Damaged parts of files that were copied to a .damaged file."
        )
        droppedWindows = counter("dropped_windows_total", "Windows too large for a file of the ring.")
        exemplars = counter("appended_exemplars_total", "Exemplars stored.")
        refusedExemplars = counter(
            "out_of_order_exemplars_total",
            "Exemplars refused because they are older than the newest of their series."
        )
        refusedFamilies = counter(
            "refused_families_total",
            "Descriptions of metric families refused because there are too many."
        )
        refusedHistograms = counter(
            "refused_histograms_total",
            "Histograms refused because they have too many buckets at any resolution."
        )
        reducedHistograms = counter(
            "reduced_histograms_total",
            "Histograms stored in a coarser schema because they have too many buckets."
        )
        incompleteHistograms = counter(
            "incomplete_histograms_total",
            "Histograms left out of an answer because a part of them is damaged or gone."
        )
        restampedRows = counter(
            "restamped_rows_total",
            "Rows moved in time when the clock, not trusted when they came, was set."
        )
        provisionalSealed = counter(
            "provisional_sealed_rows_total",
            "Rows sealed with the times of a clock that was not trusted yet, for want of space."
        )
        sealedWindows = counter("sealed_windows_total", "Windows of groups written to segments.")
    }

    /// Counts what a start found.
    func count(_ report: RecoveryReport) {
        recoveredRows.add(report.rows)
        corruptPages.add(report.damagedPages)
        corruptBlocks.add(report.damagedSegments + report.damagedBundles)
        missingRows.add(Int(clamping: report.missingRows))
        missingFiles.add(report.unreadableFiles)
        quarantined.add(report.quarantined)
    }
}
