// SPDX-License-Identifier: Apache-2.0
//
// Which of the store's groups a pushed series goes to. A group costs some three kilobytes however few its series are, and
// whoever may push can name as many as there are series: a hundred thousand metrics without `storage.group_labels` were three
// hundred megabytes. So pushes have `limit` groups of their own, and what comes beyond shares `sharedCount` others: the same
// series are stored, with timestamps in common that they need not have in common.
//
// A group of its own is given up when its last series is; an identity goes where it went for as long as it has one.

internal import Samples

/// The groups pushed series have.
struct PushGroups: Sendable {
    /// Some fifteen megabytes of groups, and more sources than a site has.
    static let limit = 5_000
    /// Each holds a part of the rest.
    static let sharedCount = 64

    private let limit: Int
    /// The groups of identities that have one of their own.
    private var groups: [Labels: GroupID] = [:]
    /// By group its identity and how often it is in use.
    private var uses: [GroupID: (identity: Labels, count: Int)] = [:]
    /// Series that went to a group that is shared.
    private(set) var shared = 0

    init(limit: Int = limit) {
        self.limit = max(0, limit)
    }

    /// Groups in use, the shared ones included.
    var count: Int { uses.count }

    /// The identity to ask the store for.
    ///
    /// - Parameter own: the one the series would have alone.
    /// - Returns: that one, or one it shares.
    mutating func identity(_ own: Labels) -> Labels {
        if groups[own] != nil || groups.count < limit { return own }
        shared += 1
        // FNV-1a: the same after a restart, so that a series seldom changes its group.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in own.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return PushGroups.sharedIdentity(Int(hash % UInt64(PushGroups.sharedCount)))
    }

    /// Notes a use of a group that the store gave for an identity.
    mutating func take(_ group: GroupID, _ identity: Labels) {
        uses[group, default: (identity, 0)].count += 1
        if identity[PushGroups.sharedLabel] == nil { groups[identity] = group }
    }

    /// Notes that a use was given back.
    mutating func giveBack(_ group: GroupID) {
        guard let (identity, count) = uses[group] else { return }
        if count > 1 {
            uses[group] = (identity, count - 1)
        } else {
            uses[group] = nil
            groups[identity] = nil
        }
    }

    /// No series has it: identities are of group labels and the metric's name.
    private static let sharedLabel = "__shared__"

    private static func sharedIdentity(_ number: Int) -> Labels {
        Labels([(name: sharedLabel, value: String(number))])
    }
}
