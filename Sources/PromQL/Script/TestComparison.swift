// SPDX-License-Identifier: Apache-2.0
//
// Whether an answer is what a script expects. Numbers may differ by a millionth of their size, histograms likewise in each
// of their numbers; bounds and labels may not.

internal import Samples

/// Compares answers with what is expected.
struct TestComparison {
    typealias Mismatch = TestScriptRunner.Mismatch

    private let evaluation: Evaluation

    init(_ evaluation: Evaluation) {
        self.evaluation = evaluation
    }

    // MARK: - Errors and annotations

    func check(error message: String) throws(Mismatch) {
        guard let expected = evaluation.failure else {
            throw Mismatch(expected: "no error", got: "error: \(message)")
        }
        guard matches(expected, message) else {
            throw Mismatch(expected: "error: \(expected.words)", got: "error: \(message)")
        }
    }

    func check(
        _ what: String,
        _ found: [String],
        _ expected: [Evaluation.Expected],
        _ isForbidden: Bool
    ) throws(Mismatch) {
        if isForbidden, !found.isEmpty { throw Mismatch(expected: "no \(what)", got: "\(found)") }
        if isForbidden || expected.isEmpty { return }
        let words = "\(what): \(expected.map(\.words))"
        guard !found.isEmpty,
            found.allSatisfy({ text in expected.contains { matches($0, text) } }),
            expected.allSatisfy({ pattern in found.contains { matches(pattern, $0) } })
        else { throw Mismatch(expected: words, got: "\(what): \(found)") }
    }

    private func matches(_ expected: Evaluation.Expected, _ text: String) -> Bool {
        switch expected {
        case .any: true
        case .message(let message): message == text
        case .expression(let expression): (try? Pattern(expression))?.matchesPart(of: text) ?? false
        }
    }

    // MARK: - Values

    func check(_ value: QueryValue) throws(Mismatch) {
        switch value {
        case .string(_, let text):
            guard text == evaluation.string else {
                throw Mismatch(expected: expectation, got: "string \(Labels.quoted(text))")
            }
        case .scalar(_, let number):
            guard let scalar = evaluation.scalar, Self.isEqual(number, scalar) else {
                throw Mismatch(expected: expectation, got: "scalar \(number)")
            }
        case .matrix(let series):
            guard let times = evaluation.rangeVector else {
                throw Mismatch(expected: expectation, got: "a matrix of \(series.count) series")
            }
            try check(matrix: series, from: times.from, step: times.step)
        case .vector(let samples): try check(vector: samples)
        }
    }

    func check(vector: [VectorSample]) throws(Mismatch) {
        func got() -> String {
            vector.map { "\($0.labels) \($0.histogram?.text ?? "\($0.value)")" }.joined(separator: ", ")
        }
        guard evaluation.scalar == nil, evaluation.string == nil, vector.count == evaluation.series.count
        else {
            throw Mismatch(expected: expectation, got: "[\(got())]")
        }
        var seen: Set<Labels> = []
        for (position, sample) in vector.enumerated() {
            guard seen.insert(sample.labels).inserted,
                let expected = evaluation.series.firstIndex(where: { $0.labels == sample.labels }),
                !evaluation.isOrdered || expected == position,
                let point = evaluation.series[expected].points.first,
                Self.isEqual(sample, point)
            else { throw Mismatch(expected: expectation, got: "[\(got())]") }
        }
    }

    func check(matrix: [SeriesColumn], from: Int64, step: Int64) throws(Mismatch) {
        func got() -> String {
            matrix.map { column in
                let numbers = zip(column.samples.timestamps, column.samples.values).map { "\($1)@\($0)" }
                let histograms = zip(column.histograms.timestamps, column.histograms.histograms)
                    .map { "\($1.text)@\($0)" }
                return "\(column.labels) \((numbers + histograms).joined(separator: " "))"
            }
            .joined(separator: ", ")
        }
        // A scalar over a range is one series without labels.
        var expected = evaluation.series.filter { series in series.points.contains { !$0.isOmitted } }
        if let scalar = evaluation.scalar, expected.isEmpty {
            expected = [Load.Series(labels: Labels(), points: [.float(scalar)])]
        }
        let isSorted = zip(matrix, matrix.dropFirst()).allSatisfy { $0.labels < $1.labels }
        guard matrix.count == expected.count, isSorted else {
            throw Mismatch(expected: expectation, got: "[\(got())]")
        }
        for series in matrix {
            guard let match = expected.first(where: { $0.labels == series.labels }),
                Self.isEqual(series, match.points, from: from, step: step)
            else { throw Mismatch(expected: expectation, got: "[\(got())]") }
        }
    }

    /// What the script expects, in words.
    private var expectation: String {
        if let failure = evaluation.failure { return "error: \(failure.words)" }
        if let scalar = evaluation.scalar { return "scalar \(scalar)" }
        if let string = evaluation.string { return "string \(Labels.quoted(string))" }
        let series = evaluation.series.map { series in
            let points = series.points.map { point in
                switch point {
                case .omitted: "_"
                case .float(let value): "\(value)"
                case .histogram(let histogram, _): histogram.text
                }
            }
            return "\(series.labels) \(points.joined(separator: " "))"
        }
        return "[\(series.joined(separator: ", "))]"
    }

    // MARK: - Equality

    private static func isEqual(_ sample: VectorSample, _ point: Point) -> Bool {
        switch point {
        case .omitted: false
        case .float(let value): sample.histogram == nil && isEqual(sample.value, value)
        case .histogram(let histogram, let isHintGiven):
            sample.histogram.map { isEqual($0, histogram, isHintGiven) } ?? false
        }
    }

    private static func isEqual(_ column: SeriesColumn, _ points: [Point], from: Int64, step: Int64) -> Bool {
        var (number, histogram) = (0, 0)
        for (position, point) in points.enumerated() {
            let time = from + Int64(position) * step
            switch point {
            case .omitted: continue
            case .float(let value):
                guard number < column.samples.count, column.samples.timestamps[number] == time,
                    isEqual(column.samples.values[number], value)
                else { return false }
                number += 1
            case .histogram(let value, let isHintGiven):
                guard histogram < column.histograms.count, column.histograms.timestamps[histogram] == time,
                    isEqual(column.histograms.histograms[histogram], value, isHintGiven)
                else { return false }
                histogram += 1
            }
        }
        return number == column.samples.count && histogram == column.histograms.count
    }

    private static func isEqual(
        _ left: NativeHistogram,
        _ right: NativeHistogram,
        _ isHintGiven: Bool
    ) -> Bool {
        func areEqual(_ left: [HistogramBucket], _ right: [HistogramBucket]) -> Bool {
            left.count == right.count
                && zip(left, right).allSatisfy {
                    $0.index == $1.index
                        && isEqual(Double(bitPattern: $0.rawCount), Double(bitPattern: $1.rawCount))
                }
        }
        return left.schema == right.schema && left.zeroThreshold == right.zeroThreshold
            && isEqual(left.count, right.count) && isEqual(left.sum, right.sum)
            && isEqual(left.zeroCount, right.zeroCount) && areEqual(left.positive, right.positive)
            && areEqual(left.negative, right.negative) && left.customBounds == right.customBounds
            && (!isHintGiven || left.counterReset == right.counterReset)
    }

    /// Prometheus' almost.Equal with a tolerance of 1e-6.
    static func isEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isStale || right.isStale { return left.isStale && right.isStale }
        if left.isNaN && right.isNaN || left == right { return true }
        let difference = abs(left - right)
        let sum = abs(left) + abs(right)
        if left == 0 || right == 0 || sum < 0x1p-1022 { return difference < 1e-6 * 0x1p-1022 }
        return difference / min(sum, .greatestFiniteMagnitude) < 1e-6
    }
}
