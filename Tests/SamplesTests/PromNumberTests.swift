// SPDX-License-Identifier: Apache-2.0
//
// Expected texts are those of Go's strconv (FormatFloat 'f'/'e' with -1 digits; ParseFloat).

import Platform
import Samples
import Testing

@Suite struct PromNumberTests {
    @Test(arguments: [
        (0.0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (1.5, "1.5"), (100, "100"),
        (1e6, "1000000"),
        (123_456_789, "123456789"), (1e15, "1000000000000000"), (1e16, "10000000000000000"),
        (9_007_199_254_740_992, "9007199254740992"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
        (1e21.nextDown, "999999999999999900000"), (1.5e21, "1.5e+21"), (1e100, "1e+100"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (1e-6, "0.000001"), (1.5e-6, "0.0000015"),
        (9.99e-7, "9.99e-07"), (1e-7, "1e-07"), (-1e-7, "-1e-07"), (Double.leastNonzeroMagnitude, "5e-324"),
        (1e-10, "1e-10"),
        (0.30000000000000004, "0.30000000000000004"), (1.0 / 3, "0.3333333333333333"),
        (1435781451.781, "1435781451.781"), (-0.001234, "-0.001234"), (12345.678, "12345.678"),
        (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
    func writesAsGo(value: Double, text: String) {
        #expect(PromNumber.format(value) == text)
    }

    @Test func writesAllDigits() {
        let cases: [(Double, String)] = [
            (0.0, "0"), (-0.0, "-0"), (2, "2"), (1e21, "1000000000000000000000"), (1e-7, "0.0000001"),
            (-1.5e22, "-15000000000000000000000"), (.infinity, "+Inf"), (.nan, "NaN"),
        ]
        for (value, text) in cases { #expect(PromNumber.plain(value) == text) }
        func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
        #expect(PromNumber.plain(.leastNonzeroMagnitude) == "0.\(zeros(323))5")
        #expect(PromNumber.plain(.greatestFiniteMagnitude) == "17976931348623157\(zeros(292))")
        #expect(PromNumber.plain(-2.2250738585072014e-308) == "-0.\(zeros(307))22250738585072014")
    }

    @Test(arguments: [
        ("0", 0.0), ("-0", -0.0), ("+1", 1), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("1E+3", 1000),
        ("1e-3", 0.001),
        ("00012", 12), ("0.1", 0.1), ("1.7976931348623157e308", 1.7976931348623157e308),
        ("4.9e-324", Double.leastNonzeroMagnitude),
        ("9007199254740993", 9_007_199_254_740_992),
        ("9007199254740993.0000000000000000000001", 9_007_199_254_740_994),
        ("123456789012345678901234567890", 1.2345678901234568e29), ("1e23", 1e23), ("8.41e21", 8.41e21),
        ("1e-400", 0), ("0e999999999999999999999", 0), ("0.000000000000000000000000000001e30", 1),
        ("inf", .infinity), ("+Inf", .infinity), ("-INFINITY", -.infinity), ("Infinity", .infinity),
    ])
    func readsAsGo(text: String, value: Double) {
        #expect(PromNumber.parse(text)?.bitPattern == value.bitPattern)
        #expect(PromNumber.parse(Array(text.utf8))?.bitPattern == value.bitPattern)
        #expect(PromNumber.parse(Array("x\(text)".utf8).dropFirst())?.bitPattern == value.bitPattern)
    }

    @Test(arguments: [
        "", " ", "1 ", " 1", "+", "-", ".", "e5", "1e", "1e+", "1.2.3", "--1", "0x10", "0x1p4", "1_000",
        "1e1.5", "1,5",
        "infin", "infinityx", "+nan", "-NaN", "nanx", "1e400", "-1e309", "1f", "٣", "\u{0}", "1\u{0}",
        "1" + String(repeating: "0", count: 309),
    ])
    func refuses(text: String) {
        #expect(PromNumber.parse(text) == nil)
    }

    @Test func notANumberIsTheNormalOne() {
        for text in ["NaN", "nan", "NAN"] {
            #expect(PromNumber.parse(text)?.bitPattern == 0x7ff8_0000_0000_0001)
        }
    }

    @Test func everyBitPatternComesBack() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<50_000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let text = PromNumber.format(value)
            #expect(PromNumber.parse(text)?.bitPattern == value.bitPattern, "\(text)")
        }
        for _ in 0..<50_000 {
            let value = Double(Int64(truncatingIfNeeded: random.next()) >> 20) / 1000
            let text = PromNumber.format(value)
            #expect(PromNumber.parse(text)?.bitPattern == value.bitPattern, "\(text)")
            #expect(!text.contains("e") || abs(value) < 1e-6)
        }
    }
}
