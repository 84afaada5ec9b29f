// SPDX-License-Identifier: Apache-2.0
//
// Samples of text on their way into the store. They are gathered into rows first: text comes series by series, the store
// wants what shares a time together. Of several values for one time of a series the first counts, as it does for the store.

import Daemon
import Platform
import Samples
import Synchronization
import TSDB
import Wire

/// Puts samples of many series into rows.
struct ImportGatherer {
    /// Samples held before they are stored: 64 MB.
    private static let limit = 2 << 20
    /// The years 1 to 2200: whoever writes milliseconds for seconds is beyond them, and so is nobody else.
    private static let times = Int64(-62_135_596_800_000)...7_258_118_400_000

    private struct Sample {
        let group: GroupID
        /// Its place among those held.
        let place: UInt32
        let time: Int64
        let series: SeriesID
        let value: Double

        func precedes(_ other: Sample) -> Bool {
            (group.rawValue, time, series, place) < (
                other.group.rawValue, other.time, other.series, other.place
            )
        }
    }

    private let store: Store
    private let sink: ImportSink
    private var known: [Labels: (group: GroupID, series: SeriesID)] = [:]
    private var samples: [Sample] = []
    private(set) var result = AppendResult()
    /// Samples whose time is none, and the first of them.
    private(set) var outlying = 0
    private(set) var outlyingPlace: String?

    init(_ store: Store, _ sink: ImportSink) {
        self.store = store
        self.sink = sink
    }

    mutating func add(_ sample: OpenMetricsSample, _ line: String) throws {
        guard let time = sample.timestamp else {
            throw DaemonError(
                "\(line):\(sample.timeColumn): expected `name{labels} value seconds`, found no time"
            )
        }
        guard ImportGatherer.times.contains(time.milliseconds) else {
            outlying += 1
            if outlyingPlace == nil {
                outlyingPlace =
                    "\(line):\(sample.timeColumn): \(RFC3339.format(time)) is \(OpenMetricsText.seconds(time.milliseconds)) seconds since 1970"
            }
            return
        }
        let place: (group: GroupID, series: SeriesID)
        if let found = known[sample.labels] {
            place = found
        } else {
            place = try register(sample.labels, line)
            known[sample.labels] = place
        }
        if let exemplar = sample.exemplar { sink.keep(ExemplarSample(place.series, exemplar)) }
        samples.append(
            Sample(
                group: place.group,
                place: UInt32(samples.count),
                time: time.milliseconds,
                series: place.series,
                value: sample.value
            )
        )
        if samples.count >= ImportGatherer.limit { try flush() }
    }

    private func register(_ labels: Labels, _ line: String) throws -> (GroupID, SeriesID) {
        let identity = labels.keeping(["instance", "job"])
        do {
            let group = try store.group(identity)
            return (group, try store.series(labels, in: group))
        } catch .seriesLimit(let limit) {
            throw DaemonError("\(line): more than \(limit) series; --max-series takes more")
        } catch {
            throw DaemonError("\(line): \(error)")
        }
    }

    /// Stores what is held, a row at a time.
    mutating func flush() throws {
        samples.sort { $0.precedes($1) }
        var start = 0
        while start < samples.count {
            let first = samples[start]
            var batch = SampleBatch(group: first.group, timestamp: Timestamp(milliseconds: first.time))
            batch.acceptsOld = true
            let before = start
            while start < samples.count, samples[start].group == first.group,
                samples[start].time == first.time
            {
                add(samples[start], to: &batch)
                start += 1
            }
            do {
                let row = try store.append(batch)
                result.appended += row.appended
                result.duplicate += row.duplicate
                result.outOfOrder += row.outOfOrder
                // Nobody else seals here.
                if start / 4096 != before / 4096 { try? store.maintain() }
            } catch {
                throw DaemonError("\(error)")
            }
        }
        samples.removeAll(keepingCapacity: true)
    }

    /// A batch may have each series once.
    private mutating func add(_ sample: Sample, to batch: inout SampleBatch) {
        guard batch.series.last == sample.series, let kept = batch.values.last else {
            batch.append(sample.series, sample.value)
            return
        }
        if kept.bitPattern != sample.value.bitPattern { result.duplicate += 1 }
    }
}

/// The store as an import's sink: exemplars wait until everything else is in segments, because they are kept in the log,
/// from which they would go with the rows they came with.
final class ImportSink: SampleSink {
    /// More than a store keeps unless told otherwise.
    private static let limit = 100_000

    private let store: Store
    private let exemplars = Mutex<[ExemplarSample]>([])

    init(_ store: Store) {
        self.store = store
    }

    func keep(_ exemplar: ExemplarSample) {
        exemplars.withLock { kept in
            if kept.count >= 2 * ImportSink.limit { kept.removeFirst(ImportSink.limit) }
            kept.append(exemplar)
        }
    }

    func storeExemplars() throws -> AppendResult {
        let kept = exemplars.withLock { Array($0.suffix(ImportSink.limit)) }
        do { return try store.append(exemplars: kept) } catch { throw DaemonError("\(error)") }
    }

    func group(_ identity: Labels) throws(SinkError) -> GroupID { try store.group(identity) }

    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        try store.series(labels, in: group)
    }

    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult { try store.append(batch) }

    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        for exemplar in exemplars { keep(exemplar) }
        return AppendResult(appended: exemplars.count)
    }

    func describe(_ metadata: [MetricMetadata]) { store.describe(metadata) }
}
