// SPDX-License-Identifier: Apache-2.0
//
// From samples to batches, and from what the store says of a batch to what the sender is told, in Prometheus' words
// (storage/interface.go).

internal import Platform
internal import Samples
internal import Wire

extension PushReceiver {
    /// Sorts the samples and histograms of known series into rows.
    ///
    /// Refused are times too far ahead, and those before the first one in bounds.
    func gather(
        _ message: Span<UInt8>,
        _ scratch: inout PushScratch,
        _ report: inout RemoteWriteReport
    ) {
        let limit = Timestamp(milliseconds: clock.wallMilliseconds())
            .advanced(byMilliseconds: PushReceiver.futureMilliseconds).milliseconds
        let request = scratch.request
        let hasStarts = !request.starts.isEmpty
        var start = 0
        var outside = 0
        for index in request.series.indices {
            let end = Int(request.series[index].sampleEnd)
            let group = scratch.groups[index]
            let id = scratch.ids[index]
            if group != PushScratch.refused {
                // Several samples of one series are repeats only at one time; the batch sorts that out.
                if end - start > 1 { scratch.hasRepeats = true }
                for sample in start..<end {
                    let timestamp = request.timestamps[sample]
                    guard timestamp >= options.earliestTime, timestamp <= limit else {
                        outside += 1
                        scratch.refuse(index)
                        continue
                    }
                    scratch.rows.add(id, group, timestamp, request.values[sample])
                    if hasStarts, request.starts[sample] != 0 {
                        scratch.rows.note(start: request.starts[sample])
                    }
                }
            }
            start = end
        }
        if !scratch.request.histograms.isEmpty {
            outside += gatherHistograms(message, &scratch, &report, limit: limit)
        }
        if outside > 0 { refuse(.outOfBounds, outside, "out of bounds", &report) }
    }

    /// Checks the histograms and adds them to the rows.
    ///
    /// - Returns: how many have an impossible time.
    private func gatherHistograms(
        _ message: Span<UInt8>,
        _ scratch: inout PushScratch,
        _ report: inout RemoteWriteReport,
        limit: Int64
    ) -> Int {
        var start = 0
        var outside = 0
        for index in scratch.request.series.indices {
            let series = scratch.request.series[index]
            let range = start..<Int(series.histogramEnd)
            start = range.upperBound
            guard !range.isEmpty, scratch.groups[index] != PushScratch.refused else { continue }
            scratch.hasRepeats = true
            for number in range {
                let sent = scratch.request.histograms[number]
                guard sent.timestamp >= options.earliestTime, sent.timestamp <= limit else {
                    outside += 1
                    scratch.refuse(index)
                    continue
                }
                do throws(HistogramError) {
                    let histogram = try NativeHistogram(sent.message)
                    scratch.rows.add(
                        scratch.ids[index],
                        scratch.groups[index],
                        sent.timestamp,
                        histogram,
                        start: sent.start
                    )
                } catch {
                    let name = (try? scratch.request.labels(of: series, in: message))?.description ?? ""
                    scratch.refuse(index)
                    refuse(.invalidHistogram, 1, "\(error) for series \(name)", &report)
                }
            }
        }
        return outside
    }

    /// Stores the rows.
    func append(_ scratch: inout PushScratch, _ report: inout RemoteWriteReport) throws(SinkError) {
        let hasRepeats = scratch.hasRepeats
        let isTracking = scratch.isTracking
        var refusals: Set<RefusedSample> = []
        scratch.batch.acceptsOld = true
        try scratch.rows.forEachBatch(using: &scratch.batch) { batch throws(SinkError) in
            if hasRepeats {
                if isTracking { batch.noteConflicts(into: &refusals) }
                let repeats = batch.keepFirstOfEach()
                report.samples += repeats.samples
                report.histograms += repeats.histograms
                refuseDuplicates(repeats.conflicting, batch.timestamp, &report)
            }
            let result = try sink.append(batch)
            refuse(result, batch.timestamp, &report)
            // What the store had already, bit for bit, counts as stored: the sender sent it again.
            let refused = result.outOfOrder + result.duplicate + result.refused + result.invalid
            if refused > 0, isTracking { try findRefused(batch, &refusals) }
            guard refused > 0, !batch.histograms.isEmpty, !batch.series.isEmpty else {
                // One kind, or all of both.
                let samples = batch.histograms.isEmpty ? batch.count - refused : batch.series.count
                report.samples += max(0, samples)
                report.histograms += max(0, batch.count - refused - samples)
                return
            }
            // Which of both kinds was refused shows when the values alone are stored again, which changes nothing.
            let histograms = batch.histograms.count
            batch.histograms.removeAll()
            batch.starts.removeAll()
            let again = try sink.append(batch)
            let stored = max(0, batch.count - again.outOfOrder - again.duplicate - again.invalid)
            report.samples += stored
            report.histograms += max(0, batch.count + histograms - refused - stored)
        }
        scratch.refusedSamples = refusals
    }

    /// Stores each of a batch again, alone: what is there already changes nothing, what was refused is refused again.
    private func findRefused(
        _ batch: SampleBatch,
        _ refusals: inout Set<RefusedSample>
    ) throws(SinkError) {
        let time = batch.timestamp
        var single = SampleBatch(group: batch.group, timestamp: time, capacity: 1)
        single.acceptsOld = true
        func isRefused() throws(SinkError) -> Bool {
            let result = try sink.append(single)
            return result.outOfOrder + result.duplicate + result.refused + result.invalid > 0
        }
        for (id, value) in zip(batch.series, batch.values) {
            single.series = [id]
            single.values = [value]
            if try isRefused() { refusals.insert(RefusedSample(id, time.milliseconds, value)) }
        }
        single.series = []
        single.values = []
        for sample in batch.histograms {
            single.histograms = [sample]
            guard try isRefused() else { continue }
            refusals.insert(RefusedSample(sample.series, time.milliseconds, sample.histogram))
        }
    }

    /// The series of a request of which something was refused, be it by the store.
    func refusedSeries(_ scratch: PushScratch) -> Set<Int> {
        var result = scratch.refusedSeries
        guard !scratch.refusedSamples.isEmpty else { return result }
        let request = scratch.request
        var (sample, histogram) = (0, 0)
        for index in request.series.indices {
            let series = request.series[index]
            defer { (sample, histogram) = (Int(series.sampleEnd), Int(series.histogramEnd)) }
            guard scratch.groups[index] != PushScratch.refused else { continue }
            let id = scratch.ids[index]
            let hasRefused =
                (sample..<Int(series.sampleEnd)).contains {
                    scratch.refusedSamples.contains(
                        RefusedSample(id, request.timestamps[$0], request.values[$0])
                    )
                }
                || (histogram..<Int(series.histogramEnd)).contains {
                    let sent = request.histograms[$0]
                    guard let made = try? NativeHistogram(sent.message) else { return false }
                    return scratch.refusedSamples.contains(RefusedSample(id, sent.timestamp, made))
                }
            if hasRefused { result.insert(index) }
        }
        return result
    }

    private func refuse(
        _ result: AppendResult,
        _ time: Timestamp,
        _ report: inout RemoteWriteReport
    ) {
        if result.outOfOrder > 0 {
            let words = words("out of order sample", result.outOfOrder, time)
            refuse(.outOfOrder, result.outOfOrder, words, &report)
        }
        refuseDuplicates(result.duplicate, time, &report)
        if result.invalid > 0 {
            let words = words("rejected by push.validation", result.invalid, time)
            refuse(.validation, result.invalid, words, &report)
        }
        if result.refused > 0 {
            let words = words(
                "histogram has too many buckets, or there are too many series",
                result.refused,
                time
            )
            refuse(.histogramTooLarge, result.refused, words, &report)
        }
    }

    private func refuseDuplicates(_ count: Int, _ time: Timestamp, _ report: inout RemoteWriteReport) {
        guard count > 0 else { return }
        refuse(.duplicate, count, words("duplicate sample for timestamp", count, time), &report)
    }

    /// Prometheus' sentence, and what it is about.
    private func words(_ sentence: String, _ count: Int, _ time: Timestamp) -> String {
        "\(sentence): \(count) sample\(count == 1 ? "" : "s") at \(time.milliseconds)"
    }

    private func refuse(
        _ reason: PushMetrics.Reason,
        _ count: Int,
        _ words: @autoclosure () -> String,
        _ report: inout RemoteWriteReport
    ) {
        metrics.refuse(reason, count)
        report.refused += count
        report.note(words())
    }
}
