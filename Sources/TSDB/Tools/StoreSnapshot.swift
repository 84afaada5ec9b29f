// SPDX-License-Identifier: Apache-2.0
//
// A data directory looked at without a daemon and without changing it, also while one runs: what that one still
// writes may then show as damage at the very end. The bounds of the store are taken from the files there are.

internal import Bytes
public import Logging
public import Platform
internal import Samples
internal import Synchronization

/// A store opened only to be looked at.
public final class StoreSnapshot: Sendable {
    /// The store; what is appended to it is lost.
    public let store: Store
    /// Whether a running process holds the directory.
    public let isInUse: Bool

    /// Opens a directory.
    ///
    /// - Parameters:
    ///   - directory: the data directory; must exist.
    ///   - files: the file system.
    ///   - clock: the time.
    ///   - logger: where damage is reported.
    ///   - encryption: what its files are encrypted with.
    ///   - staging: files in which a process that was killed may have left pages of the log.
    /// - Throws: `StoreError` when the directory cannot be read, is no data directory or wants another key; never because
    ///   of damage.
    public init(
        _ directory: String,
        files: any FileStore,
        clock: any EdgeClock,
        logger: Logger,
        encryption: StoreEncryption? = nil,
        staging: [String] = []
    ) throws(StoreError) {
        do throws(FileError) {
            let names = try files.list(directory)
            isInUse = names.contains("lock") ? try files.lock("\(directory)/lock") == nil : false
            guard names.contains("log") || names.contains(where: { $0.hasPrefix("ring-") }) else {
                throw FileError(operation: "open", path: "\(directory)/log", code: ErrorNumber.missing)
            }
        } catch {
            throw StoreError(error)
        }
        var options = try StoreOptions(foundIn: directory, files: files)
        options.encryption = encryption
        options.leftStagingPaths = staging
        store = try Store(
            options,
            files: SnapshotFiles(files),
            clock: clock,
            telemetry: Telemetry(),
            logger: logger
        )
    }

    // MARK: - Looking

    /// A segment as `dump` lists it.
    public struct SegmentLine: Sendable {
        /// The ring file's number and the place in it.
        public var file: Int, offset: Int64
        /// Bytes without padding.
        public var bytes: Int
        /// The number of the segment in the ring.
        public var sequence: UInt64
        /// Windows and samples in it.
        public var windows: Int, samples: UInt64
        /// Milliseconds since 1970 of its oldest and newest row.
        public var from: Int64, through: Int64
        /// Its rows' places in commit order.
        public var rows: ClosedRange<UInt64>
    }

    /// The readable segments of raw samples, oldest first.
    public var segments: [SegmentLine] {
        store.head.withLock { $0.segments }.filter { $0.minSequence <= $0.maxSequence }.map { segment in
            SegmentLine(
                file: segment.fileNumber,
                offset: segment.offset,
                bytes: segment.length,
                sequence: segment.ringSequence,
                windows: segment.windowCount,
                samples: segment.samples,
                from: segment.minTime,
                through: segment.maxTime,
                rows: segment.minSequence...segment.maxSequence
            )
        }
    }

    // MARK: - Verifying

    /// What a verification went through.
    public struct Verification: Sendable {
        /// Segments, windows of groups, blocks and samples that were decoded.
        public var segments = 0, windows = 0, blocks = 0, samples: UInt64 = 0
        /// What is wrong, a line each, at most `limit` of them.
        public var damage: [String] = []
        /// Further damage beyond the limit.
        public var more = 0

        /// Lines of damage kept.
        public static let limit = 1000

        mutating func note(_ line: String) {
            if damage.count < Verification.limit { damage.append(line) } else { more += 1 }
        }
    }

    /// Checks every checksum and decodes every block, of segments, tiers and the log.
    ///
    /// Cost: reads and decodes everything once.
    public func verify() -> Verification {
        var result = Verification()
        let report = store.recovery
        if report.damagedSegments > 0 {
            result.note("\(report.damagedSegments) places in ring files whose segment cannot be read")
        }
        if report.damagedBundles > 0 {
            result.note("\(report.damagedBundles) directories of segments that cannot be read")
        }
        if report.unknownSegments > 0 {
            result.note("\(report.unknownSegments) segments that a newer edgewatch wrote")
        }
        if report.damagedPages > 0 {
            result.note("\(report.damagedPages) damaged or missing pages of the log")
        }
        if report.skippedRows > 0 { result.note("\(report.skippedRows) rows of the log that cannot be read") }
        for segment in store.head.withLock({ $0.segments }) {
            result.segments += 1
            for bundle in segment.bundles.indices { verify(segment, bundle, &result) }
        }
        verifySeries(&result)
        return result
    }

    private func verify(_ segment: Segment, _ bundle: Int, _ result: inout Verification) {
        let place = "ring-\(segment.fileNumber < 10 ? "0" : "")\(segment.fileNumber) at \(segment.offset)"
        do throws(SourceError) {
            for (number, window) in try store.reader.windows(segment, bundle: bundle) {
                result.windows += 1
                let times = try store.reader.times(segment, number)
                if times.count != Int(window.rows) { result.note("\(place): window \(number) has lost rows") }
                for column in 0..<Int(window.columns) {
                    verify(segment, number, column, rows: times.count, place, &result)
                }
            }
        } catch {
            result.note("\(place): \(error.words)")
        }
    }

    private func verify(
        _ segment: Segment,
        _ window: Int,
        _ column: Int,
        rows: Int,
        _ place: String,
        _ result: inout Verification
    ) {
        var cells = ColumnCells()
        do throws(SourceError) {
            try store.reader.cells(segment, window, column, into: &cells)
            result.blocks += 1
            result.samples += UInt64(cells.states.count { $0 != CellState.absent })
            if cells.states.count != rows {
                result.note(
                    "\(place): window \(window), series \(column) has \(cells.states.count) of \(rows) rows"
                )
            }
            let summary = try store.reader.summary(segment, window, column)
            if let summary, summary.count != cells.values.count {
                result.note("\(place): window \(window), series \(column) is not what its summary says")
            }
        } catch {
            result.note("\(place): window \(window), series \(column): \(error.words)")
        }
    }

    /// Reads every series once, which takes memory and the tiers in as well.
    private func verifySeries(_ result: inout Verification) {
        do throws(SourceError) {
            let all = try store.select([], from: .min, through: .max)
            var columns = SampleColumns()
            for index in 0..<all.count {
                columns.removeAll()
                do throws(SourceError) {
                    try all.read(index, from: .min, through: .max, into: &columns)
                } catch {
                    result.note("\(all.labels(index)): \(error.words)")
                    continue
                }
                for place in columns.timestamps.indices.dropFirst()
                where columns.timestamps[place] <= columns.timestamps[place - 1] {
                    result.note("\(all.labels(index)): times do not ascend at \(columns.timestamps[place])")
                    break
                }
            }
        } catch {
            result.note(error.words)
        }
    }
}

extension SourceError {
    var words: String {
        switch self {
        case .unreadable(let reason): reason
        }
    }
}
