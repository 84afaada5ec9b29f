// SPDX-License-Identifier: Apache-2.0

import Samples
import Synchronization
import Testing

/// A store with the real one's answers and nothing behind it: a series has one value at a time.
final class PushedStore: SampleSink {
    struct State {
        var groups: [Labels] = []
        var series: [Labels] = []
        var groupOf: [GroupID] = []
        var samples: [SeriesID: [Int64: UInt64]] = [:]
        var histograms: [SeriesID: [Int64: NativeHistogram]] = [:]
        var starts: [SeriesID: [Int64: Int64]] = [:]
        var exemplars: [SeriesID: [Exemplar]] = [:]
        /// Group and time of each batch, in the order they came.
        var batches: [(group: Labels, time: Int64, count: Int)] = []
        var metadata: [MetricMetadata] = []
        var limit = Int.max
        /// Times before this one are out of order.
        var oldest = Int64.min
        var failure: SinkError?
        var lookups = 0
        var uses = SinkUses()
    }

    let state = Mutex(State())

    func group(_ identity: Labels) throws(SinkError) -> GroupID {
        try state.withLock { state throws(SinkError) in
            if let failure = state.failure { throw failure }
            let known = state.groups.firstIndex(of: identity)
            if known == nil { state.groups.append(identity) }
            let group = GroupID(rawValue: UInt32(known ?? state.groups.count - 1))
            state.uses.take(group)
            return group
        }
    }

    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        try state.withLock { state throws(SinkError) in
            state.lookups += 1
            let known = state.series.firstIndex(of: labels)
            if known == nil {
                guard state.series.count < state.limit else { throw .seriesLimit(state.limit) }
                state.series.append(labels)
                state.groupOf.append(group)
            }
            let id = SeriesID(rawValue: UInt32(known ?? state.series.count - 1))
            state.uses.take(id)
            return id
        }
    }

    func release(_ group: GroupID) { state.withLock { $0.uses.giveBack(group) } }
    func release(_ series: [SeriesID]) { state.withLock { $0.uses.giveBack(series) } }

    /// Labels of series that somebody has.
    var used: [String] {
        state.withLock { state in state.uses.series.keys.map { "\(state.series[Int($0.rawValue)])" }.sorted()
        }
    }

    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        #expect(batch.acceptsOld)
        #expect(Set(batch.series + batch.histograms.map(\.series)).count == batch.count)
        return try state.withLock { state throws(SinkError) in
            if let failure = state.failure { throw failure }
            state.uses.check(batch)
            let time = batch.timestamp.milliseconds
            state.batches.append((state.groups[Int(batch.group.rawValue)], time, batch.count))
            guard time >= state.oldest else { return AppendResult(outOfOrder: batch.count) }
            var result = AppendResult()
            for (id, value) in zip(batch.series, batch.values) {
                #expect(state.groupOf[Int(id.rawValue)] == batch.group)
                if let there = state.samples[id]?[time] {
                    if there != value.bitPattern { result.duplicate += 1 }
                } else {
                    state.samples[id, default: [:]][time] = value.bitPattern
                    result.appended += 1
                }
            }
            for sample in batch.histograms {
                if let there = state.histograms[sample.series]?[time] {
                    if there != sample.histogram { result.duplicate += 1 }
                } else {
                    state.histograms[sample.series, default: [:]][time] = sample.histogram
                    result.appended += 1
                }
            }
            for start in batch.starts {
                state.starts[start.series, default: [:]][time] = start.start.milliseconds
            }
            return result
        }
    }

    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        state.withLock { state in
            var result = AppendResult()
            for sample in exemplars {
                let newest = state.exemplars[sample.series]?.last
                if newest == sample.exemplar { continue }
                if let newest, sample.exemplar.timestamp <= newest.timestamp {
                    result.outOfOrder += 1
                } else {
                    state.exemplars[sample.series, default: []].append(sample.exemplar)
                    result.appended += 1
                }
            }
            return result
        }
    }

    func describe(_ metadata: [MetricMetadata]) {
        state.withLock { $0.metadata += metadata }
    }

    /// All samples as `series time value`, sorted.
    var lines: [String] {
        state.withLock { state in
            state.samples.flatMap { id, samples in
                samples.map { time, bits in
                    "\(state.series[Int(id.rawValue)]) \(time) \(PromNumber.format(Double(bitPattern: bits)))"
                }
            }.sorted()
        }
    }
}
