// SPDX-License-Identifier: Apache-2.0
//
// `load_with_nhcb`: classic histograms, series with `le`, `_count` and `_sum`, as native ones with custom bounds.

internal import Samples

/// The classic series of one histogram, time by time.
struct ClassicConversion {
    private struct Moment {
        var buckets: [(bound: Double, count: Double)] = []
        var count: Double?
        var sum = 0.0
    }

    private var histograms: [Labels: [Int64: Moment]] = [:]

    /// Takes the samples of a series when it is part of a classic histogram.
    mutating func add(_ series: Load.Series, step: Int64) {
        guard let name = series.labels.metricName else { return }
        for suffix in ["_bucket", "_count", "_sum"] where name.hasSuffix(suffix) {
            let base = String(name.dropLast(suffix.count))
            let labels = series.labels.setting(Labels.metricNameLabel, base).setting("le", "")
            var bound = 0.0
            if suffix == "_bucket" {
                guard let parsed = PromNumber.parse(series.labels["le"] ?? ""), !parsed.isNaN else { return }
                bound = parsed
            }
            for (position, point) in series.points.enumerated() {
                guard case .float(let value) = point else { continue }
                let time = Int64(position) * step
                var moment = histograms[labels]?[time] ?? Moment()
                switch suffix {
                case "_bucket": moment.buckets.append((bound, value))
                case "_count": moment.count = value
                default: moment.sum = value
                }
                histograms[labels, default: [:]][time] = moment
            }
            return
        }
    }

    /// The native histograms, in time order.
    var series: [(labels: Labels, histograms: HistogramColumns)] {
        histograms.map { labels, moments in
            var columns = HistogramColumns()
            for (time, moment) in moments.sorted(by: { $0.key < $1.key }) {
                columns.append(time, Self.histogram(moment))
            }
            return (labels, columns)
        }
    }

    private static func histogram(_ moment: Moment) -> NativeHistogram {
        var buckets = moment.buckets.sorted { $0.bound < $1.bound }
        let count = moment.count ?? buckets.last?.count ?? 0
        if buckets.last?.bound != .infinity { buckets.append((.infinity, count)) }
        var previous = 0.0
        var parts: [HistogramBucket] = []
        for (index, bucket) in buckets.enumerated() {
            parts.append(HistogramBucket(index: Int32(clamping: index), count: bucket.count - previous))
            previous = bucket.count
        }
        return NativeHistogram(
            schema: NativeHistogram.customSchema,
            floatCount: count,
            sum: moment.sum,
            positive: parts,
            customBounds: buckets.dropLast().map(\.bound)
        )
    }
}
