// SPDX-License-Identifier: Apache-2.0
//
// What no source uses any more goes once nothing of it is in memory: groups with all their series, and single series of
// groups that stay, with their parts. Found in the log by a start, both are without a use until their source asks.
//
// Invariant: whoever holds a use of a series, or of its group, may append to it; a number is given out again only after
// that. What is forgotten leaves behind how far it had come, so that a sample it has already is recognised when the
// series is back.

internal import Samples

/// A series that was taken out; its reference is a mention to be given back.
typealias ForgottenSeries = (id: SeriesID, reference: SeriesReference)

extension Head {
    /// Counts a use of a group.
    mutating func use(_ group: GroupID) {
        groups[Int(group.rawValue)].uses += 1
        released.remove(group.rawValue)
    }

    /// Gives a use of a group back.
    mutating func release(_ group: GroupID) {
        let number = Int(group.rawValue)
        guard number < groups.count, groups[number].uses > 0 else { return }
        groups[number].uses -= 1
        if groups[number].uses == 0 { released.insert(group.rawValue) }
    }

    /// Counts a use of a series.
    mutating func use(_ id: SeriesID) {
        handles[id].use()
        releasedSeries.remove(id)
    }

    /// Gives uses of series back.
    mutating func release(_ series: [SeriesID]) {
        for id in series where handles.contains(id) {
            if handles[id].giveBack() { releasedSeries.insert(id) }
        }
    }

    /// Takes out groups and series without a use that have nothing in memory any more.
    ///
    /// O(what was released), and O(series) when a group goes.
    mutating func forgetReleased(_ links: borrowing PartLinks) -> [ForgottenSeries] {
        forgetGroups() + forgetSeries(links)
    }

    private mutating func forgetGroups() -> [ForgottenSeries] {
        let gone = released.filter { groups[Int($0)].lanes.allSatisfy { lanes[Int($0)].isEmpty } }
        guard !gone.isEmpty else { return [] }
        released.subtract(gone)
        removeLanes { gone.contains($0.group) }
        var series: [ForgottenSeries] = []
        for place in handles.handles.indices where gone.contains(handles.handles[place].group) {
            series.append(remove(SeriesID(rawValue: UInt32(place))))
        }
        for number in gone {
            let group = groups[Int(number)]
            forgottenNewest = max(forgottenNewest, group.newest)
            groupByIdentity[group.identity] = nil
            groups[Int(number)] = HeadGroup(identity: Labels(), sealedNewest: .min)
            freeGroups.append(number)
        }
        return series
    }

    private mutating func forgetSeries(_ links: borrowing PartLinks) -> [ForgottenSeries] {
        var series: [ForgottenSeries] = []
        for id in releasedSeries {
            let handle = handles[id]
            // Gone with its series just now.
            guard handle.group != .max else { continue }
            if handle.isPart, let parent = links.parent(of: handle.reference),
                handles.find(parent, group: handle.group) != nil
            {
                // It goes with its series.
                releasedSeries.remove(id)
                continue
            }
            let group = Int(handle.group)
            // Where a clock was wrong nobody knows how far the series has come.
            guard !groups[group].wasAhead, !isInMemory(handle) else { continue }
            let parts = links.parts(of: handle.reference).compactMap {
                handles.find($0, group: handle.group)
            }
            guard parts.allSatisfy({ !isInMemory(handles[$0]) }) else { continue }
            for gone in parts + [id] {
                groups[group].sealedNewest = max(groups[group].sealedNewest, handles[gone].newest)
                series.append(remove(gone))
            }
        }
        return series
    }

    private func isInMemory(_ handle: SeriesHandle) -> Bool {
        handle.column != SeriesHandle.noColumn || handle.otherWindows > 0
    }

    private mutating func remove(_ id: SeriesID) -> ForgottenSeries {
        let handle = handles[id]
        if handle.lane != SeriesHandle.noLane { lanes[Int(handle.lane)].members -= 1 }
        handles[id].lane = SeriesHandle.noLane
        handles.remove(id)
        releasedSeries.remove(id)
        return (id, handle.reference)
    }
}
