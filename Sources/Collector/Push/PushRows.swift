// SPDX-License-Identifier: Apache-2.0
//
// Gathers the samples of a request into rows: per group and time one batch, times ascending within each group. Senders
// write the samples of one scrape one after the other, so samples are kept as runs of one group and time; runs, far
// fewer than samples, are sorted, and only when they are not in order already.

internal import Samples

/// The samples of one request on their way into batches.
struct PushRows: Sendable {
    /// Consecutive samples and histograms of one group and time.
    private struct Run: Sendable {
        var group: UInt32
        var start: UInt32
        var count: UInt32 = 0
        var histogramStart: UInt32
        var histogramCount: UInt32 = 0
        var timestamp: Int64

        /// The order of batches, and within one the order sent.
        func precedes(_ other: Run) -> Bool {
            (group, timestamp, start, histogramStart)
                < (other.group, other.timestamp, other.start, other.histogramStart)
        }
    }

    private var ids: [SeriesID] = []
    private var values: [Double] = []
    /// When counting began, 0 for unknown; empty when that is so for all.
    private var starts: [Int64] = []
    private var histograms: [HistogramSample] = []
    private var histogramStarts: [Int64] = []
    private var runs: [Run] = []
    private var isOrdered = true

    var count: Int { ids.count + histograms.count }

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        histograms.removeAll()
        histogramStarts.removeAll()
        runs.removeAll(keepingCapacity: true)
        isOrdered = true
    }

    @inline(__always)
    mutating func add(_ id: SeriesID, _ group: GroupID, _ timestamp: Int64, _ value: Double) {
        runs[run(group, timestamp)].count += 1
        ids.append(id)
        values.append(value)
    }

    /// Says since when the counter behind the sample added last counts.
    mutating func note(start: Int64) {
        starts += repeatElement(0, count: ids.count - starts.count)
        starts[ids.count - 1] = start
    }

    mutating func add(
        _ id: SeriesID,
        _ group: GroupID,
        _ timestamp: Int64,
        _ histogram: NativeHistogram,
        start: Int64
    ) {
        runs[run(group, timestamp)].histogramCount += 1
        histograms.append(HistogramSample(id, histogram))
        histogramStarts.append(start)
    }

    /// The run the next sample of a group and time belongs to.
    @inline(__always)
    private mutating func run(_ group: GroupID, _ timestamp: Int64) -> Int {
        let last = runs.count - 1
        if last >= 0, runs[last].group == group.rawValue, runs[last].timestamp == timestamp { return last }
        let run = Run(
            group: group.rawValue,
            start: UInt32(ids.count),
            histogramStart: UInt32(histograms.count),
            timestamp: timestamp
        )
        if last >= 0, run.precedes(runs[last]) { isOrdered = false }
        runs.append(run)
        return last + 1
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
            batch.histograms.removeAll()
            batch.starts.removeAll()
            while index < runs.count, runs[index].group == first.group,
                runs[index].timestamp == first.timestamp
            {
                fill(&batch, runs[index])
                index += 1
            }
            try body(&batch)
        }
    }

    private func fill(_ batch: inout SampleBatch, _ run: Run) {
        let range = Int(run.start)..<Int(run.start + run.count)
        batch.series += ids[range]
        batch.values += values[range]
        for index in range.clamped(to: 0..<starts.count) where starts[index] != 0 {
            batch.append(ids[index], start: Timestamp(milliseconds: starts[index]))
        }
        let histogramRange = Int(run.histogramStart)..<Int(run.histogramStart + run.histogramCount)
        batch.histograms += histograms[histogramRange]
        for index in histogramRange where histogramStarts[index] != 0 {
            batch.append(
                histograms[index].series,
                start: Timestamp(milliseconds: histogramStarts[index])
            )
        }
    }
}

extension SampleBatch {
    /// Notes the values `keepFirstOfEach` is about to leave out because another of the same series came first.
    func noteConflicts(into refusals: inout Set<RefusedSample>) {
        let time = timestamp.milliseconds
        var firsts: [SeriesID: UInt64] = [:]
        for (id, value) in zip(series, values) where firsts.updateValue(value.bitPattern, forKey: id) != nil {
            refusals.insert(RefusedSample(id, time, value))
        }
        // The first is not refused, nor is what equals it.
        firsts.removeAll(keepingCapacity: true)
        for (id, value) in zip(series, values) where firsts[id] == nil {
            firsts[id] = value.bitPattern
            refusals.remove(RefusedSample(id, time, value))
        }
        var firstHistograms: Set<SeriesID> = []
        for sample in histograms {
            let entry = RefusedSample(sample.series, time, sample.histogram)
            if firsts[sample.series] != nil {
                refusals.insert(entry)
            } else if firstHistograms.insert(sample.series).inserted {
                refusals.remove(entry)
            } else {
                refusals.insert(entry)
            }
        }
    }

    /// Keeps the first of several values of a series; a batch may have each series once.
    ///
    /// - Returns: of those left out, how many samples and histograms are what was kept, and how many are not.
    mutating func keepFirstOfEach() -> (samples: Int, histograms: Int, conflicting: Int) {
        var firsts: [SeriesID: UInt64] = [:]
        firsts.reserveCapacity(series.count)
        var kept = 0
        var conflicting = 0
        for index in series.indices {
            let bits = values[index].bitPattern
            if let first = firsts[series[index]] {
                if first != bits { conflicting += 1 }
                continue
            }
            firsts[series[index]] = bits
            series[kept] = series[index]
            values[kept] = values[index]
            kept += 1
        }
        let removed = series.count - kept
        series.removeLast(removed)
        values.removeLast(removed)
        let samples = removed - conflicting
        guard !histograms.isEmpty else { return (samples, 0, conflicting) }
        var firstHistograms: [SeriesID: NativeHistogram] = [:]
        var repeated = 0
        histograms.removeAll { sample in
            // A value of the same time came first.
            if firsts[sample.series] != nil {
                conflicting += 1
                return true
            }
            guard let first = firstHistograms[sample.series] else {
                firstHistograms[sample.series] = sample.histogram
                return false
            }
            if first == sample.histogram { repeated += 1 } else { conflicting += 1 }
            return true
        }
        return (samples, repeated, conflicting)
    }
}
