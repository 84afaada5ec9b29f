// SPDX-License-Identifier: Apache-2.0
//
// Native histograms in the notation of test files, the shortest way: what is zero is left out. Two histograms are the
// same to a rule test when these texts are. Source: Prometheus, model/histogram, FloatHistogram.TestExpression.

public import Samples

extension NativeHistogram {
    /// The histogram in the notation of test scripts: `{{schema:1 count:4 sum:5 buckets:[1 2 1]}}`.
    public var testText: String {
        var parts: [String] = []
        func add(_ key: String, _ value: Double) {
            if value != 0 { parts.append("\(key):\(NumberText.general(value))") }
        }
        if schema != 0 { parts.append("schema:\(schema)") }
        add("count", count)
        add("sum", sum)
        add("z_bucket", zeroCount)
        add("z_bucket_w", zeroThreshold)
        if schema == NativeHistogram.customSchema {
            parts.append("custom_values:[\(customBounds.map(NumberText.general).joined(separator: " "))]")
        }
        switch counterReset {
        case .unknown: break
        case .reset: parts.append("counter_reset_hint:reset")
        case .notReset: parts.append("counter_reset_hint:not_reset")
        case .gauge: parts.append("counter_reset_hint:gauge")
        }
        parts += side(positive, "buckets", "offset")
        parts += side(negative, "n_buckets", "n_offset")
        return "{{\(parts.joined(separator: " "))}}"
    }

    /// The buckets between the first and the last that has something; a list has no gaps.
    private func side(_ buckets: [HistogramBucket], _ key: String, _ offset: String) -> [String] {
        let filled = buckets.map { (index: $0.index, count: count(of: $0.rawCount)) }.filter { $0.count != 0 }
        guard let first = filled.first, let last = filled.last else { return [] }
        var parts = first.index == 0 ? [] : ["\(offset):\(first.index)"]
        // Buckets far apart would make a list of any length; a store has at most some hundred.
        guard Int64(last.index) - Int64(first.index) < 10_000 else {
            let pairs = filled.map { "\($0.index)=\(NumberText.general($0.count))" }
            return ["\(key):[\(pairs.joined(separator: " "))]"]
        }
        var texts: [String] = []
        var next = first.index
        for bucket in filled {
            while next < bucket.index {
                texts.append("0")
                next += 1
            }
            texts.append(NumberText.general(bucket.count))
            next = bucket.index == .max ? bucket.index : bucket.index + 1
        }
        parts.append("\(key):[\(texts.joined(separator: " "))]")
        return parts
    }
}
