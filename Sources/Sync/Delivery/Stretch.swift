// SPDX-License-Identifier: Apache-2.0
//
// What a read of the log gave, ready to be sent: filtered by age and relabelled.

internal import Config
internal import Samples

struct Stretch: Sendable {
    /// The series to send, with the labels they are sent under.
    let series: [LogChunk.Series]
    /// Samples left out because of their age.
    let tooOld: Int
    /// Samples left out because relabeling drops their series.
    let relabelled: Int
    /// Histograms left out because the destination is not to get any.
    let disabled: Int
    /// Histograms left out because the protocol cannot say them: those with custom bounds.
    let unsupported: Int

    /// Takes what the log gave.
    ///
    /// - Parameters:
    ///   - found: the series as stored.
    ///   - oldest: samples before this time are left out.
    ///   - externalLabels: added to series that do not have them.
    ///   - relabelConfigs: applied after that, as Prometheus does.
    ///   - sendsHistograms: whether the destination gets native histograms.
    init(
        _ found: [LogChunk.Series],
        oldest: Int64?,
        externalLabels: Labels,
        relabelConfigs: [RelabelConfig],
        sendsHistograms: Bool = false
    ) {
        var kept: [LogChunk.Series] = []
        kept.reserveCapacity(found.count)
        var old = 0
        var dropped = 0
        var (disabled, unsupported) = (0, 0)
        let added = externalLabels.pairs
        for entry in found {
            var samples = entry.samples
            if let oldest {
                // In time order: what is too old comes first.
                let first = samples.timestamps.firstIndex { $0 >= oldest } ?? samples.count
                old += first
                samples = samples.slice(first..<samples.count)
            }
            var histograms = HistogramColumns()
            for (time, histogram) in zip(entry.histograms.timestamps, entry.histograms.histograms) {
                if !sendsHistograms {
                    disabled += 1
                } else if histogram.hasCustomBounds {
                    unsupported += 1
                } else if let oldest, time < oldest {
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

    /// The number of samples; a histogram is one.
    var samples: Int { series.reduce(0) { $0 + $1.samples.count + $1.histograms.count } }
}
