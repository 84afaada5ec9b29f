// SPDX-License-Identifier: Apache-2.0
//
// A quantile found without sorting is the one of the sorted values.

import Testing

@testable import PromQL

@Suite struct QuantileTests {
    private static func patterns(_ count: Int) -> [[Double]] {
        var state: UInt64 = 7
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(below))
        }
        let specials: [Double] = [.nan, .infinity, -.infinity, 0, -0.0, 1e300, .leastNonzeroMagnitude]
        return [
            (0..<count).map { Double($0) },
            (0..<count).map { Double(count - $0) },
            (0..<count).map { Double(min($0, count - $0)) },
            (0..<count).map { Double(max($0, count - $0)) },
            (0..<count).map { Double($0 % 2) },
            [Double](repeating: 3, count: count),
            [Double](repeating: .nan, count: count),
            (0..<count).map { _ in Double(random(10)) },
            (0..<count).map { _ in Double(random(1_000_000)) / 7 },
            (0..<count).map { _ in random(3) == 0 ? specials[random(specials.count)] : Double(random(100)) },
        ]
    }

    @Test func equalsTheOneOfSortedValues() {
        for count in [1, 2, 3, 4, 5, 8, 17, 100, 1001] {
            for values in Self.patterns(count) {
                let sorted = values.sorted(by: Quantile.precedes)
                for phi in [-1, 0, 0.01, 0.25, 0.5, 0.731, 0.95, 0.999, 1, 2, .nan] {
                    var unsorted = values
                    let found = Quantile.of(unsorted: &unsorted, phi)
                    let expected = Quantile.of(sorted: sorted, phi)
                    #expect(
                        found == expected || (found.isNaN && expected.isNaN),
                        "φ \(phi) of \(values.prefix(20))…"
                    )
                }
            }
        }
    }

    @Test func nothingHasNoQuantile() {
        var none: [Double] = []
        #expect(Quantile.of(unsorted: &none, 0.5).isNaN)
    }
}
