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
        guard !evaluation.failures.isEmpty else {
            throw Mismatch(expected: "no error", got: "error: \(message)")
        }
        guard evaluation.failures.allSatisfy({ matches($0, message) }) else {
            throw Mismatch(expected: TestWords.expectation(evaluation), got: "error: \(message)")
        }
    }

    func check(
        _ what: String,
        _ found: [String],
        _ wanted: Evaluation.Annotations
    ) throws(Mismatch) {
        let got = found.isEmpty ? "no \(what)" : "\(what): \(found.joined(separator: "; "))"
        if wanted.isForbidden, !found.isEmpty { throw Mismatch(expected: "no \(what)", got: got) }
        if wanted.isAnyNeeded, found.isEmpty { throw Mismatch(expected: "\(what): any", got: got) }
        let expected = wanted.expected
        if expected.isEmpty { return }
        guard !found.isEmpty,
            found.allSatisfy({ text in expected.contains { matches($0, text) } }),
            expected.allSatisfy({ pattern in found.contains { matches(pattern, $0) } })
        else {
            throw Mismatch(expected: "\(what): \(expected.map(\.words).joined(separator: "; "))", got: got)
        }
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
        let isExpected: Bool
        switch value {
        case .string(_, let text): isExpected = text == evaluation.string
        case .scalar(_, let number): isExpected = evaluation.scalar.map { Self.isEqual(number, $0) } ?? false
        case .vector(let samples): return try check(vector: samples)
        case .matrix(let series):
            if let steps = evaluation.rangeVector {
                return try check(matrix: series, from: steps.from, to: steps.to, step: steps.step)
            }
            isExpected = false
        }
        guard isExpected else { throw mismatch(value) }
    }

    func check(vector: [VectorSample]) throws(Mismatch) {
        guard evaluation.scalar == nil, evaluation.string == nil, vector.count == evaluation.series.count
        else { throw mismatch(.vector(vector)) }
        var seen: Set<Labels> = []
        for (position, sample) in vector.enumerated() {
            guard seen.insert(sample.labels).inserted,
                let expected = evaluation.series.firstIndex(where: { $0.labels == sample.labels }),
                !evaluation.isOrdered || expected == position,
                let point = evaluation.series[expected].points.first,
                Self.isEqual(sample, point)
            else { throw mismatch(.vector(vector)) }
        }
    }

    func check(matrix: [SeriesColumn], from: Int64, to: Int64, step: Int64) throws(Mismatch) {
        let isSorted = zip(matrix, matrix.dropFirst()).allSatisfy { $0.labels < $1.labels }
        guard isSorted else {
            throw Mismatch(expected: "series sorted by labels", got: TestWords.value(.matrix(matrix)))
        }
        let expected = evaluation.series
        guard !evaluation.isOrdered, evaluation.scalar == nil, matrix.count == expected.count else {
            throw mismatch(.matrix(matrix))
        }
        for series in matrix {
            guard let match = expected.first(where: { $0.labels == series.labels }),
                Self.isEqual(series, match.points, from: from, to: to, step: step)
            else { throw mismatch(.matrix(matrix)) }
        }
    }

    private func mismatch(_ value: QueryValue) -> Mismatch {
        Mismatch(expected: TestWords.expectation(evaluation), got: TestWords.value(value))
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

    private static func isEqual(
        _ column: SeriesColumn,
        _ points: [Point],
        from: Int64,
        to: Int64,
        step: Int64
    ) -> Bool {
        var (number, histogram) = (0, 0)
        for (position, point) in points.enumerated() {
            let time = from + Int64(position) * step
            // Not even a position without a value may be where the query has no step.
            guard time <= to else { return false }
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
