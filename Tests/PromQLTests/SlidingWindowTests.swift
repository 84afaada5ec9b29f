// SPDX-License-Identifier: Apache-2.0
//
// A range query slides its windows, an instant query computes one window from scratch; both must agree at every
// step, also around gaps, infinities and NaN, and with sums that cancel.

import Samples
import Testing

@testable import PromQL

@Suite struct SlidingWindowTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private func source(_ seed: UInt64, special: Bool) -> MemorySource {
        var random = Generator(state: seed)
        let source = MemorySource()
        let labels = Labels([(name: "__name__", value: "x_total")])
        var time: Int64 = 0
        var counter = 0.0
        for _ in 0..<400 {
            time += Int64.random(in: 1...40, using: &random) * 500
            counter =
                Int.random(in: 0..<30, using: &random) == 0
                ? 0 : counter + Double.random(in: 0...5, using: &random)
            let choice = Int.random(in: 0..<60, using: &random)
            var value = counter
            if special {
                switch choice {
                case 0: value = .nan
                case 1: value = .infinity
                case 2: value = -.infinity
                case 3: value = StaleMarker.value
                case 4: value = 1e300
                default: break
                }
            }
            source.append(labels, time, value)
        }
        return source
    }

    @Test(arguments: [
        "sum_over_time(x_total[5m])", "avg_over_time(x_total[5m])", "min_over_time(x_total[5m])",
        "max_over_time(x_total[5m])", "stddev_over_time(x_total[5m])", "stdvar_over_time(x_total[5m])",
        "quantile_over_time(0.7, x_total[5m])", "count_over_time(x_total[5m])", "changes(x_total[5m])",
        "resets(x_total[5m])", "rate(x_total[5m])", "increase(x_total[5m])", "delta(x_total[5m])",
        "irate(x_total[5m])", "idelta(x_total[5m])", "last_over_time(x_total[5m])",
        "first_over_time(x_total[5m])", "present_over_time(x_total[5m])", "absent_over_time(x_total[20s])",
        "deriv(x_total[5m])", "predict_linear(x_total[5m], 60)", "max_over_time(rate(x_total[1m])[5m:20s])",
        "x_total", "timestamp(x_total)", "sum_over_time(x_total[5m] offset 1m)",
        "sum_over_time(x_total[5m] @ 1000)", "predict_linear(x_total[5m] @ 1000, 60)",
    ])
    func agreesWithSingleWindows(_ query: String) async throws {
        for (seed, special) in [(UInt64(1), false), (2, false), (3, true), (4, true)] {
            let engine = QueryEngine(source: source(seed, special: special))
            let step: Int64 = 15_000
            let count = 300
            let output = try await engine.range(
                query,
                from: Timestamp(milliseconds: 0),
                through: Timestamp(milliseconds: Int64(count) * step),
                step: .milliseconds(step)
            )
            guard case .matrix(let series) = output.value else { continue }
            #expect(series.count == 1)
            var slid: [Int64: Double] = [:]
            for entry in series {
                for (time, value) in zip(entry.samples.timestamps, entry.samples.values) {
                    slid[time] = value
                }
            }
            for index in 0...count {
                let time = Int64(index) * step
                let single = try await engine.instant(query, at: Timestamp(milliseconds: time))
                guard case .vector(let vector) = single.value else { continue }
                let expected = vector.first?.value
                let found = slid[time]
                let isEqual =
                    switch (expected, found) {
                    case (nil, nil): true
                    case (let left?, let right?): isClose(left, right)
                    default: false
                    }
                #expect(
                    isEqual,
                    "\(query) at \(time), seed \(seed): \(String(describing: found)), not \(String(describing: expected))"
                )
            }
        }
    }

    /// Equal to 1e-9 of the values summed, which reach 1000.
    private func isClose(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        return abs(left - right) <= 1e-9 * max(1, abs(left), abs(right))
    }
}
