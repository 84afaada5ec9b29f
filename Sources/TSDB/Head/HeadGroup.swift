// SPDX-License-Identifier: Apache-2.0
//
// A group as its sources know it: an identity, and the lanes its rows go to.

internal import Samples

/// The state of one group.
struct HeadGroup: Sendable {
    let identity: Labels
    /// Numbers of its lanes, those for backfill included.
    var lanes: [UInt32] = []
    /// Time of the newest row, backfill not included.
    var newest: Int64
    /// No sample that was in segments when the group appeared is newer.
    var sealedNewest: Int64
    /// Grows with everything that could change whether a late value is a duplicate.
    var version: UInt64 = 0
    /// A wrong clock's rows were left ahead of those of now; what its series have is not an upper bound then.
    var wasAhead = false
    /// How often sources asked for the group and did not give it back; without a use its series go when they are sealed.
    var uses = 0

    init(identity: Labels, sealedNewest: Int64) {
        self.identity = identity
        self.sealedNewest = sealedNewest
        newest = sealedNewest
    }

    /// Lanes a group may have for rows in order.
    ///
    /// Prometheus spreads a target over 50 connections at most by default, each with a pace of its own. A lane costs
    /// some 2 KiB, and every append of the group and every query of its series that moved looks through them.
    static let laneLimit = 64
    /// Lanes for backfill: passes over different times that run at once.
    static let oldLaneLimit = 8
}
