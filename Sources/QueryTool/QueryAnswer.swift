// SPDX-License-Identifier: Apache-2.0
//
// What a query API answers (Prometheus HTTP API, "Expression query result formats"), as one shape: series with points. A
// scalar or string is one series without labels.

public import Samples
public import Wire

/// An answer to a query.
public struct QueryAnswer: Sendable, Equatable {
    /// A value at a time.
    public struct Point: Sendable, Equatable {
        /// When.
        public let time: Timestamp
        /// As the server wrote it; a histogram in one line.
        public let text: String
        /// Nil for histograms and strings.
        public let number: Double?

        /// Creates a point.
        public init(time: Timestamp, text: String, number: Double?) {
            self.time = time
            self.text = text
            self.number = number
        }
    }

    /// A series with its values in time order.
    public struct Series: Sendable, Equatable {
        /// Its name and labels.
        public let labels: Labels
        /// Its values.
        public let points: [Point]

        /// Creates a series.
        public init(labels: Labels, points: [Point]) {
            self.labels = labels
            self.points = points
        }
    }

    /// In the server's order.
    public let series: [Series]
    /// Whether each series has values at several times.
    public let isRange: Bool

    /// Creates an answer.
    public init(series: [Series], isRange: Bool) {
        self.series = series
        self.isRange = isRange
    }

    /// Reads the `data` of an answer; nil when it is none.
    public init?(_ data: JSONValue) {
        guard let type = data["resultType"]?.string, let result = data["result"] else { return nil }
        switch type {
        case "scalar", "string":
            guard let point = QueryAnswer.point(result, isString: type == "string") else { return nil }
            series = [Series(labels: Labels(), points: [point])]
            isRange = false
        case "vector":
            series = (result.array ?? []).map { element in
                let number = element["value"].flatMap { QueryAnswer.point($0) }
                let point = number ?? element["histogram"].flatMap(QueryAnswer.histogram)
                return Series(labels: QueryAnswer.labels(element["metric"]), points: point.map { [$0] } ?? [])
            }
            isRange = false
        case "matrix":
            series = (result.array ?? []).map { element in
                let numbers = (element["values"]?.array ?? []).compactMap { QueryAnswer.point($0) }
                let histograms = (element["histograms"]?.array ?? []).compactMap(QueryAnswer.histogram)
                return Series(
                    labels: QueryAnswer.labels(element["metric"]),
                    points: histograms.isEmpty
                        ? numbers : (numbers + histograms).sorted { $0.time < $1.time }
                )
            }
            isRange = true
        default: return nil
        }
    }

    /// The labels of a JSON object.
    public static func labels(_ value: JSONValue?) -> Labels {
        Labels((value?.object ?? [:]).compactMap { name, value in value.string.map { (name, $0) } })
    }

    private static func time(_ value: JSONValue?) -> Timestamp? {
        guard let seconds = value?.number, let milliseconds = Int64(exactly: (seconds * 1000).rounded())
        else {
            return nil
        }
        return Timestamp(milliseconds: milliseconds)
    }

    private static func point(_ value: JSONValue, isString: Bool = false) -> Point? {
        guard let time = time(value[0]), let text = value[1]?.string else { return nil }
        return Point(time: time, text: text, number: isString ? nil : PromNumber.parse(text))
    }

    /// `{count:4, sum:5, (0.5,1]:2}`.
    private static func histogram(_ value: JSONValue) -> Point? {
        guard let time = time(value[0]), let histogram = value[1] else { return nil }
        var parts = ["count", "sum"].compactMap { key in histogram[key]?.string.map { "\(key):\($0)" } }
        for bucket in histogram["buckets"]?.array ?? [] {
            guard let rule = bucket[0]?.number, let low = bucket[1]?.string, let high = bucket[2]?.string,
                let count = bucket[3]?.string
            else { continue }
            let isOpenBelow = rule == 0 || rule == 2
            let isOpenAbove = rule == 1 || rule == 2
            parts.append("\(isOpenBelow ? "(" : "[")\(low),\(high)\(isOpenAbove ? ")" : "]"):\(count)")
        }
        return Point(time: time, text: "{\(parts.joined(separator: ", "))}", number: nil)
    }
}
