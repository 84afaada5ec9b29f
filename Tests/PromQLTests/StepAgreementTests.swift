// SPDX-License-Identifier: Apache-2.0
//
// Every step of a range query is what an instant query at that time gives: operators work on whole columns, across
// many words of presence bits, while series come and go.

import Samples
import Testing

@testable import PromQL

@Suite struct StepAgreementTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private static let steps = 150
    private static let step: Int64 = 30_000

    /// Series with gaps, so that groups and matches change from step to step.
    private func source() -> MemorySource {
        var random = Generator(state: 99)
        let source = MemorySource()
        for name in ["a_total", "b_total", "info", "h_bucket"] {
            for index in 0..<6 {
                var labels = LabelsBuilder()
                labels.set("__name__", name)
                labels.set("k", "\(index % 3)")
                switch name {
                case "info": labels.set("version", "\(index / 3)")
                case "h_bucket": labels.set("le", ["0.5", "1", "+Inf"][index % 3])
                default: labels.set("l", "\(index)")
                }
                if name == "h_bucket" { labels.set("k", "\(index / 3)") }
                var value = 0.0
                var isPresent = index < 3
                for position in 0..<Self.steps {
                    if Int.random(in: 0..<12, using: &random) == 0 {
                        isPresent.toggle()
                        if !isPresent {
                            source.append(labels.labels(), Int64(position) * Self.step, StaleMarker.value)
                            continue
                        }
                    }
                    // The two versions of an info series take turns.
                    let isTurn = name != "info" || (position / 20) % 2 == index / 3
                    guard isPresent, isTurn else { continue }
                    value +=
                        Double(Int.random(in: 0...6, using: &random))
                        + (name == "h_bucket" ? Double(index % 3) : 0)
                    source.append(labels.labels(), Int64(position) * Self.step, value)
                }
            }
        }
        addHistograms(to: source, &random)
        return source
    }

    /// `hist` has histograms with gaps and resets, `mixed` also numbers, `custom` two sets of bounds.
    private func addHistograms(to source: MemorySource, _ random: inout Generator) {
        for name in ["hist", "mixed", "custom"] {
            for index in 0..<4 {
                let labels = Labels([
                    (name: "__name__", value: name), (name: "k", value: "\(index % 2)"),
                    (name: "l", value: "\(index)"),
                ])
                var counts = [0.0, 0, 0]
                for position in 0..<Self.steps {
                    if Int.random(in: 0..<6, using: &random) == 0 { continue }
                    if Int.random(in: 0..<20, using: &random) == 0 { counts = [0, 0, 0] }
                    for bucket in counts.indices {
                        counts[bucket] += Double(Int.random(in: 0...2, using: &random))
                    }
                    let isCustom = name == "custom"
                    let histogram = NativeHistogram(
                        schema: isCustom ? NativeHistogram.customSchema : 1,
                        floatCount: counts.reduce(0, +),
                        sum: counts.reduce(0, +) * 1.5,
                        positive: counts.enumerated().map { HistogramBucket(index: Int32($0), count: $1) },
                        customBounds: isCustom ? (position / 30 % 2 == 0 ? [1, 2] : [1, 3]) : []
                    )
                    let isNumber = name == "mixed" && position / 10 % 2 == 0
                    let value = isNumber ? SampleValue.number(counts[0]) : .histogram(histogram)
                    try? source.append(labels, Int64(position) * Self.step, value, start: nil)
                }
            }
        }
    }

    @Test(arguments: [
        "a_total", "a_total offset 5m", "a_total @ 1800", "-a_total", "abs(a_total - 20)",
        "a_total > 10", "10 < bool a_total", "a_total % 7 ^ 2",
        "a_total + ignoring(l, version) group_left info * 0",
        "a_total * on(k) group_left(version) info", "info * on(k) group_right(version) a_total",
        "sum by (k) (a_total) / sum by (k) (b_total)", "sum by (k) (a_total) > sum by (k) (b_total)",
        "a_total and on(l) b_total", "a_total unless on(l) b_total", "a_total or on(l) b_total",
        "a_total == a_total",
        "sum(a_total)", "avg without(l) (a_total)", "min by (k) (a_total)", "max(a_total)",
        "count by (k) (a_total)",
        "group(b_total)", "stddev(a_total)", "stdvar by (k) (a_total)", "topk(2, a_total)",
        "bottomk by (k) (1, a_total)", "topk(scalar(count(b_total)) - 2, a_total)", "quantile(0.4, a_total)",
        "count_values(\"v\", a_total % 3)", "count_values without(l) (\"k\", a_total % 2)",
        "histogram_quantile(0.7, h_bucket)", "histogram_quantile(scalar(a_total{l=\"1\"}) / 100, h_bucket)",
        "histogram_fraction(0.2, 0.8, rate(h_bucket[3m]))", "absent(a_total{l=\"4\"})",
        "scalar(a_total{l=\"2\"})",
        "vector(time())", "clamp(a_total, 5, 30)", "round(a_total, 5)", "timestamp(a_total)",
        "timestamp(-a_total)",
        "hour(a_total * 1000)", "minute()",
        "label_replace(a_total, \"l\", \"x$1\", \"l\", \"(.*)\") > 0 unless a_total",
        "label_join(a_total, \"j\", \"-\", \"k\", \"l\")", "sum by (k) (rate(a_total[4m]))",
        "max_over_time(sum(a_total)[5m:1m])", "rate(a_total[3m] offset -1m)",
        "sum_over_time((a_total > 5)[4m:30s])",
        "hist", "-hist", "hist * 2", "2 * hist / 3", "hist + on(l, k) mixed",
        "hist == hist",
        "hist != on(l) mixed", "hist </ 1.2", "hist >/ 0.7", "custom </ 1.5", "mixed * 2",
        "mixed or hist",
        "hist and on(l) mixed", "hist unless on(l) a_total", "sum(hist)", "avg by (k) (hist)", "sum(mixed)",
        "sum by (k) (custom)", "avg(custom)", "count(mixed)", "min(mixed)", "topk(1, mixed)",
        "limitk(2, hist)",
        "limit_ratio(0.5, hist)", "count_values(\"v\", hist)", "quantile(0.5, mixed)", "group by (k) (hist)",
        "histogram_quantile(0.7, hist)", "histogram_fraction(0.2, 1.2, custom)",
        "histogram_count(rate(hist[3m]))",
        "histogram_stddev(hist)", "histogram_quantiles(hist, \"q\", 0.1, 0.9)", "rate(hist[4m])",
        "increase(custom[4m])", "delta(hist[3m])", "irate(hist[4m])", "idelta(mixed[4m])",
        "changes(mixed[5m])",
        "resets(hist[5m])", "sum_over_time(hist[3m])", "avg_over_time(custom[3m])",
        "last_over_time(mixed[3m])",
        "first_over_time(mixed[3m])", "count_over_time(mixed[3m])", "max_over_time(mixed[3m])",
        "timestamp(hist)",
        "absent(hist{l=\"3\"})", "ts_of_last_over_time(mixed[3m])", "sum_over_time(hist[5m:1m])",
        "rate(hist[4m] anchored)", "increase(hist[4m] smoothed)", "resets(mixed[4m] anchored)",
        "hist smoothed",
        "a_total smoothed", "increase(a_total[4m] anchored)", "rate(a_total[4m] smoothed)",
        "a_total + on(l) fill(3) b_total", "a_total + on(k) group_left fill_right(1) count by (k) (b_total)",
        "mad_over_time(a_total[4m])", "ts_of_max_over_time(a_total[4m])",
        "double_exponential_smoothing(a_total[4m], 0.5, 0.3)", "max_of(scalar(a_total{l=\"1\"}), 20)",
        "time() - a_total", "a_total / 0 == Inf", "absent_over_time(a_total{l=\"5\"}[2m])",
    ])
    func rangeEqualsInstants(_ query: String) async throws {
        var options = QueryOptions()
        // Shorter than a step, so that the versions of an info series never overlap.
        options.lookback = .seconds(25)
        options.features = .all
        options.features.delayedNameRemoval = false
        let engine = QueryEngine(source: source(), options: options)
        let expression = try engine.parse(query)
        let output = try await engine.range(
            expression,
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: Int64(Self.steps - 1) * Self.step),
            step: .milliseconds(Self.step)
        )
        guard case .matrix(let series) = output.value else {
            Issue.record("not a matrix")
            return
        }
        var total = 0
        for index in 0..<Self.steps {
            let time = Timestamp(milliseconds: Int64(index) * Self.step)
            var expected: [Labels: Double] = [:]
            var histograms: [Labels: String] = [:]
            switch try await engine.instant(expression, at: time).value {
            case .vector(let samples):
                for sample in samples {
                    if let histogram = sample.histogram {
                        histograms[sample.labels] = histogram.text
                    } else {
                        expected[sample.labels] = sample.value
                    }
                }
            case .scalar(_, let value): expected[Labels()] = value
            default: Issue.record("not a vector")
            }
            total += expected.count + histograms.count
            var foundHistograms: [Labels: String] = [:]
            for entry in series {
                if let place = entry.histograms.timestamps.firstIndex(of: time.milliseconds) {
                    foundHistograms[entry.labels] = entry.histograms.histograms[place].text
                }
            }
            #expect(foundHistograms == histograms, "\(query) at step \(index)")
            var found: [Labels: Double] = [:]
            for entry in series {
                guard let position = entry.samples.timestamps.firstIndex(of: time.milliseconds) else {
                    continue
                }
                found[entry.labels] = entry.samples.values[position]
            }
            #expect(Set(found.keys) == Set(expected.keys), "\(query) at step \(index)")
            for (labels, value) in expected {
                guard let got = found[labels] else { continue }
                let isEqual =
                    got == value || (got.isNaN && value.isNaN) || abs(got - value) <= 1e-9 * abs(value)
                #expect(isEqual, "\(query) at step \(index): \(labels) \(got), not \(value)")
            }
        }
        #expect(total > 0, "\(query) never had a value")
    }
}
