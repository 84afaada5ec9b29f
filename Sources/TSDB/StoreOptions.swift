// SPDX-License-Identifier: Apache-2.0
//
// What the `storage` section of the configuration decides, with its defaults and lower bounds.

/// The bounds of a store.
public struct StoreOptions: Sendable {
    /// The data directory; created when missing.
    public var directory: String
    /// Bytes of the ring of segments on disk.
    public var ringBytes: Int64
    /// Files the ring is cut into.
    public var ringFiles: Int
    /// Bytes of the log ring; a start gives the log its new size.
    public var logBytes: Int
    /// The longest time a row may not be on flash yet; zero syncs before acknowledging, nil is the default for the way
    /// the log is written.
    public var syncInterval: Duration?
    /// A file in shared memory in which the log's newest pages grow; nil writes each append to the log's file.
    public var stagingPath: String?
    /// Staging files that earlier processes may have used: what is left in them is brought into the log, and they are
    /// removed.
    public var leftStagingPaths: [String] = []
    /// The most series with samples in the open windows or just registered.
    public var maxSeries: Int
    /// The most exemplars in memory, about 200 bytes each; 0 keeps none.
    public var maxExemplars = 10_000
    /// How far behind the newest row of its group a row may come.
    public var outOfOrderWindow: Duration
    /// How files are encrypted; nil writes them plain and reads only plain ones.
    public var encryption: StoreEncryption?
    /// When this release was made, in milliseconds since 1970: no true time is before it.
    public var releaseTime: Int64 = 0
    /// Samples older than this are no longer answered; nil keeps what the ring holds.
    public var retention: Duration?
    /// Rings of rows that outlive the samples, from short windows to long ones.
    public var tiers: [TierOptions]

    /// Creates options with the documented defaults.
    public init(
        directory: String,
        ringBytes: Int64 = 1 << 30,
        ringFiles: Int = 10,
        logBytes: Int = 32 << 20,
        syncInterval: Duration? = nil,
        stagingPath: String? = nil,
        maxSeries: Int = 100_000,
        outOfOrderWindow: Duration = .seconds(600),
        retention: Duration? = nil,
        tiers: [TierOptions] = []
    ) {
        self.directory = directory
        self.ringBytes = ringBytes
        self.ringFiles = ringFiles
        self.logBytes = logBytes
        self.syncInterval = syncInterval
        self.stagingPath = stagingPath
        self.maxSeries = maxSeries
        self.outOfOrderWindow = outOfOrderWindow
        self.retention = retention
        self.tiers = tiers
    }

    /// The default of `syncInterval` when every append is written to the log's file anyway.
    public static let writtenSyncInterval = Duration.seconds(10)
    /// The default of `syncInterval` when pages grow in shared memory.
    public static let stagedSyncInterval = Duration.seconds(600)
    /// Full pages in shared memory at which the log is synced before the interval has passed: as many bytes as the
    /// file system's journal takes for it.
    static let stagedSyncPages = 3

    /// The staging file that is used.
    var usedStagingPath: String? { syncInterval == .zero ? nil : stagingPath }
    /// The staging files that are not used and may have something.
    var unusedStagingPaths: [String] {
        Set(leftStagingPaths + [stagingPath].compactMap(\.self)).filter { $0 != usedStagingPath }.sorted()
    }

    /// The smallest log: sixteen pages, so that a quarter of it still takes a batch.
    public static let smallestLogBytes = 16 * 4096
    /// The smallest ring: per file 64 KiB, room for a small segment.
    public static let smallestRingFileBytes: Int64 = 64 << 10
}

/// When windows close; fixed, because blocks of other sizes code worse (the measurements are in the reference).
enum WindowLimit {
    /// Rows after which a window is due.
    static let rows = 1024
    /// Rows at which the appender itself seals, when nobody calls `maintain`.
    static let hardRows = 4 * rows
    /// Rows and columns at which a window ends, sealed or not; a quarter of what readers of segments accept.
    static let mostRows = IntegerColumn.countLimit / 4
    static let mostColumns = RowCoder.columnLimit / 4
    /// Rows after which an appender looks at the bytes of a window, which takes a moment.
    static let sizeInterval = 16
    /// Time span after which a window is due, in milliseconds.
    static let spanMilliseconds: Int64 = 2 * 3600 * 1000
    /// Late rows a window holds; further ones force a seal at the next maintenance.
    static let lateRows = 4096
    /// Late rows at which the appender itself seals.
    static let hardLateRows = 4 * lateRows
    /// Nanoseconds without a row after which a window is due: its series may never come back, and it holds the log.
    static let idleNanoseconds: UInt64 = 2 * 3600 * 1_000_000_000
    /// The same for backfill, which ends without saying so.
    static let idleOldNanoseconds: UInt64 = 60 * 1_000_000_000
}

extension StoreOptions {
    /// Bytes of the log file: whole pages.
    var logFileBytes: Int64 { Int64(logBytes / LogPage.size * LogPage.size) }
}
