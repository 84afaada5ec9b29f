// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// What the rules of one stage write at one time: one row of one store group.
struct StageBatch {
    private var batch: SampleBatch
    /// The bits of each series' value, nil for a histogram or an end.
    private var present: [SeriesID: UInt64?] = [:]
    private var ended: [SeriesID] = []

    init(group: GroupID, timestamp: Timestamp) {
        batch = SampleBatch(group: group, timestamp: timestamp)
    }

    var group: GroupID { batch.group }

    /// Adds a value; false when another rule of the stage already gave the series another one.
    mutating func write(_ id: SeriesID, _ series: RuleSeries) -> Bool {
        let bits = series.histogram == nil ? series.value.bitPattern : nil
        if let known = present[id] { return known != nil && known == bits }
        present[id] = .some(bits)
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
        for id in ended where present[id] == nil {
            present[id] = .some(nil)
            batch.append(id, StaleMarker.value)
        }
        return batch.count == 0 ? nil : batch
    }
}
