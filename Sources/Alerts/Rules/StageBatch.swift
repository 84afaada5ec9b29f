// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// What the rules of one stage write at one time: one row of one store group.
struct StageBatch {
    private var batch: SampleBatch
    private var present: Set<SeriesID> = []
    private var ended: [SeriesID] = []

    init(group: GroupID, timestamp: Timestamp) {
        batch = SampleBatch(group: group, timestamp: timestamp)
    }

    var group: GroupID { batch.group }

    /// Adds a value; false when another rule of the stage already gave the series one.
    mutating func write(_ id: SeriesID, _ series: RuleSeries) -> Bool {
        guard present.insert(id).inserted else { return false }
        if let histogram = series.histogram {
            batch.append(id, histogram)
        } else {
            batch.append(id, series.value)
        }
        return true
    }

    /// Ends a series unless some rule of the stage writes it.
    mutating func end(_ id: SeriesID) {
        ended.append(id)
    }

    /// The whole row; nil when there is nothing to store.
    mutating func finished() -> SampleBatch? {
        for id in ended where present.insert(id).inserted { batch.append(id, StaleMarker.value) }
        return batch.count == 0 ? nil : batch
    }
}
