// SPDX-License-Identifier: Apache-2.0

import Config
import Samples
import Testing

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

private func rule(
    _ action: RelabelConfig.Action = .replace,
    _ sources: [String] = [],
    regex: String = "(.*)",
    target: String = "",
    replacement: String = "$1",
    modulus: UInt64 = 0,
    separator: String = ";"
) throws -> RelabelConfig {
    var rule = try RelabelConfig(action: action, regex: regex)
    rule.sourceLabels = sources
    rule.targetLabel = target
    rule.replacement = replacement
    rule.modulus = modulus
    rule.separator = separator
    return rule
}

private let input = labels(["a": "foo", "b": "bar", "c": "baz"])

/// Cases of Prometheus' model/relabel/relabel_test.go.
@Test func actionsWorkAsInPrometheus() throws {
    let cases: [([RelabelConfig], Labels?)] = [
        (
            [try rule(.replace, ["a"], regex: "f(.*)", target: "d", replacement: "ch${1}-ch${1}")],
            labels(["a": "foo", "b": "bar", "c": "baz", "d": "choo-choo"])
        ),
        (
            [
                try rule(
                    .replace,
                    ["a", "b"],
                    regex: "f(.*);(.*)r",
                    target: "a",
                    replacement: "b${1}${2}m"
                ),
                try rule(
                    .replace,
                    ["c", "a"],
                    regex: "(b).*b(.*)ba(.*)",
                    target: "d",
                    replacement: "$1$2$2$3"
                ),
            ],
            labels(["a": "boobam", "b": "bar", "c": "baz", "d": "boooom"])
        ),
        ([try rule(.drop, ["a"], regex: ".*o.*")], nil),
        ([try rule(.drop, ["a"], regex: ".*b.*")], input),
        ([try rule(.drop, ["a"], regex: "f|o")], input),
        ([try rule(.keep, ["a"], regex: "no-match")], nil),
        ([try rule(.keep, ["a"], regex: "f.*")], input),
        ([try rule(.keepequal, ["a"], target: "b")], nil),
        ([try rule(.dropequal, ["a"], target: "b")], input),
        (
            [try rule(.hashmod, ["c"], target: "d", modulus: 1000)],
            labels(["a": "foo", "b": "bar", "c": "baz", "d": "976"])
        ),
        (
            [try rule(.hashmod, ["a"], target: "d", modulus: 1000)],
            labels(["a": "foo", "b": "bar", "c": "baz", "d": "696"])
        ),
        (
            [try rule(.labelmap, regex: "(a|b)", replacement: "x_$1")],
            labels(["a": "foo", "b": "bar", "c": "baz", "x_a": "foo", "x_b": "bar"])
        ),
        ([try rule(.labeldrop, regex: "a|b")], labels(["c": "baz"])),
        ([try rule(.labelkeep, regex: "a|b")], labels(["a": "foo", "b": "bar"])),
        ([try rule(.uppercase, ["a"], target: "a")], labels(["a": "FOO", "b": "bar", "c": "baz"])),
        (
            [try rule(.replace, ["a"], regex: "foo", target: "a", replacement: "")],
            labels(["b": "bar", "c": "baz"])
        ),
        (
            [try rule(.replace, ["none"], target: "d", replacement: "x")],
            labels(["a": "foo", "b": "bar", "c": "baz", "d": "x"])
        ),
        ([try rule(.replace, ["none"], regex: "(x)", target: "d", replacement: "x")], input),
        (
            [try rule(.replace, ["a"], target: "${1}_t", replacement: "v")],
            labels(["a": "foo", "b": "bar", "c": "baz", "foo_t": "v"])
        ),
        (
            [try rule(.replace, ["a", "b"], target: "d", separator: "")],
            labels(["a": "foo", "b": "bar", "c": "baz", "d": "foobar"])
        ),
    ]
    for (index, (rules, expected)) in cases.enumerated() {
        #expect(rules.apply(to: input) == expected, "case \(index)")
    }
}
