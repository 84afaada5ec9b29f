// SPDX-License-Identifier: Apache-2.0
//
// `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`: native histograms in test scripts.

internal import Samples

/// Reads histograms in double braces.
struct HistogramLiteral {
    /// No real file comes near; it keeps `buckets` with a wrong bracket from growing without end.
    private static let bucketLimit = 100_000

    let histogram: NativeHistogram
    /// Whether the text says what is known of counter resets.
    let isHintGiven: Bool

    /// Reads what stands between the braces; the error says what is wrong.
    init(_ text: String) throws(TestScriptParser.Problem) {
        var fields = Fields()
        var rest = text[...]
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            if rest.isEmpty { break }
            guard let colon = rest.firstIndex(of: ":") else { throw .init("expected \":\" in histogram") }
            let key = String(rest[..<colon])
            rest = rest[rest.index(after: colon)...]
            if rest.first == "[" {
                guard let close = rest.firstIndex(of: "]") else { throw .init("unclosed list in histogram") }
                try fields.set(key, list: String(rest[rest.index(after: rest.startIndex)..<close]))
                rest = rest[rest.index(after: close)...]
            } else {
                let end = rest.firstIndex { $0 == " " || $0 == "\t" } ?? rest.endIndex
                try fields.set(key, value: String(rest[..<end]))
                rest = rest[end...]
            }
        }
        histogram = try fields.histogram()
        isHintGiven = fields.hint != nil
    }

    private struct Fields {
        var seen: Set<String> = []
        var numbers: [String: Double] = [:]
        var lists: [String: [Double]] = [:]
        var hint: CounterReset?

        private mutating func note(_ key: String) throws(TestScriptParser.Problem) {
            guard seen.insert(key).inserted else { throw .init("duplicate key \"\(key)\" in histogram") }
        }

        mutating func set(_ key: String, value: String) throws(TestScriptParser.Problem) {
            try note(key)
            if key == "counter_reset_hint" {
                switch value {
                case "unknown": hint = .unknown
                case "reset": hint = .reset
                case "not_reset": hint = .notReset
                case "gauge": hint = .gauge
                default: throw .init("unknown counter_reset_hint \"\(value)\"")
                }
                return
            }
            let keys = ["schema", "sum", "count", "z_bucket", "z_bucket_w", "offset", "n_offset"]
            guard keys.contains(key) else { throw .init("unknown key \"\(key)\" in histogram") }
            numbers[key] = try TestScriptParser.number(value)
        }

        mutating func set(_ key: String, list: String) throws(TestScriptParser.Problem) {
            try note(key)
            guard ["buckets", "n_buckets", "custom_values"].contains(key) else {
                throw .init("unknown list \"\(key)\" in histogram")
            }
            var values: [Double] = []
            for word in TestScriptParser.words(list) {
                guard values.count < HistogramLiteral.bucketLimit else { throw .init("too many buckets") }
                values.append(try TestScriptParser.number(word))
            }
            lists[key] = values
        }

        private func integer(_ key: String) throws(TestScriptParser.Problem) -> Int32 {
            let value = numbers[key] ?? 0
            guard let integer = Int32(exactly: value) else {
                throw .init("\(key) is no whole number: \(value)")
            }
            return integer
        }

        private func side(
            _ key: String,
            _ offset: String
        ) throws(TestScriptParser.Problem) -> [HistogramBucket] {
            var index = try integer(offset)
            var buckets: [HistogramBucket] = []
            for count in lists[key] ?? [] {
                buckets.append(HistogramBucket(index: index, count: count))
                let (next, overflow) = index.addingReportingOverflow(1)
                guard !overflow else { throw .init("\(offset) is too large") }
                index = next
            }
            return buckets
        }

        func histogram() throws(TestScriptParser.Problem) -> NativeHistogram {
            let schema = try integer("schema")
            guard
                schema == NativeHistogram.customSchema || NativeHistogram.exponentialSchemas.contains(schema)
            else { throw .init("unknown schema \(schema)") }
            return NativeHistogram(
                schema: schema,
                floatCount: numbers["count"] ?? 0,
                sum: numbers["sum"] ?? 0,
                zeroThreshold: numbers["z_bucket_w"] ?? 0,
                floatZeroCount: numbers["z_bucket"] ?? 0,
                positive: try side("buckets", "offset"),
                negative: try side("n_buckets", "n_offset"),
                customBounds: lists["custom_values"] ?? [],
                counterReset: hint ?? .unknown
            )
        }
    }
}
