// SPDX-License-Identifier: Apache-2.0
//
// One read of the log, ready to be sent: filtered by age, relabelled, and given out part by part.

internal import Config
internal import Samples

struct Stretch: Sendable {
    /// The series to send, with the labels they are sent under.
    let series: [LogChunk.Series]
    /// Where the log goes on.
    let next: LogPosition
    /// Samples left out because of their age.
    let tooOld: Int
    /// Samples left out because relabeling drops their series.
    let relabelled: Int
    /// Histograms left out because the destination is not to get any.
    let disabled: Int
    /// Histograms left out because the protocol cannot say them: those with custom bounds.
    let unsupported: Int

    /// Takes a chunk.
    ///
    /// - Parameters:
    ///   - chunk: what the log gave.
    ///   - oldest: samples before this time are left out.
    ///   - externalLabels: added to series that do not have them.
    ///   - relabelConfigs: applied after that, as Prometheus does.
    ///   - sendsHistograms: whether the destination gets native histograms.
    init(
        _ chunk: LogChunk,
        oldest: Timestamp?,
        externalLabels: Labels,
        relabelConfigs: [RelabelConfig],
        sendsHistograms: Bool = false
    ) {
        next = chunk.next
        var kept: [LogChunk.Series] = []
        kept.reserveCapacity(chunk.series.count)
        var old = 0
        var dropped = 0
        var (disabled, unsupported) = (0, 0)
        let added = externalLabels.pairs
        for entry in chunk.series {
            var samples = entry.samples
            if let oldest {
                // In time order: what is too old comes first.
                let first = samples.timestamps.firstIndex { $0 >= oldest.milliseconds } ?? samples.count
                old += first
                samples = Self.slice(samples, first..<samples.count)
            }
            var histograms = HistogramColumns()
            for (time, histogram) in zip(entry.histograms.timestamps, entry.histograms.histograms) {
                if !sendsHistograms {
                    disabled += 1
                } else if histogram.hasCustomBounds {
                    unsupported += 1
                } else if let oldest, time < oldest.milliseconds {
                    old += 1
                } else {
                    histograms.append(time, histogram)
                }
            }
            if samples.count + histograms.count == 0 { continue }
            // Without relabeling the peer adds external labels while it encodes.
            var labels = entry.labels
            if !relabelConfigs.isEmpty {
                var builder = LabelsBuilder(labels)
                for (name, value) in added where builder[name] == nil { builder.set(name, value) }
                let isKept = relabelConfigs.apply(to: &builder)
                labels = builder.labels()
                guard isKept, !labels.isEmpty else {
                    dropped += samples.count + histograms.count
                    continue
                }
            }
            if samples.count > 0 { kept.append(LogChunk.Series(labels: labels, samples: samples)) }
            // An entry of its own, because a message's series has samples or histograms.
            if histograms.count > 0 {
                kept.append(
                    LogChunk.Series(labels: labels, samples: SampleColumns(), histograms: histograms)
                )
            }
        }
        series = kept
        tooOld = old
        relabelled = dropped
        self.disabled = disabled
        self.unsupported = unsupported
    }

    /// The times of each series' samples.
    var timestamps: [[Int64]] {
        series.map { $0.samples.count > 0 ? $0.samples.timestamps : $0.histograms.timestamps }
    }
    /// The number of samples; a histogram is one.
    var samples: Int { series.reduce(0) { $0 + $1.samples.count + $1.histograms.count } }

    /// The samples of a part.
    func series(of part: Part, in parts: Parts) -> [LogChunk.Series] {
        part.series.clamped(to: series.indices).compactMap { index -> LogChunk.Series? in
            let range = parts.samples(ofSeries: index, in: part.times)
            guard !range.isEmpty else { return nil }
            let entry = series[index]
            return entry.samples.count > 0
                ? LogChunk.Series(labels: entry.labels, samples: Self.slice(entry.samples, range))
                : LogChunk.Series(
                    labels: entry.labels,
                    samples: SampleColumns(),
                    histograms: Self.slice(entry.histograms, range)
                )
        }
    }

    private static func slice(_ histograms: HistogramColumns, _ range: Range<Int>) -> HistogramColumns {
        var columns = HistogramColumns()
        columns.timestamps = Array(histograms.timestamps[range])
        columns.histograms = Array(histograms.histograms[range])
        return columns
    }

    private static func slice(_ samples: SampleColumns, _ range: Range<Int>) -> SampleColumns {
        guard range != 0..<samples.count else { return samples }
        var columns = SampleColumns()
        columns.timestamps = Array(samples.timestamps[range])
        columns.values = Array(samples.values[range])
        return columns
    }
}
