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
    /// The directory's files as they are, without what opening the store has changed.
    let files: SnapshotFiles
    let directory: String

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
            isInUse = names.contains("lock") && files.isLocked("\(directory)/lock")
            // Of a store that has lost its log other files may be left.
            let isOurs = names.contains { name in
                ["log", FamilyFile.name, "state.db"].contains(name)
                    || ["ring-", "warm-", "cold-"].contains { name.hasPrefix($0) }
            }
            guard isOurs else {
                throw FileError(operation: "open", path: "\(directory)/log", code: ErrorNumber.missing)
            }
        } catch {
            guard !error.isMissing else { throw StoreError.notADataDirectory(directory) }
            throw error.code == ErrorNumber.accessDenied ? .notReadable(error) : StoreError(error)
        }
        self.files = SnapshotFiles(files)
        self.directory = directory
        var options = try StoreOptions(foundIn: directory, files: files, encryption: encryption)
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

    /// The files of a ring.
    public struct RingFiles: Sendable, Equatable {
        /// How many there are, and their bytes.
        public var count = 0, bytes: Int64 = 0
    }

    /// What the files of the ring of samples (`ring`) or of a tier take on disk.
    public func ringFiles(_ name: String) -> RingFiles {
        var found = RingFiles()
        for file in (try? files.list(directory)) ?? [] where file.hasPrefix("\(name)-") {
            guard Int(file.dropFirst(name.count + 1)) != nil else { continue }
            found.count += 1
            found.bytes += (try? files.open("\(directory)/\(file)", .read).size()) ?? 0
        }
        return found
    }

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
}

extension SourceError {
    var words: String {
        switch self {
        case .unreadable(let reason): reason
        }
    }
}
