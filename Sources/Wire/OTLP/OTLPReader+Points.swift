// SPDX-License-Identifier: Apache-2.0
//
// Metrics and the data points that are one number or a few:
//
//     Number   2: start   3: time   4: double   5: Exemplar*   6: sfixed64   7: KeyValue*   8: flags
//     Summary  2: start   3: time   4: count   5: sum   6: {1: quantile   2: value}*   7: KeyValue*   8: flags
//
// Times are nanoseconds in fixed64. Bit 0 of the flags says that there was nothing to record: the series ends.

internal import Samples

extension OTLPReader {
    /// A metric, and what its data points have in common.
    struct Metric {
        /// Which data points it has; numbers are the fields'.
        enum Data: UInt64 {
            case gauge = 5
            case sum = 7
            case histogram = 9
            case exponential = 10
            case summary = 11
        }

        var name = ""
        /// The name as messages show it: enough of it to know it by.
        var shown = ""
        var data = Data.gauge
        var isMonotonic = false
    }

    /// What every data point has.
    struct Point {
        var start: Int64 = 0
        var time: Int64 = 0
        var isStale = false
        /// Where its exemplars are.
        var exemplars: [Range<Int>] = []

        /// When counting began; nothing when that makes no sense.
        var usableStart: Int64 { start > 0 && start < time ? start : 0 }
    }

    // MARK: - Metrics

    mutating func metric(
        _ bytes: Span<UInt8>,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var (sentName, help, unit) = ("", "", "")
        var found: (data: Metric.Data, range: Range<Int>)?
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 2: sentName = cursor.text(try cursor.range())
            case 2 << 3 | 2: help = cursor.text(try cursor.range())
            case 3 << 3 | 2: unit = cursor.text(try cursor.range())
            default:
                if tag & 7 == ProtobufCursor.WireType.bytes, let data = Metric.Data(rawValue: tag >> 3) {
                    found = (data, try cursor.range())
                } else {
                    try cursor.skip(tag)
                }
            }
        }
        guard let found else { return }
        let content = bytes.extracting(found.range)
        var metric = Metric()
        metric.data = found.data
        let temporality = try readShared(content, &metric)
        let shown = OTLPReader.shown(sentName)
        guard metric.data == .gauge || metric.data == .summary || temporality == 2 else {
            let count = try countPoints(content)
            points += count
            reject(
                "invalid temporality and type combination for metric \(Labels.quoted(shown)): only cumulative "
                    + "temporality is stored",
                count
            )
            return
        }
        let kind: OTLPNames.Kind =
            metric.data == .gauge ? .gauge : metric.data == .sum && metric.isMonotonic ? .counter : .other
        guard let name = names.metric(sentName, unit: unit, kind) else {
            let count = try countPoints(content)
            points += count
            reject("no metric name is left of \(Labels.quoted(shown))", count)
            return
        }
        metric.name = name
        metric.shown = OTLPReader.shown(name)
        try request.describe(
            MetricMetadata(family: name, kind: metric.kind, help: help, unit: names.unit(unit)),
            limits: .translated
        )
        try readPoints(content, metric, &request)
    }

    /// Reads what stands beside the data points.
    ///
    /// - Returns: the temporality, 0 when there is none.
    private func readShared(_ bytes: Span<UInt8>, _ metric: inout Metric) throws(RemoteWriteError) -> UInt64 {
        var temporality: UInt64 = 0
        guard metric.data != .gauge, metric.data != .summary else { return temporality }
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 2 << 3 | 0: temporality = try cursor.varint()
            case 3 << 3 | 0 where metric.data == .sum: metric.isMonotonic = try cursor.varint() != 0
            default: try cursor.skip(tag)
            }
        }
        return temporality
    }

    private func countPoints(_ bytes: Span<UInt8>) throws(RemoteWriteError) -> Int {
        var count = 0
        var cursor = ProtobufCursor(bytes)
        while try cursor.nextMessage(1) != nil { count += 1 }
        return count
    }

    private mutating func readPoints(
        _ bytes: Span<UInt8>,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var cursor = ProtobufCursor(bytes)
        while let range = try cursor.nextMessage(1) {
            points += 1
            attributes.removeAll()
            hasBadText = false
            let point = bytes.extracting(range)
            switch metric.data {
            case .gauge, .sum: try number(point, metric, &request)
            case .summary: try summary(point, metric, &request)
            case .histogram: try histogram(point, metric, &request)
            case .exponential: try exponential(point, metric, &request)
            }
        }
    }

    // MARK: - Data points

    private mutating func number(
        _ bytes: Span<UInt8>,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var point = Point()
        var value: Double?
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 4 << 3 | 1: value = Double(bitPattern: try cursor.fixed64())
            case 6 << 3 | 1: value = Double(Int64(bitPattern: try cursor.fixed64()))
            case 5 << 3 | 2: point.exemplars.append(try cursor.range())
            case 7 << 3 | 2: try take(attribute: bytes.extracting(try cursor.range()))
            default: try shared(tag, flags: 8, &cursor, &point)
            }
        }
        if point.isStale { value = StaleMarker.value }
        guard let value else { return reject("a data point of \(metric.shown) has no value") }
        guard var labels = seriesLabels(point, metric) else { return }
        labels.set(Labels.metricNameLabel, metric.name)
        let start = metric.data == .sum && metric.isMonotonic ? point.usableStart : 0
        try add(labels.labels(), point.time, value, start: start, point: points - 1, &request)
        for range in point.exemplars {
            try add(try exemplar(bytes.extracting(range)), &request)
        }
    }

    private mutating func summary(
        _ bytes: Span<UInt8>,
        _ metric: Metric,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        var point = Point()
        var (count, sum) = (0.0, 0.0)
        var quantiles: [(quantile: Double, value: Double)] = []
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 4 << 3 | 1: count = Double(try cursor.fixed64())
            case 5 << 3 | 1: sum = Double(bitPattern: try cursor.fixed64())
            case 6 << 3 | 2: quantiles.append(try OTLPReader.quantile(bytes.extracting(try cursor.range())))
            case 7 << 3 | 2: try take(attribute: bytes.extracting(try cursor.range()))
            default: try shared(tag, flags: 8, &cursor, &point)
            }
        }
        guard var labels = seriesLabels(point, metric) else { return }
        let (time, start, number) = (point.time, point.usableStart, points - 1)
        func stored(_ value: Double) -> Double { point.isStale ? StaleMarker.value : value }
        labels.set(Labels.metricNameLabel, metric.name + "_sum")
        try add(labels.labels(), time, stored(sum), start: start, point: number, &request)
        labels.set(Labels.metricNameLabel, metric.name + "_count")
        try add(labels.labels(), time, stored(count), start: start, point: number, &request)
        labels.set(Labels.metricNameLabel, metric.name)
        for (quantile, value) in quantiles {
            labels.set("quantile", PromNumber.plain(quantile))
            try add(labels.labels(), time, stored(value), start: start, point: number, &request)
        }
    }

    private static func quantile(
        _ bytes: Span<UInt8>
    ) throws(RemoteWriteError) -> (quantile: Double, value: Double) {
        var result = (quantile: 0.0, value: 0.0)
        var cursor = ProtobufCursor(bytes)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | 1: result.quantile = Double(bitPattern: try cursor.fixed64())
            case 2 << 3 | 1: result.value = Double(bitPattern: try cursor.fixed64())
            default: try cursor.skip(tag)
            }
        }
        return result
    }

    // MARK: - What all data points share

    /// Reads times and flags, which have the same numbers in all but the flags'.
    func shared(
        _ tag: UInt64,
        flags: UInt64,
        _ cursor: inout ProtobufCursor,
        _ point: inout Point
    ) throws(RemoteWriteError) {
        switch tag {
        case 2 << 3 | 1: point.start = OTLPReader.milliseconds(try cursor.fixed64())
        case 3 << 3 | 1: point.time = OTLPReader.milliseconds(try cursor.fixed64())
        case flags << 3 | 0: point.isStale = try cursor.varint() & 1 != 0
        default: try cursor.skip(tag)
        }
    }

    /// As much of a text of the sender's as a message shows; there may be a message for each few bytes of a request.
    static func shown(_ text: String) -> String { String(text.unicodeScalars.prefix(100)) }

    /// The labels of a data point without the metric's name; nil when it is rejected.
    ///
    /// To be asked for last: what is rejected then is paid for with its own bytes, and what is not with bytes of the request
    /// that is filled, however many labels the resource puts on every point.
    mutating func seriesLabels(_ point: Point, _ metric: Metric) -> LabelsBuilder? {
        guard point.time > 0 else {
            reject("a data point of \(metric.shown) has no time")
            return nil
        }
        if let excess = attributes.excess {
            reject("a data point of \(metric.shown) has \(excess)")
            return nil
        }
        if let excess = origin.attributes.excess ?? origin.scope.excess {
            reject("the resource or scope of \(metric.shown) has \(excess)")
            return nil
        }
        do throws(LabelFault) {
            let builder = try labels()
            origin.oldest = min(origin.oldest, point.time)
            origin.newest = max(origin.newest, point.time)
            return builder
        } catch {
            switch error {
            case .text: reject("an attribute of \(metric.shown) is not valid UTF-8")
            case .name(let key):
                reject(
                    "no label name is left of attribute \(Labels.quoted(OTLPReader.shown(key))) of \(metric.shown)"
                )
            }
            return nil
        }
    }

    mutating func add(
        _ labels: Labels,
        _ time: Int64,
        _ value: Double,
        start: Int64 = 0,
        point: Int,
        _ request: inout RemoteWriteRequest
    ) throws(RemoteWriteError) {
        try request.add(labels, time, value, start: start, limits: .translated)
        pointOf.append(Int32(clamping: point))
    }

    func add(_ sighting: Sighting?, _ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
        guard let sighting else { return }
        try request.add(
            exemplar: sighting.labels,
            sighting.timestamp,
            sighting.value,
            limits: .translated
        )
    }
}

extension OTLPReader.Metric {
    /// The type of its family.
    fileprivate var kind: MetricMetadata.Kind {
        switch data {
        case .gauge: .gauge
        case .sum: isMonotonic ? .counter : .gauge
        case .histogram, .exponential: .histogram
        case .summary: .summary
        }
    }
}
