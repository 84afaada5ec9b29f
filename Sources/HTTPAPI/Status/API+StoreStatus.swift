// SPDX-License-Identifier: Apache-2.0
//
// /status/tsdb: which metrics and labels make up the series. The series are walked once per label name rather
// than once with a table of all pairs, so that memory stays at the values of one label.

internal import Samples
internal import Wire

extension API {
    private struct Statistic {
        let name: String
        let value: UInt64
    }

    /// How much the store holds, and of what.
    func storeStatus(_ parameters: Parameters) throws(APIError) -> Reply {
        let limit = try statisticLimit(parameters)
        let storage = services.storage()
        let selection: any SeriesSelection
        let names: [String]
        do {
            selection = try services.source.select([], from: .min, through: .max)
            names = try services.source.labelNames([], from: .min, through: .max)
        } catch {
            throw APIError(error)
        }
        var byMetric: [Statistic] = []
        var valueCounts: [Statistic] = []
        var memory: [Statistic] = []
        var byPair: [Statistic] = []
        var pairCount = 0
        for name in names {
            let counts = API.counts(of: Array(name.utf8), in: selection)
            pairCount += counts.count
            valueCounts.append(Statistic(name: name, value: UInt64(counts.count)))
            let bytes = counts.keys.reduce(0) { $0 + $1.utf8.count }
            memory.append(Statistic(name: name, value: UInt64(bytes)))
            let largest = API.largest(counts.map { Statistic(name: $0.key, value: $0.value) }, limit)
            if name == Labels.metricNameLabel { byMetric = largest }
            byPair = API.largest(
                byPair + largest.map { Statistic(name: "\(name)=\($0.name)", value: $0.value) },
                limit
            )
        }
        return Envelope.success { writer in
            writer.beginObject()
            writer.key("headStats")
            writer.beginObject()
            writer.member("numSeries", selection.count)
            writer.member("numLabelPairs", pairCount)
            writer.member("chunkCount", storage.groups)
            writer.member("minTime", storage.oldest?.milliseconds ?? .max)
            writer.member("maxTime", storage.newest?.milliseconds ?? .min)
            writer.endObject()
            API.write("seriesCountByMetricName", byMetric, &writer)
            API.write("labelValueCountByLabelName", API.largest(valueCounts, limit), &writer)
            API.write("memoryInBytesByLabelName", API.largest(memory, limit), &writer)
            API.write("seriesCountByLabelValuePair", byPair, &writer)
            writer.endObject()
        }
    }

    private func statisticLimit(_ parameters: Parameters) throws(APIError) -> Int {
        let text = parameters["limit"]
        guard !text.isEmpty else { return 10 }
        guard let limit = Int(text), limit >= 1 else {
            throw APIError(.badData, "limit must be a positive number")
        }
        guard limit <= 10_000 else { throw APIError(.badData, "limit must not exceed 10000") }
        return limit
    }

    private static func counts(of name: [UInt8], in selection: any SeriesSelection) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for index in 0..<selection.count {
            let labels = selection.labels(index)
            guard let range = labels.value(ofNameBytes: name) else { continue }
            counts[String(decoding: labels.bytes[range], as: UTF8.self), default: 0] += 1
        }
        return counts
    }

    private static func largest(_ statistics: [Statistic], _ limit: Int) -> [Statistic] {
        Array(statistics.sorted { ($1.value, $0.name) < ($0.value, $1.name) }.prefix(limit))
    }

    private static func write(_ name: String, _ statistics: [Statistic], _ writer: inout JSONWriter) {
        writer.key(name)
        writer.beginArray()
        for statistic in statistics {
            writer.beginObject()
            writer.member("name", statistic.name)
            writer.member("value", statistic.value)
            writer.endObject()
        }
        writer.endArray()
    }
}
