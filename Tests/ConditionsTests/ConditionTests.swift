// SPDX-License-Identifier: Apache-2.0

import Conditions
import Platform
import Testing

@Suite struct ConditionTests {
    private func board(_ values: [String: SignalValue]) -> SignalBoard {
        let board = SignalBoard(clock: ManualClock(wallMilliseconds: 0))
        for (name, value) in values { board.publish(name, value) }
        return board
    }

    private func evaluate(_ text: String, _ values: [String: SignalValue]) throws -> Bool? {
        try Condition.parse(text).evaluate(board(values))
    }

    @Test func networkPolicyOfTheConformanceDocument() throws {
        let text = "network_latency > 100ms OR bandwidth < 10Mbps"
        #expect(try evaluate(text, ["network_latency": .number(0.15), "bandwidth": .number(50e6)]) == true)
        #expect(try evaluate(text, ["network_latency": .number(0.1), "bandwidth": .number(10e6)]) == false)
        #expect(
            try evaluate(text, ["network_latency": .number(0.02), "bandwidth": .number(9_999_999)]) == true
        )
        #expect(try evaluate(text, ["bandwidth": .number(1e6)]) == true)
        #expect(try evaluate(text, ["bandwidth": .number(1e9)]) == nil)
        #expect(try evaluate(text, [:]) == nil)
    }

    @Test func batteryPolicyOfTheConformanceDocument() throws {
        let text = "power_source == 'battery' AND battery_level < 30%"
        #expect(
            try evaluate(text, ["power_source": .text("battery"), "battery_level": .number(0.29)]) == true
        )
        #expect(
            try evaluate(text, ["power_source": .text("battery"), "battery_level": .number(0.3)]) == false
        )
        #expect(try evaluate(text, ["power_source": .text("grid")]) == false)
        #expect(try evaluate(text, ["power_source": .text("battery")]) == nil)
        #expect(try evaluate(text, ["battery_level": .number(0.9)]) == false)
    }

    @Test(arguments: [
        ("x == 1500us", 0.0015), ("x == 250ms", 0.25), ("x == 3s", 3), ("x == 2m", 120), ("x == 2min", 120),
        ("x == 1.5h", 5400), ("x == 1d", 86_400), ("x == 800bps", 800), ("x == 5kbps", 5000),
        ("x == 5Kbps", 5000),
        ("x == 2.5Mbps", 2.5e6), ("x == 1Gbps", 1e9), ("x == 25%", 0.25), ("x == 7", 7), ("x == -4", -4),
        ("x == 1e3", 1000), ("x == 1e3ms", 1), ("x == 10 Mbps", 1e7), ("x == 30 %", 0.3),
        ("250ms == x", 0.25),
        ("x == .5", 0.5), ("x==2e-3", 0.002),
    ])
    func unitsAreBaseUnits(text: String, value: Double) throws {
        #expect(try evaluate(text, ["x": .number(value)]) == true)
        #expect(try evaluate(text, ["x": .number(value.nextUp)]) == false)
    }

    @Test func comparisons() throws {
        for (text, below, at, above) in [
            ("x < 1", true, false, false), ("x <= 1", true, true, false), ("x > 1", false, false, true),
            ("x >= 1", false, true, true), ("x == 1", false, true, false), ("x != 1", true, false, true),
        ] {
            #expect(try evaluate(text, ["x": .number(0)]) == below, "\(text)")
            #expect(try evaluate(text, ["x": .number(1)]) == at, "\(text)")
            #expect(try evaluate(text, ["x": .number(2)]) == above, "\(text)")
            #expect(try evaluate(text, ["x": .number(.nan)]) == nil, "\(text)")
            #expect(try evaluate(text, ["x": .text("1")]) == nil, "\(text)")
        }
    }

    /// Kleene's tables, spelled out.
    @Test func threeValuedLogic() throws {
        let values: [String: SignalValue] = ["t": .number(1), "f": .number(0)]
        let operands: [(String, Bool?)] = [("t == 1", true), ("f == 1", false), ("u == 1", nil)]
        for (leftText, left) in operands {
            #expect(try evaluate("NOT \(leftText)", values) == left.map { !$0 })
            for (rightText, right) in operands {
                let and: Bool? =
                    left == false || right == false ? false : left == true && right == true ? true : nil
                let or: Bool? =
                    left == true || right == true ? true : left == false && right == false ? false : nil
                #expect(try evaluate("\(leftText) AND \(rightText)", values) == and)
                #expect(try evaluate("\(leftText) OR \(rightText)", values) == or)
            }
        }
    }

    @Test func precedence() throws {
        let values: [String: SignalValue] = ["a": .number(1), "b": .number(0), "c": .number(0)]
        #expect(try evaluate("a == 1 OR b == 1 AND c == 1", values) == true)
        #expect(try evaluate("(a == 1 OR b == 1) AND c == 1", values) == false)
        #expect(try evaluate("NOT a == 1 OR a == 1", values) == true)
        #expect(try evaluate("NOT (a == 1 OR a == 1)", values) == false)
    }

    @Test(arguments: [
        ("a>1", "a > 1"), ("a > 1 and b<2 or c!='x'", "a > 1 AND b < 2 OR c != 'x'"),
        ("((a > 1 or b < 2)) AND not (c == 1)", "(a > 1 OR b < 2) AND NOT c == 1"),
        ("NOT (a > 1 AND b > 1)", "NOT (a > 1 AND b > 1)"), ("a > 10 Mbps", "a > 10 Mbps"),
        ("c == \"it's\"", "c == \"it's\""),
    ])
    func prints(text: String, printed: String) throws {
        let condition = try Condition.parse(text)
        #expect(condition.description == printed)
        #expect(try Condition.parse(printed) == condition)
    }

    @Test(arguments: [
        ("", 1, "the condition is empty"), ("  ", 1, "the condition is empty"),
        ("a", 2, "expected a comparison (<, <=, >, >=, ==, !=), found the end of the condition"),
        ("a >", 4, "expected a signal, a number or a word in quotes, found the end of the condition"),
        ("a > 1 b", 7, "expected AND, OR or the end of the condition, found \"b\""),
        ("a > 1 AND", 10, "expected a signal, a number or a word in quotes, found the end of the condition"),
        ("(a > 1", 7, "expected \")\" for the \"(\" at column 1, found the end of the condition"),
        ("a > 1)", 6, "expected AND, OR or the end of the condition, found \")\""),
        ("a = 1", 3, "write == to compare"), ("!a", 1, "write NOT, or != to compare"),
        ("a > 1 && b > 1", 7, "write AND instead of \"&&\""),
        ("a > 1 || b > 1", 7, "write OR instead of \"||\""),
        ("a == 'x", 6, "the quote is never closed"),
        ("1 < 2", 1, "one side of a comparison must be a signal"),
        ("a > 1.2.3", 5, "\"1.2.3\" is not a number"),
        (
            "a > 10 parsecs", 8, "expected AND, OR or the end of the condition, found \"parsecs\""
        ),
        (
            "a > 10Mbs", 7,
            "unknown unit \"Mbs\"; known are us, ms, s, m, h, d, bps, kbps, Mbps, Gbps and %"
        ),
        (
            "network_latency > 10Mbps", 19,
            "\"network_latency\" is a time (ms, s, m, h), and \"10Mbps\" is not"
        ),
        ("30% > bandwidth", 1, "\"bandwidth\" is a bit rate (bps, kbps, Mbps, Gbps), and \"30%\" is not"),
        ("power_source == 1", 17, "\"power_source\" is a word in quotes, and \"1\" is not"),
        ("power_source > 'grid'", 14, "words can only be compared with == and !="),
        ("a > 1 # b", 7, "unexpected character \"#\""), ("ä > 1", 1, "unexpected character \"ä\""),
    ])
    func refuses(text: String, column: Int, message: String) {
        let error = #expect(throws: ConditionError.self) { try Condition.parse(text) }
        #expect(error?.column == column)
        #expect(error?.message == message)
    }

    @Test func depthAndLengthAreBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "a > 1" + String(repeating: ")", count: depth)
        }
        #expect(try Condition.parse(nested(32)).description == "a > 1")
        #expect(throws: ConditionError.self) { try Condition.parse(nested(33)) }
        #expect(throws: ConditionError.self) {
            try Condition.parse(String(repeating: "NOT ", count: 33) + "a > 1")
        }
        #expect(throws: ConditionError.self) {
            try Condition.parse("a > " + String(repeating: "1", count: 4093))
        }
    }

    @Test func namesTheSignalsItLooksAt() throws {
        #expect(try Condition.parse("b > 1 AND NOT (a > b OR c == 'x')").signals == ["a", "b", "c"])
    }

    @Test func hostileTextNeverTraps() {
        var random = SeededGenerator(seed: 42)
        let pieces = [
            "a", ">", "=", "!", "(", ")", "'", "\"", "1", "%", ".", "e", "-", "ms", " AND ", " NOT ", "é",
            "\u{0}",
        ]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<12, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            if let condition = try? Condition.parse(text) {
                #expect((try? Condition.parse(condition.description)) == condition, "\(text)")
            }
        }
    }
}
