// SPDX-License-Identifier: Apache-2.0

public import Samples

/// What a store holds now, and what its last start found.
public struct StoreStatistics: Sendable {
    /// Series with samples in open windows.
    public var activeSeries = 0
    /// Parts of series, such as buckets of histograms, with values in open windows; they count against the series limit.
    public var activeParts = 0
    /// Series known at all, those only in segments included.
    public var series = 0
    /// Groups known to this process.
    public var groups = 0
    /// Samples in memory, not yet in a segment.
    public var headSamples = 0
    /// Bytes of coded chunks, raw tails and late rows in memory.
    public var headBytes = 0
    /// Segments that can be read.
    public var segments = 0
    /// Samples in those segments.
    public var segmentSamples: UInt64 = 0
    /// Bytes of those segments.
    public var ringBytesUsed: Int64 = 0
    /// Bytes the ring may take.
    public var ringBytes: Int64 = 0
    /// Bytes of the log file; 0 when there was no room for one.
    public var logBytes: Int64 = 0
    /// The share of the log that holds rows not yet in a segment, 0 to 1.
    public var logFill: Double = 0
    /// The oldest sample, nil when there is none.
    public var oldest: Timestamp?
    /// The newest sample, nil when there is none.
    public var newest: Timestamp?
    /// The rows that outlive the samples, from short windows to long ones.
    public var tiers: [TierStatistics] = []
    /// What the last start found.
    public var recovery = RecoveryReport()
}

/// What a tier holds now.
public struct TierStatistics: Sendable {
    /// `warm` or `cold`.
    public var name: String
    /// What a row stands for.
    public var resolution: Duration
    /// Bytes the tier's ring may take.
    public var ringBytes: Int64
    /// Bytes of its readable segments.
    public var ringBytesUsed: Int64 = 0
    /// Rows in those segments.
    public var rows: UInt64 = 0
    /// The end of the oldest window, nil when there is none.
    public var oldest: Timestamp?
    /// The end of the newest window, nil when there is none.
    public var newest: Timestamp?
}

/// What opening a store found and gave up.
public struct RecoveryReport: Sendable, Equatable {
    /// Rows taken from the log into memory.
    public var rows = 0
    /// Samples in those rows.
    public var samples = 0
    /// Segments found readable.
    public var segments = 0
    /// Places in ring files whose segment could not be read.
    public var damagedSegments = 0
    /// Parts of readable segments whose directory could not be read.
    public var damagedBundles = 0
    /// Segments that a newer version of the program wrote.
    public var unknownSegments = 0
    /// Log pages whose checksum failed or that are missing from the middle.
    public var damagedPages = 0
    /// Rows that had to be skipped because what they build on was damaged.
    public var skippedRows = 0
    /// Rows that had been stored, and of which no segment and no log page was found.
    public var missingRows: UInt64 = 0
    /// Files that could not be opened or read; ring files among them are not written either.
    public var unreadableFiles = 0
    /// Damaged parts of files that were copied aside.
    public var quarantined = 0
    /// Whether the previous process had closed the store.
    public var wasClosedCleanly = false
    /// Milliseconds the start took.
    public var milliseconds: Int64 = 0

    /// Whether anything was lost.
    public var isDamaged: Bool {
        damagedSegments > 0 || damagedBundles > 0 || damagedPages > 0 || skippedRows > 0
            || missingRows > 0 || unreadableFiles > 0
    }

    /// Creates a report of an empty store.
    public init() {}
}
