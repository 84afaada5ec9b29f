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
            try await expectAgreement(query, source(seed, special: special), "seed \(seed)") {
                isClose($0, $1)
            }
        }
    }

    /// Where rounding shows, only Prometheus' own order of operations gives its digits.
    @Test(arguments: [
        "sum_over_time(x_total[5m])", "avg_over_time(x_total[5m])", "stddev_over_time(x_total[5m])",
        "stdvar_over_time(x_total[5m])", "deriv(x_total[5m])", "predict_linear(x_total[5m], 60)",
    ])
    func agreesWhereDigitsCancel(_ query: String) async throws {
        let values: [(name: String, at: (Int) -> Double)] = [
            ("boot time", { 1_795_000_000 + Double($0 % 7 == 0 ? 1 : 0) }),
            ("boot time with milliseconds", { 1_795_000_000.123 + Double($0 % 7 == 0 ? 0.001 : 0) }),
            ("counter", { 3e11 + 1000 * Double($0) }),
            ("memory", { 8e9 + 1e6 * Double($0 * 7919 % 13) }),
            ("small over large", { 5 + 0.001 * Double($0 % 11) }),
            ("extremes", { [1e308, 1, .infinity, -1e308, -1e308, 1e308, 1e308][$0 * 5 % 7] }),
        ]
        for (name, value) in values {
            let source = MemorySource()
            let labels = Labels([(name: "__name__", value: "x_total")])
            for index in 0..<300 { source.append(labels, Int64(index) * 15_000, value(index)) }
            try await expectAgreement(query, source, name) {
                $0 == $1 || ($0.isNaN && $1.isNaN) || abs($0 - $1) <= 1e-10 * max(abs($0), abs($1))
            }
        }
    }

    /// Digits that double precision loses in Prometheus' formulas, which are kept: the variance is 0.2275 in truth.
    @Test func roundsAsPrometheusDoes() async throws {
        let source = MemorySource()
        for index in 0..<40 {
            let second = index % 3 == 0 ? 1.0 : 0
            let time = Int64(index) * 15_000
            source.append(Labels([(name: "__name__", value: "boot")]), time, 1_795_000_000 + second)
            source.append(
                Labels([(name: "__name__", value: "exact")]),
                time,
                1_795_000_000.123 + second / 1000
            )
        }
        let engine = QueryEngine(source: source)
        let expected: [(String, Double)] = [
            ("stdvar_over_time(boot[5m])", 0.22749997927224683), ("deriv(exact[5m])", 3.524436090225564e-07),
            ("predict_linear(exact[5m], 0)", 1795000000.1234007),
        ]
        for (query, value) in expected {
            let answer = try await engine.instant(query, at: Timestamp(milliseconds: 500_000))
            guard case .vector(let found) = answer.value else { return }
            #expect(found.map(\.value) == [value], "\(query)")
        }
    }

    /// A range query's values at each step against those of instant queries.
    private func expectAgreement(
        _ query: String,
        _ source: MemorySource,
        _ name: String,
        _ isClose: (Double, Double) -> Bool
    ) async throws {
        let engine = QueryEngine(source: source)
        let step: Int64 = 15_000
        let count = 300
        let output = try await engine.range(
            query,
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: Int64(count) * step),
            step: .milliseconds(step)
        )
        guard case .matrix(let series) = output.value else { return }
        #expect(series.count == 1)
        var slid: [Int64: Double] = [:]
        for entry in series {
            for (time, value) in zip(entry.samples.timestamps, entry.samples.values) { slid[time] = value }
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
                "\(query) at \(time), \(name): \(String(describing: found)), not \(String(describing: expected))"
            )
        }
    }

    /// Equal to 1e-9 of the values summed, which reach 1000.
    private func isClose(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        if left == right { return true }
        return abs(left - right) <= 1e-9 * max(1, abs(left), abs(right))
    }
}
