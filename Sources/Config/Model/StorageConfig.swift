// SPDX-License-Identifier: Apache-2.0

/// The store.
public struct StorageConfig: Sendable, Equatable {
    /// The data directory; nil leaves it to the command line (`./data`).
    public var path: String?
    /// The ring of segment files.
    public var circularBuffer = CircularBuffer()
    /// The log of rows not yet in a segment.
    public var wal = WAL()
    /// Series beyond this are refused and counted.
    public var maxSeries = 100_000
    /// Exemplars in memory over all series; 0 keeps none.
    public var maxExemplars = 10_000
    /// How much older than a group's newest row a late row may be.
    public var outOfOrderWindow = Duration.seconds(600)
    /// Pushed series with equal values of these labels are stored as one group, with one timestamp column.
    public var groupLabels = ["job", "instance"]
    /// Samples older than this are not served; nil keeps all the ring still holds.
    public var retention: Duration?
    /// What outlives the samples.
    public var tiers = TiersConfig(ringSize: CircularBuffer().size)
    /// How files are encrypted; nil leaves them plain.
    public var encryption: EncryptionConfig?

    /// The fixed-size ring that holds the samples.
    public struct CircularBuffer: Sendable, Equatable {
        /// Bytes of all files together.
        public var size: Int64 = 1 << 30
        /// The number of files.
        public var segments = 10

        /// Creates the defaults.
        public init() {}
    }

    /// Where the newest pages of the log are between syncs.
    public enum Staging: Sendable, Equatable {
        /// In `/dev/shm`, except in a container, whose shared memory ends with it.
        case automatic
        /// In the log's file: every append is a write to flash.
        case off
        /// In this directory, which must be in memory and outlive the process.
        case directory(String)
    }

    /// The log every row is in before it counts as stored.
    public struct WAL: Sendable, Equatable {
        /// Bytes of the log's file.
        public var size: Int64 = 32 << 20
        /// The most time a power cut may take back; zero syncs before acknowledging, nil leaves it to the store.
        public var syncInterval: Duration?
        /// Where the log's newest pages grow between syncs.
        public var staging = Staging.automatic

        /// Creates the defaults.
        public init() {}
    }

    /// Creates the defaults.
    public init() {}
}
