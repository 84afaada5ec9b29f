// SPDX-License-Identifier: Apache-2.0
//
// Queries made by cutting and joining good ones: whatever comes in, the answer is a tree that prints and parses
// back, or an error; never a trap.

import Samples
import Testing

@testable import PromQL

@Suite struct ParserFuzzTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    private static let seeds = [
        "sum by (job, \"a.b\") (rate(http_requests_total{job=~\"a.*\", code!=\"500\"}[5m] offset -1m @ end()))",
        "histogram_quantile(0.9, sum without(le) (rate(x_bucket[5m:30s] @ 1e3))) > bool on(a) group_left(b, c) y",
        "label_replace(a, \"b\", \"$1-${x}\", \"c\", \"(?P<x>.*)\") or -b ^ -2 % 3 atan2 .5e-3 unless 0x1F",
        "topk(3, quantile_over_time(0.5, {__name__=\"x\", 'é'=`raw\\n`}[step() * (1 + 2) - 3s])) # comment\n",
        "count_values(\"v\", a) and ignoring() predict_linear(b[1h30m] offset min_of(5m, range()), 3600) == nan",
        "clamp(vector(1e308), -Inf, +Inf) </ 5 >/ 3 + time() - scalar(x) / day_of_week()",
        "histogram_quantiles(h </ 2, \"q\", 0.5, 1.5) or histogram_fraction(-1, h, rate(h[5m])) + sum(h) * -h >/ 1e-3",
        "increase(h[2m] smoothed) - on() group_right fill_left(1) delta(x[1m] anchored) == bool avg_over_time(h[1m:20s])",
        "info(h, {__name__!~\"x\", le=\"\"}) limit_ratio(-0.5, changes(h[3m])) sort_by_label_desc(a, \"le\") mad_over_time(b[3m])",
        "count_values(\"v\", h) min_of(1, step()) double_exponential_smoothing(a[5m], 0.5, 0.5) irate(h[5m] @ 300 offset 1m)",
        "\"\\x41\\u00e9\\U0001F600\\101\\n\" anchored smoothed fill(0) limitk(1, x) start() end()",
    ]
    private static let words = [
        "(", ")", "[", "]", "{", "}", ",", ":", "@", "offset", "-", "+", "^", "bool", "on", "by",
        "1y2w3d4h5m6s7ms",
        "9999999999999999999", "1e400", "0x", "1_000", "5m5m", "\"", "'", "`", "\\", "é", "\u{0}", "#", "\n",
        "=~", "!",
        "start()", "step()", "[5m]", "[1ms:1ms]", "offset 292y", "@ 9e15", "@ -9e18", "-1", "NaN", "Inf",
        "sum", "rate",
    ]

    @Test func neverTraps() async throws {
        var random = Generator(state: 42)
        let source = MemorySource()
        for index in 0..<50 {
            for name in ["x", "a", "b", "http_requests_total", "x_bucket"] {
                let labels = Labels([(name: "__name__", value: name), (name: "le", value: "\(index % 3)")])
                source.append(labels, Int64(index) * 10_000, Double(index))
            }
        }
        for index in 0..<50 {
            let labels = Labels([(name: "__name__", value: "h"), (name: "le", value: "\(index % 3)")])
            let isCustom = index % 7 == 6
            let histogram = NativeHistogram(
                schema: isCustom ? NativeHistogram.customSchema : Int32(index % 4) - 1,
                floatCount: Double(index),
                sum: index % 11 == 10 ? .nan : Double(index * index),
                zeroThreshold: isCustom ? 0 : 0.25 * Double(index % 5),
                floatZeroCount: isCustom ? 0 : 1,
                positive: (0..<4).map { HistogramBucket(index: $0, count: Double(index) / 4) },
                negative: isCustom || index % 2 == 0 ? [] : [HistogramBucket(index: .max, count: 1)],
                customBounds: isCustom ? [-1, 0, Double(index)] : [],
                counterReset: CounterReset(rawValue: UInt8(index % 4)) ?? .unknown
            )
            try? source.append(labels, Int64(index) * 10_000, .histogram(histogram), start: nil)
        }
        var options = QueryOptions()
        options.maxSamples = 5000
        options.features = .all
        let engine = QueryEngine(source: source, options: options)
        var parsed = 0
        for _ in 0..<20_000 {
            let text = Self.mutation(&random)
            guard let expression = try? Parser.parse(text, features: .all) else { continue }
            parsed += 1
            let printed = expression.description
            let again = try Parser.parse(printed, features: .all)
            #expect(again.description == printed, "\(text)")
            let time = Timestamp(
                milliseconds: [0, 200_000, 1_700_000_000_000, .max, .min].randomElement(using: &random) ?? 0
            )
            _ = try? await engine.instant(expression, at: time)
            _ = try? await engine.range(
                expression,
                from: time,
                through: time.advanced(byMilliseconds: 70_000),
                step: .seconds(20)
            )
        }
        #expect(parsed > 1000)
    }

    private static func mutation(_ random: inout Generator) -> String {
        var text = Array((seeds.randomElement(using: &random) ?? "").unicodeScalars)
        // Pieces between words of a seed are often queries themselves.
        let pieces = String(String.UnicodeScalarView(text)).split(separator: " ")
        if Bool.random(using: &random) {
            let from = Int.random(in: 0..<pieces.count, using: &random)
            let to = Int.random(in: from..<pieces.count, using: &random)
            text = Array(pieces[from...to].joined(separator: " ").unicodeScalars)
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let at = Int.random(in: 0...text.count, using: &random)
            let word = words.randomElement(using: &random) ?? ""
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text.insert(contentsOf: Array(word.unicodeScalars), at: at)
            case 1 where at < text.count: text.remove(at: at)
            default:
                let end = min(text.count, at + Int.random(in: 0...6, using: &random))
                text.replaceSubrange(at..<end, with: Array(word.unicodeScalars))
            }
        }
        return String(String.UnicodeScalarView(text))
    }
}
