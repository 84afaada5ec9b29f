// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing

/// What was asked of a store and not given back: nothing else may be appended to.
struct SinkUses {
    private(set) var groups: [GroupID: Int] = [:]
    private(set) var series: [SeriesID: Int] = [:]

    var isEmpty: Bool { groups.isEmpty && series.isEmpty }

    mutating func take(_ group: GroupID) { groups[group, default: 0] += 1 }
    mutating func take(_ id: SeriesID) { series[id, default: 0] += 1 }

    mutating func giveBack(_ group: GroupID) {
        let uses = groups[group] ?? 0
        #expect(uses > 0, "a group given back that nobody has")
        groups[group] = uses > 1 ? uses - 1 : nil
    }

    mutating func giveBack(_ ids: [SeriesID]) {
        for id in ids {
            let uses = series[id] ?? 0
            #expect(uses > 0, "a series given back that nobody has")
            series[id] = uses > 1 ? uses - 1 : nil
        }
    }

    func check(_ batch: SampleBatch) {
        #expect(groups[batch.group] != nil, "a group nobody has")
        let ids = batch.series + batch.histograms.map(\.series) + batch.starts.map(\.series)
        #expect(ids.allSatisfy { series[$0] != nil }, "series nobody has")
    }
}
