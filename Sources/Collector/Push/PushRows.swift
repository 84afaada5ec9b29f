// SPDX-License-Identifier: Apache-2.0
//
// Gathers the samples of a request into rows: per group and time one batch, times ascending within each group. Senders
// write the samples of one scrape one after the other, so samples are kept as runs of one group and time; runs, far
// fewer than samples, are sorted, and only when they are not in order already.

internal import Samples

/// The samples of one request on their way into batches.
struct PushRows: Sendable {
    /// Consecutive samples of one group and time.
    private struct Run: Sendable {
        var group: UInt32
        var start: UInt32
        var count: UInt32
        var timestamp: Int64

        func precedes(_ other: Run) -> Bool {
            (group, timestamp, start) < (other.group, other.timestamp, other.start)
        }
    }

    private var ids: [SeriesID] = []
    private var values: [Double] = []
    private var runs: [Run] = []
    private var isOrdered = true

    var count: Int { ids.count }

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        runs.removeAll(keepingCapacity: true)
        isOrdered = true
    }

    @inline(__always)
    mutating func add(_ id: SeriesID, _ group: GroupID, _ timestamp: Int64, _ value: Double) {
        let last = runs.count - 1
        if last >= 0, runs[last].group == group.rawValue, runs[last].timestamp == timestamp {
            runs[last].count += 1
        } else {
            let run = Run(group: group.rawValue, start: UInt32(ids.count), count: 1, timestamp: timestamp)
            if last >= 0, run.precedes(runs[last]) { isOrdered = false }
            runs.append(run)
        }
        ids.append(id)
        values.append(value)
    }

    /// Calls the body with each batch in turn.
    ///
    /// - Parameters:
    ///   - batch: filled anew for each call, so that its memory is used again.
    ///   - body: what to do with it.
    /// - Throws: what the body throws; the batches after it are not made.
    mutating func forEachBatch(
        using batch: inout SampleBatch,
        _ body: (inout SampleBatch) throws(SinkError) -> Void
    ) throws(SinkError) {
        if !isOrdered { runs.sort { $0.precedes($1) } }
        var index = 0
        while index < runs.count {
            let first = runs[index]
            batch.group = GroupID(rawValue: first.group)
            batch.timestamp = Timestamp(milliseconds: first.timestamp)
            batch.series.removeAll(keepingCapacity: true)
            batch.values.removeAll(keepingCapacity: true)
            while index < runs.count, runs[index].group == first.group,
                runs[index].timestamp == first.timestamp
            {
                let range = Int(runs[index].start)..<Int(runs[index].start + runs[index].count)
                batch.series += ids[range]
                batch.values += values[range]
                index += 1
            }
            try body(&batch)
        }
    }
}

extension SampleBatch {
    /// Keeps the first of several values of a series; a batch may have each series once.
    ///
    /// - Returns: how many left out had another value, and how many the same.
    mutating func keepFirstOfEach() -> (conflicting: Int, repeated: Int) {
        var firsts: [SeriesID: UInt64] = [:]
        firsts.reserveCapacity(series.count)
        var kept = 0
        var conflicting = 0
        for index in series.indices {
            let bits = values[index].bitPattern
            if let first = firsts.updateValue(bits, forKey: series[index]) {
                firsts[series[index]] = first
                if first != bits { conflicting += 1 }
                continue
            }
            series[kept] = series[index]
            values[kept] = values[index]
            kept += 1
        }
        let removed = series.count - kept
        series.removeLast(removed)
        values.removeLast(removed)
        return (conflicting, removed - conflicting)
    }
}
