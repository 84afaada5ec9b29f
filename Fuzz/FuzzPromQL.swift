// SPDX-License-Identifier: Apache-2.0
//
// Queries and test scripts: what parses must print to something that parses to the same, and evaluating it ends with an
// answer or an error.

import Samples

@testable import PromQL

extension Targets {
    /// Numbers, classic and native histograms, exponential and custom, with gaps, resets and start timestamps.
    private static let source: MemorySource = {
        let source = MemorySource()
        for index in 0..<60 {
            let time = Int64(index) * 10_000
            for name in ["a", "b", "x", "x_bucket", "target_info"] where index % (name.count + 3) != 0 {
                let labels = Labels([
                    (name: "__name__", value: name), (name: "le", value: "\(index % 3)"),
                    (name: "job", value: "j"), (name: "instance", value: "\(index % 2)"),
                ])
                let value = index % 17 == 16 ? StaleMarker.value : Double(index % 23)
                let start: Int64? = index % 5 == 0 ? -5000 : nil
                try? source.append(labels, time, .number(value), start: start)
            }
            let isCustom = index % 7 == 6
            let histogram = NativeHistogram(
                schema: isCustom ? NativeHistogram.customSchema : Int32(index % 4) - 1,
                floatCount: Double(index % 29),
                sum: index % 11 == 10 ? .nan : Double(index),
                zeroThreshold: isCustom ? 0 : 0.25 * Double(index % 5),
                floatZeroCount: isCustom ? 0 : 1,
                positive: (0..<4).map { HistogramBucket(index: $0, count: Double(index % 29) / 4) },
                negative: isCustom || index % 2 == 0 ? [] : [HistogramBucket(index: .max, count: 1)],
                customBounds: isCustom ? [-1, 0, Double(index)] : [],
                counterReset: CounterReset(rawValue: UInt8(index % 4)) ?? .unknown
            )
            for name in ["h", index % 9 < 4 ? "mixed" : "h2"] {
                let labels = Labels([(name: "__name__", value: name), (name: "job", value: "j")])
                try? source.append(labels, time, .histogram(histogram), start: nil)
            }
            if index % 9 >= 4 {
                let labels = Labels([(name: "__name__", value: "mixed"), (name: "job", value: "j")])
                try? source.append(labels, time, .number(Double(index)), start: nil)
            }
        }
        return source
    }()

    /// The bytes are a query.
    @Sendable static func promql(_ input: [UInt8]) {
        let text = String(decoding: input, as: UTF8.self)
        for features in [QueryFeatures(), .all] {
            guard let expression = try? Parser.parse(text, features: features) else { continue }
            let printed = expression.description
            guard let again = try? Parser.parse(printed, features: features) else {
                preconditionFailure("what was printed does not parse: \(printed)")
            }
            precondition(again.description == printed, "printing changes: \(printed)")
            for (start, end, step): (Int64, Int64, Int64) in [
                (300_000, 300_000, 0), (-60_000, 600_000, 55_000), (.max, .max, 0), (.min, .min, 0),
            ] {
                evaluate(expression, start, end, step, features)
            }
        }
    }

    private static func evaluate(
        _ expression: Expression,
        _ start: Int64,
        _ end: Int64,
        _ step: Int64,
        _ features: QueryFeatures
    ) {
        let isInstant = step == 0
        guard isInstant || expression.type == .scalar || expression.type == .vector else { return }
        guard let grid = isInstant ? Grid.instant(start) : Grid(start: start, end: end, step: step),
            let root = try? Planner(start: start, end: end, step: step).bind(expression.root)
        else { return }
        let evaluator = Evaluator(
            Evaluator.Settings(
                source: source,
                lookback: 300_000,
                defaultStep: 60_000,
                features: features,
                maxSamples: 20_000,
                memory: QueryMemory(limit: 40_000),
                threads: QueryThreads(limit: 2, cores: 2),
                deadline: ContinuousClock.now + .seconds(2)
            )
        )
        if isInstant {
            _ = try? evaluator.instantValue(root, grid)
        } else {
            _ = try? evaluator.rangeValue(root, grid)
        }
    }

    /// The bytes are a test script.
    @Sendable static func script(_ input: [UInt8]) {
        _ = try? TestScript(parsing: String(decoding: input, as: UTF8.self))
    }
}
