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
            let body = MatrixBody(columns: columns, warnings: warnings, infos: output.infos, statistics)
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
            writer.sample(time.milliseconds, number)
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
        beginObject()
        member("metric", column.labels)
        let samples = column.samples
        if samples.count > 0 {
            key("values")
            beginArray()
            let timestamps = samples.timestamps.span
            let values = samples.values.span
            for index in timestamps.indices { sample(timestamps[index], values[index]) }
            endArray()
        }
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

/// The matrix answer, some series at a time.
struct MatrixBody: Reply.ChunkSource {
    /// A piece ends with the series that makes it reach this many bytes.
    static let chunkBytes = 64 << 10

    private let columns: [SeriesColumn]
    private let warnings: [String]
    private let infos: [String]
    private let statistics: StatisticsText?
    private var writer = JSONWriter()
    private var index = 0
    private var isFinished = false

    /// Creates the body of an answer with these series.
    init(
        columns: [SeriesColumn],
        warnings: [String],
        infos: [String],
        _ statistics: StatisticsText? = nil
    ) {
        self.statistics = statistics
        self.columns = columns
        self.warnings = warnings
        self.infos = infos
    }

    mutating func next() -> [UInt8]? {
        guard !isFinished else { return nil }
        var chunk: [UInt8] = []
        if index == 0 {
            chunk.append(contentsOf: #"{"status":"success","data":{"resultType":"matrix","result":["#.utf8)
        }
        while index < columns.count, chunk.count < MatrixBody.chunkBytes {
            if index > 0 { chunk.append(UInt8(ascii: ",")) }
            writer.removeAll()
            writer.series(columns[index])
            chunk.append(contentsOf: writer.bytes)
            index += 1
        }
        if index == columns.count {
            chunk.append(UInt8(ascii: "]"))
            if let statistics {
                var text = JSONWriter()
                text.member(statistics)
                chunk.append(UInt8(ascii: ","))
                chunk.append(contentsOf: text.bytes)
            }
            chunk.append(UInt8(ascii: "}"))
            chunk.append(contentsOf: tail())
            isFinished = true
        }
        return chunk
    }

    /// What follows the data, up to the envelope's closing brace.
    private func tail() -> ArraySlice<UInt8> {
        var tail = JSONWriter()
        tail.beginObject()
        Envelope.end(&tail, warnings: warnings, infos: infos)
        // Without the opening brace, and with a comma when there are annotations.
        let members = tail.bytes.dropFirst()
        return members.count > 1 ? [UInt8(ascii: ",")] + members : members
    }
}
