// SPDX-License-Identifier: Apache-2.0
//
// What is pushed in another form than remote write becomes a request of it, series by series, and goes the way of one: the
// same cache, rows, limits, counters. A series' key is `Labels.bytes`, which is the form 2.0's keys have, so a series pushed
// by remote write 2.0 and by another protocol is one entry of the cache.

public import Samples

extension RemoteWriteRequest {
    /// Empties the request, to be filled with `add`.
    public mutating func begin() {
        removeAll()
        version = .v2
    }

    /// Adds a series with one sample.
    ///
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - timestamp: milliseconds since 1970.
    ///   - value: the value.
    ///   - start: when counting began, 0 for unknown.
    ///   - limits: what the request may hold at most.
    /// - Throws: `RemoteWriteError` when it holds that already.
    public mutating func add(
        _ labels: Labels,
        _ timestamp: Int64,
        _ value: Double,
        start: Int64 = 0,
        limits: Limits = Limits()
    ) throws(RemoteWriteError) {
        guard timestamps.count < limits.samples else { throw .tooLarge(limits.samples, "samples") }
        timestamps.append(timestamp)
        values.append(value)
        if start != 0 || !starts.isEmpty {
            starts += repeatElement(0, count: timestamps.count - 1 - starts.count)
            starts.append(start)
        }
        try addSeries(labels, limits)
    }

    /// Adds a series with one histogram.
    ///
    /// - Parameters:
    ///   - labels: the series' labels.
    ///   - timestamp: milliseconds since 1970.
    ///   - histogram: the histogram, not checked.
    ///   - start: when counting began, 0 for unknown.
    ///   - limits: what the request may hold at most.
    /// - Throws: `RemoteWriteError` when it holds that already.
    public mutating func add(
        _ labels: Labels,
        _ timestamp: Int64,
        _ histogram: HistogramMessage,
        start: Int64 = 0,
        limits: Limits = Limits()
    ) throws(RemoteWriteError) {
        guard histograms.count < limits.histograms else { throw .tooLarge(limits.histograms, "histograms") }
        var entry = Histogram()
        entry.message = histogram
        entry.timestamp = timestamp
        entry.start = start
        histograms.append(entry)
        try addSeries(labels, limits)
    }

    /// Adds an exemplar to the series added last.
    ///
    /// - Parameters:
    ///   - labels: the exemplar's labels.
    ///   - timestamp: milliseconds since 1970.
    ///   - value: the observed value.
    ///   - limits: what the request may hold at most.
    /// - Throws: `RemoteWriteError` when it holds that already.
    public mutating func add(
        exemplar labels: Labels,
        _ timestamp: Int64,
        _ value: Double,
        limits: Limits = Limits()
    ) throws(RemoteWriteError) {
        guard !series.isEmpty else { return }
        guard exemplars.count < limits.histograms else { throw .tooLarge(limits.histograms, "exemplars") }
        let range = try copy(labels, limits)
        var exemplar = Exemplar(labels: range, isCopied: true)
        exemplar.value = value
        exemplar.timestamp = timestamp
        exemplars.append(exemplar)
        series[series.count - 1].exemplarEnd = UInt32(exemplars.count)
    }

    /// Says what a family is.
    ///
    /// - Parameters:
    ///   - metadata: the family's type, help and unit.
    ///   - limits: what the request may hold at most.
    /// - Throws: `RemoteWriteError` when it holds that already.
    public mutating func describe(
        _ metadata: MetricMetadata,
        limits: Limits = Limits()
    ) throws(RemoteWriteError) {
        guard self.metadata.count < limits.series else {
            throw .tooLarge(limits.series, "entries of metadata")
        }
        self.metadata.append(metadata)
    }

    private mutating func addSeries(_ labels: Labels, _ limits: Limits) throws(RemoteWriteError) {
        guard series.count < limits.series else { throw .tooLarge(limits.series, "series") }
        let range = try copy(labels, limits)
        var entry = Series(at: Int(range.lowerBound))
        entry.isCopied = true
        entry.keyEnd = range.upperBound
        if range.count > limits.keyBytes { entry.fault = .tooLong }
        entry.sampleEnd = UInt32(timestamps.count)
        entry.histogramEnd = UInt32(histograms.count)
        entry.exemplarEnd = UInt32(exemplars.count)
        series.append(entry)
    }

    private mutating func copy(_ labels: Labels, _ limits: Limits) throws(RemoteWriteError) -> Range<UInt32> {
        guard copied.count + labels.bytes.count <= limits.copiedBytes else {
            throw .tooLarge(limits.copiedBytes, "bytes of labels")
        }
        let start = UInt32(copied.count)
        copied += labels.bytes
        return start..<UInt32(copied.count)
    }
}

extension RemoteWriteRequest.Limits {
    /// What is pushed in another form than remote write: the eight thousand data points an OpenTelemetry collector sends at
    /// once, as histograms of twenty series each, twice over.
    static let translated: RemoteWriteRequest.Limits = {
        var limits = RemoteWriteRequest.Limits()
        limits.series = 400_000
        limits.samples = 400_000
        limits.copiedBytes = 48 << 20
        return limits
    }()
}
