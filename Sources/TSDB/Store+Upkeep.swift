// SPDX-License-Identifier: Apache-2.0
//
// What the daemon's upkeep thread does every second, and the orderly end.

internal import Samples
internal import Synchronization

extension Store {
    /// Seals windows that are due and makes the log durable when it is time; call it about once a second.
    ///
    /// After an error the store goes on from memory; call it again as before.
    ///
    /// - Throws: `StoreError` when a segment or the log could not be written this time.
    public func maintain() throws(StoreError) {
    }

    /// Makes the log durable and refuses everything after; a restart reads the log back.
    public func close() {
        head.withLock { $0.isClosed = true }
    }

    /// What the store holds now.
    public var statistics: StoreStatistics {
        var statistics = StoreStatistics()
        statistics.series = index.withLock { $0.count }
        statistics.recovery = recovery
        head.withLock { $0.describe(&statistics) }
        return statistics
    }
}

extension Head {
    /// Fills in what memory holds.
    func describe(_ statistics: inout StoreStatistics) {
        statistics.activeSeries = handles.active
        statistics.groups = groups.count
        var oldest = Int64.max
        var newest = Int64.min
        for group in groups {
            for window in group.frozen + [group.window] where !window.isEmpty {
                statistics.headSamples += window.samples
                statistics.headBytes += window.byteCount
                oldest = min(oldest, window.minTime)
                newest = max(newest, window.maxTime)
            }
        }
        for segment in segments {
            oldest = min(oldest, segment.minTime)
            newest = max(newest, segment.maxTime)
        }
        statistics.segments = segments.count
        guard oldest <= newest else { return }
        statistics.oldest = Timestamp(milliseconds: oldest)
        statistics.newest = Timestamp(milliseconds: newest)
    }
}
