// SPDX-License-Identifier: Apache-2.0
//
// What a script expects and what came out, side by side in the same notation, so that whatever differs can be seen.

internal import Samples

/// Expectations and answers as text.
enum TestWords {
    /// What a script expects of an evaluation.
    static func expectation(_ evaluation: Evaluation) -> String {
        if !evaluation.failures.isEmpty {
            return "error: \(evaluation.failures.map(\.words).joined(separator: ", "))"
        }
        if let scalar = evaluation.scalar { return self.scalar(scalar) }
        if let string = evaluation.string { return "string \(Labels.quoted(string))" }
        let series = evaluation.series.map { "\(labels($0.labels)) \(points($0.points, evaluation.steps))" }
        let order = evaluation.isOrdered ? " in this order" : ""
        return "[\(series.joined(separator: ", "))]\(order)"
    }

    /// An answer.
    static func value(_ value: QueryValue) -> String {
        switch value {
        case .scalar(_, let number): return scalar(number)
        case .string(_, let text): return "string \(Labels.quoted(text))"
        case .vector(let samples):
            let texts = samples.map { "\(labels($0.labels)) \($0.histogram?.testText ?? number($0.value))" }
            return "[\(texts.joined(separator: ", "))]"
        case .matrix(let columns):
            let texts = columns.map { column in
                let numbers = zip(column.samples.timestamps, column.samples.values).map {
                    (time: $0, text: number($1))
                }
                let histograms = zip(column.histograms.timestamps, column.histograms.histograms).map {
                    (time: $0, text: $1.testText)
                }
                let points = (numbers + histograms).sorted { $0.time < $1.time }
                return "\(labels(column.labels)) \(self.points(points))"
            }
            return "[\(texts.joined(separator: ", "))]"
        }
    }

    /// A number that is no series.
    static func scalar(_ value: Double) -> String { "scalar \(number(value))" }

    private static func number(_ value: Double) -> String {
        value.isStale ? "stale" : PromNumber.format(value)
    }

    private static func labels(_ labels: Labels) -> String { labels.pairs.isEmpty ? "{}" : "\(labels)" }

    /// Expected points: one without its time, several each with its own.
    private static func points(_ points: [Point], _ steps: Evaluation.Steps?) -> String {
        let texts = points.enumerated().compactMap { position, point in
            let time = steps.map { $0.from + Int64(position) * $0.step } ?? 0
            switch point {
            case .omitted: return steps == nil ? (time: time, text: "_") : nil
            case .float(let value): return (time: time, text: number(value))
            case .histogram(let histogram, _): return (time: time, text: histogram.testText)
            }
        }
        return steps == nil ? texts.map(\.text).joined(separator: " ") : self.points(texts)
    }

    private static func points(_ points: [(time: Int64, text: String)]) -> String {
        points.isEmpty ? "no points" : points.map { "\($0.text) @\($0.time)ms" }.joined(separator: " ")
    }
}
