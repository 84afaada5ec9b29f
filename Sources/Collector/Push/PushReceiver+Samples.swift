// SPDX-License-Identifier: Apache-2.0
//
// From samples to batches, and from what the store says of a batch to what the sender is told, in Prometheus' words
// (tsdb/head_append.go and storage/interface.go).

internal import Platform
internal import Samples
internal import Wire

extension PushReceiver {
    /// Sorts the samples of known series into rows.
    func gather(_ scratch: inout PushScratch, _ report: inout RemoteWriteReport) {
        let (latest, overflow) = clock.wallMilliseconds().addingReportingOverflow(
            PushReceiver.futureMilliseconds
        )
        let limit = overflow ? Int64.max : latest
        var start = 0
        var tooNew = 0
        for index in scratch.request.series.indices {
            let end = Int(scratch.request.series[index].sampleEnd)
            let group = scratch.groups[index]
            let id = scratch.ids[index]
            if group != PushScratch.refused {
                // Several samples of one series are repeats only at one time; the batch sorts that out.
                if end - start > 1 { scratch.hasRepeats = true }
                for sample in start..<end {
                    let timestamp = scratch.request.timestamps[sample]
                    guard timestamp <= limit else {
                        tooNew += 1
                        continue
                    }
                    scratch.rows.add(id, group, timestamp, scratch.request.values[sample])
                }
            }
            start = end
        }
        if tooNew > 0 { refuse(.outOfBounds, tooNew, "out of bounds", &report) }
        refuseHistograms(scratch, &report)
    }

    /// Stores the rows.
    func append(_ scratch: inout PushScratch, _ report: inout RemoteWriteReport) throws(SinkError) {
        let hasRepeats = scratch.hasRepeats
        scratch.batch.acceptsOld = true
        try scratch.rows.forEachBatch(using: &scratch.batch) { batch throws(SinkError) in
            var repeats = (conflicting: 0, repeated: 0)
            if hasRepeats { repeats = batch.keepFirstOfEach() }
            let count = batch.series.count
            let result = try sink.append(batch)
            let duplicates = result.duplicate + repeats.conflicting
            // What the store had already, bit for bit, counts as stored: the sender sent it again.
            report.samples += max(0, count - result.outOfOrder - result.duplicate) + repeats.repeated
            let time = batch.timestamp.milliseconds
            if result.outOfOrder > 0 {
                refuse(.outOfOrder, result.outOfOrder, words("out of order sample", result.outOfOrder, time), &report)
            }
            if duplicates > 0 {
                refuse(
                    .duplicate,
                    duplicates,
                    words("duplicate sample for timestamp", duplicates, time),
                    &report
                )
            }
        }
    }

    /// Prometheus' sentence, and what it is about.
    private func words(_ sentence: String, _ count: Int, _ time: Int64) -> String {
        "\(sentence): \(count) sample\(count == 1 ? "" : "s") at \(time)"
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

    private func refuseHistograms(_ scratch: borrowing PushScratch, _ report: inout RemoteWriteReport) {
        var start: UInt32 = 0
        var count = 0
        for index in scratch.request.series.indices {
            let end = scratch.request.series[index].histogramEnd
            if scratch.groups[index] != PushScratch.refused { count += Int(end - start) }
            start = end
        }
        if count > 0 { refuse(.unsupported, count, "native histograms are not stored", &report) }
    }
}
