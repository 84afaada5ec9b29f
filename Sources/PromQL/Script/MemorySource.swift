// SPDX-License-Identifier: Apache-2.0
//
// The store of test scripts: a dictionary, searched from end to end. What is known of counter resets is what a Prometheus
// store says after writing the histograms into its chunks: a reset begins a chunk, so a chunk's first histogram may have
// followed one, and the others did not.

internal import Samples
internal import Synchronization

/// A store in memory, for tests.
final class MemorySource: SeriesSource {
    private let state = Mutex<[Labels: SeriesSamples]>([:])

    /// Why a sample is not taken.
    enum Refusal: Error {
        case outOfOrder
        case duplicate
    }

    func append(_ labels: Labels, _ timestamp: Int64, _ value: Double) {
        state.withLock { $0[labels, default: SeriesSamples()].numbers.append(timestamp, value) }
    }

    /// Appends a sample that must be newer than what the series has.
    func append(_ labels: Labels, _ timestamp: Int64, _ value: SampleValue, start: Int64?) throws(Refusal) {
        try state.withLock { (series) throws(Refusal) in
            // In place: a long test appends thousands of samples to one series.
            try Self.append(to: &series[labels, default: SeriesSamples()], timestamp, value, start: start)
        }
    }

    private static func append(
        to samples: inout SeriesSamples,
        _ timestamp: Int64,
        _ value: SampleValue,
        start: Int64?
    ) throws(Refusal) {
        let lastNumber = samples.numbers.timestamps.last
        let lastHistogram = samples.histograms.timestamps.last
        if let last = [lastNumber, lastHistogram].compactMap(\.self).max() {
            if timestamp < last { throw .outOfOrder }
            if timestamp == last {
                guard samples.isLast(value) else { throw .duplicate }
                return
            }
        }
        switch value {
        case .number(let number): samples.numbers.append(timestamp, number)
        case .histogram(let histogram):
            let isNewer = lastHistogram ?? .min > lastNumber ?? .min
            let hint = hint(of: histogram, after: isNewer ? samples.histograms.histograms.last : nil)
            samples.histograms.append(timestamp, histogram.hinting(hint))
        }
        if let start { samples.starts.append(timestamp, start: timestamp + start) }
    }

    /// What the store knows of a histogram's counter since the sample before.
    private static func hint(of histogram: NativeHistogram, after previous: NativeHistogram?) -> CounterReset
    {
        if histogram.counterReset == .gauge { return .gauge }
        guard let previous, previous.counterReset != .gauge else { return .unknown }
        if histogram.isStale { return .notReset }
        let staysInChunk =
            !previous.isStale && histogram.counterReset != .reset && histogram.schema == previous.schema
            && histogram.zeroThreshold == previous.zeroThreshold
            && CustomBounds.areEqual(histogram.customBounds, previous.customBounds)
            && !histogram.hinting(.unknown).isReset(after: previous)
        return staysInChunk ? .notReset : .unknown
    }

    func removeAll() {
        state.withLock { $0.removeAll() }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Selection(series: found(matchers))
    }

    private func found(_ matchers: [LabelMatcher]) -> [(labels: Labels, samples: SeriesSamples)] {
        let found = state.withLock { series in
            series.filter { entry in matchers.allSatisfy { $0.matches(entry.key) } }
        }
        return found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] {
        Set(found(matchers).flatMap { $0.labels.pairs.map(\.name) }).sorted()
    }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] {
        Set(found(matchers).compactMap { $0.labels[name] }).sorted()
    }

    /// Nothing: scripts have no metadata.
    func metadata() -> [String: MetricMetadata] { [:] }

    private struct Selection: SeriesSelection {
        let series: [(labels: Labels, samples: SeriesSamples)]

        var count: Int { series.count }

        func labels(_ index: Int) -> Labels { series[index].labels }

        func hasParts(_ index: Int) -> Bool {
            series[index].samples.histograms.count > 0 || series[index].samples.starts.count > 0
        }

        func read(_ index: Int, from: Timestamp, through: Timestamp, into columns: inout SampleColumns) {
            let samples = series[index].samples.numbers
            for place in places(samples.timestamps, from, through) {
                columns.append(samples.timestamps[place], samples.values[place])
            }
        }

        func readHistograms(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout HistogramColumns
        ) {
            let samples = series[index].samples.histograms
            for place in places(samples.timestamps, from, through) {
                columns.append(samples.timestamps[place], samples.histograms[place])
            }
        }

        func readStartTimestamps(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout StartColumns
        ) {
            let samples = series[index].samples.starts
            for place in places(samples.timestamps, from, through) {
                columns.append(samples.timestamps[place], start: samples.starts[place])
            }
        }

        /// Where samples from one time through another are.
        private func places(_ timestamps: [Int64], _ from: Timestamp, _ through: Timestamp) -> Range<Int> {
            func first(_ isBehind: (Int64) -> Bool) -> Int {
                var (low, high) = (0, timestamps.count)
                while low < high {
                    let middle = low + (high - low) / 2
                    if isBehind(timestamps[middle]) { high = middle } else { low = middle + 1 }
                }
                return low
            }
            let start = first { $0 >= from.milliseconds }
            return start..<max(start, first { $0 > through.milliseconds })
        }
    }
}

extension SeriesSamples {
    /// Whether the newest sample has this value.
    fileprivate func isLast(_ value: SampleValue) -> Bool {
        switch value {
        case .number(let number):
            return numbers.values.last?.bitPattern == number.bitPattern
                && numbers.timestamps.last ?? .min > histograms.timestamps.last ?? .min
        case .histogram(let histogram):
            return histograms.histograms.last.map { $0.isSame(as: histogram) } ?? false
        }
    }
}
