// SPDX-License-Identifier: Apache-2.0

public import Samples

/// How one discovery of a job is doing, for people.
public struct DiscoveryState: Sendable, Equatable {
    /// The job's name.
    public var job: String
    /// The kind: `static`, `file`, `http`, `dns`, `kubernetes`.
    public var mechanism: String
    /// Targets found, before relabeling.
    public var targets = 0
    /// When something was found last, nil before the first time.
    public var lastSuccess: Timestamp?
    /// Why the last attempt failed, nil when it did not.
    public var lastError: String?
}

/// What relabeling drops, by job.
public struct DroppedCount: Sendable, Equatable {
    /// The job's name.
    public var job: String
    /// Targets dropped, also those no longer kept.
    public var count: Int
}
