// SPDX-License-Identifier: Apache-2.0
//
// A query's answer as JSON, written straight from the columns: nothing is built per sample. A matrix is made in
// pieces while it is sent, so an answer of many megabytes never exists as a whole.

internal import PromQL
internal import Samples
internal import Wire

/// Turns query answers into replies.
enum ResultWriter {
    /// The reply of `/query` and `/query_range`.
    static func reply(
        _ output: QueryOutput,
        limit: Int?,
        from start: Timestamp = Timestamp(milliseconds: 0),
        step: Duration = .zero
    ) -> Reply {
        let statistics = output.statistics.map { StatisticsText(statistics: $0, start: start, step: step) }
        var warnings = output.warnings
        let value = truncated(output.value, limit, &warnings)
        if case .matrix(let columns) = value {
            let body = MatrixBody(
                columns: columns,
                warnings: warnings,
                infos: output.infos,
                memory: output.memory,
                statistics
            )
            return Reply(status: 200, contentType: "application/json", body: .chunks(body))
        }
        var writer = JSONWriter(capacity: 1024)
        Envelope.begin(&writer)
        append(value, statistics, to: &writer)
        Envelope.end(&writer, warnings: warnings, infos: output.infos)
        return .json(writer.bytes)
    }

    /// At most `limit` series, with the warning Prometheus gives when there were more.
    private static func truncated(
        _ value: QueryValue,
        _ limit: Int?,
        _ warnings: inout [String]
    ) -> QueryValue {
        guard let limit else { return value }
        let words = "results truncated due to limit"
        switch value {
        case .vector(let samples) where samples.count > limit:
            warnings.append(words)
            return .vector(Array(samples.prefix(limit)))
        case .matrix(let columns) where columns.count > limit:
            warnings.append(words)
            return .matrix(Array(columns.prefix(limit)))
        default: return value
        }
    }

    private static func append(
        _ value: QueryValue,
        _ statistics: StatisticsText?,
        to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key("resultType")
        switch value {
        case .scalar(let time, let number):
            writer.string("scalar")
            writer.key("result")
            writer.beginArray()
            writer.seconds(milliseconds: time.milliseconds)
            // Unlike samples, in all their digits.
            writer.string(PromNumber.plain(number))
            writer.endArray()
        case .string(let time, let text):
            writer.string("string")
            writer.key("result")
            writer.beginArray()
            writer.seconds(milliseconds: time.milliseconds)
            writer.string(text)
            writer.endArray()
        case .vector(let samples):
            writer.string("vector")
            writer.key("result")
            writer.beginArray()
            for sample in samples {
                writer.beginObject()
                writer.member("metric", sample.labels)
                if let histogram = sample.histogram {
                    writer.key("histogram")
                    writer.histogram(sample.timestamp.milliseconds, histogram)
                } else {
                    writer.key("value")
                    writer.sample(sample.timestamp.milliseconds, sample.value)
                }
                writer.endObject()
            }
            writer.endArray()
        case .matrix(let columns):
            writer.string("matrix")
            writer.key("result")
            writer.beginArray()
            for column in columns { writer.series(column) }
            writer.endArray()
        }
        if let statistics { writer.member(statistics) }
        writer.endObject()
    }
}

extension JSONWriter {
    /// Writes one series of a matrix.
    fileprivate mutating func series(_ column: SeriesColumn) {
        beginSeries(column)
        let count = column.samples.count
        if count > 0 {
            samples(column, 0..<count)
            endArray()
        }
        endSeries(column)
    }

    /// Writes the labels, and opens the array of samples when there are any.
    fileprivate mutating func beginSeries(_ column: SeriesColumn) {
        beginObject()
        member("metric", column.labels)
        guard column.samples.count > 0 else { return }
        key("values")
        beginArray()
    }

    fileprivate mutating func samples(_ column: SeriesColumn, _ places: Range<Int>) {
        let samples = column.samples
        let (timestamps, values) = (samples.timestamps.span, samples.values.span)
        self.samples(timestamps.extracting(places), values.extracting(places))
    }

    /// Writes the histograms and closes the series.
    fileprivate mutating func endSeries(_ column: SeriesColumn) {
        let histograms = column.histograms
        if histograms.count > 0 {
            key("histograms")
            beginArray()
            for (time, value) in zip(histograms.timestamps, histograms.histograms) { histogram(time, value) }
            endArray()
        }
        endObject()
    }

    /// Writes `[time,{count,sum,buckets}]`; a bucket is `[rule,lower,upper,count]` with the rule saying which bounds
    /// belong to it: 0 the upper, 1 the lower, 2 none, 3 both.
    fileprivate mutating func histogram(_ milliseconds: Int64, _ histogram: NativeHistogram) {
        beginArray()
        seconds(milliseconds: milliseconds)
        beginObject()
        member("count", PromNumber.format(histogram.count))
        member("sum", PromNumber.format(histogram.sum))
        let buckets = histogram.buckets
        if !buckets.isEmpty {
            key("buckets")
            beginArray()
            for bucket in buckets {
                let rule =
                    switch (bucket.lowerInclusive, bucket.upperInclusive) {
                    case (false, true): 0
                    case (true, false): 1
                    case (false, false): 2
                    case (true, true): 3
                    }
                beginArray()
                number(rule)
                string(PromNumber.format(bucket.lower))
                string(PromNumber.format(bucket.upper))
                string(PromNumber.format(bucket.count))
                endArray()
            }
            endArray()
        }
        endObject()
        endArray()
    }
}

/// The matrix answer, piece by piece; a piece may end within a series.
struct MatrixBody: Reply.ChunkSource {
    /// A piece ends with the batch of samples that makes it reach this many bytes.
    static let chunkBytes = 64 << 10
    /// Samples between two looks at the size.
    private static let batch = 512
    /// What the last batch or labels may take beyond the chunk, so that a piece is allocated once.
    private static let slack = 16 << 10

    private var columns: [SeriesColumn]
    private let warnings: [String]
    private let infos: [String]
    private let statistics: StatisticsText?
    /// The answer's part of the memory of all queries, given back with the body.
    private let memory: QueryMemoryLease?
    private var writer = JSONWriter()
    private var index = 0
    /// The next sample of the series; nil before its labels.
    private var sample: Int?
    private var isFinished = false

    /// Creates the body of an answer with these series.
    init(
        columns: [SeriesColumn],
        warnings: [String],
        infos: [String],
        memory: QueryMemoryLease? = nil,
        _ statistics: StatisticsText? = nil
    ) {
        self.memory = memory
        self.statistics = statistics
        self.columns = columns
        self.warnings = warnings
        self.infos = infos
    }

    mutating func next() -> [UInt8]? {
        guard !isFinished else { return nil }
        writer.reserve(index == 0 && columns.count < 8 ? 4096 : MatrixBody.chunkBytes + MatrixBody.slack)
        if index == 0, sample == nil {
            writer.beginObject()
            writer.member("status", "success")
            writer.key("data")
            writer.beginObject()
            writer.member("resultType", "matrix")
            writer.key("result")
            writer.beginArray()
        }
        while index < columns.count, writer.bytes.count < MatrixBody.chunkBytes { advance() }
        if index == columns.count {
            writer.endArray()
            if let statistics { writer.member(statistics) }
            writer.endObject()
            Envelope.end(&writer, warnings: warnings, infos: infos)
            isFinished = true
        }
        return writer.take()
    }

    /// Writes the next batch of samples, with what is before and behind it.
    private mutating func advance() {
        let column = columns[index]
        let start = sample ?? 0
        if sample == nil { writer.beginSeries(column) }
        let end = min(start + MatrixBody.batch, column.samples.count)
        if start < end { writer.samples(column, start..<end) }
        guard end == column.samples.count else {
            sample = end
            return
        }
        if end > 0 { writer.endArray() }
        writer.endSeries(column)
        // What is sent need not be held.
        columns[index] = SeriesColumn(labels: Labels(), samples: SampleColumns())
        index += 1
        sample = nil
    }
}
