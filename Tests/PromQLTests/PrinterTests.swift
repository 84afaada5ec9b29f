// SPDX-License-Identifier: Apache-2.0
//
// Parsing and printing back, in Prometheus' one-line form.

import PromQL
import Samples
import Testing

@Suite struct PrinterTests {
    @Test(arguments: [
        ("sum by() (task:errors:rate10s{job=\"s\"})", "sum(task:errors:rate10s{job=\"s\"})"),
        ("sum(task) by(code)", "sum by (code) (task)"),
        ("sum without(instance) (task)", "sum without (instance) (task)"),
        ("SUM without() (task)", "sum without () (task)"),
        ("topk(5, task)", "topk(5, task)"),
        ("count_values(\"value\", task)", "count_values(\"value\", task)"),
        ("a - on(b) c", "a - on (b) c"),
        ("a - on() c", "a - on () c"),
        ("a - on(b) group_left(x) c", "a - on (b) group_left (x) c"),
        ("a - ignoring(b) group_left c", "a - ignoring (b) group_left () c"),
        ("1 + on() group_left a", "1 + a"),
        ("a > bool ignoring() 1", "a > bool 1"),
        ("a > bool on(b) c", "a > bool on (b) c"),
        ("up > BOOL 0", "up > bool 0"),
        ("a offset 1m", "a offset 1m"),
        ("a offset -7m", "a offset -7m"),
        ("a{b!=\"c\", c=~\"d\"}[5m]  OFFSET 90s", "a{b!=\"c\",c=~\"d\"}[5m] offset 1m30s"),
        ("a[5m:10s]", "a[5m:10s]"),
        ("a[5m:]", "a[5m:]"),
        ("a @ 10", "a @ 10.000"),
        ("a[1m] offset 1m @ end()", "a[1m] @ end() offset 1m"),
        ("a[4m:3s] @ start() offset 1m", "a[4m:3s] @ start() offset 1m"),
        ("{__name__=\"a\"}", "{__name__=\"a\"}"),
        ("{\"my.metric\", \"a.b\"=\"c\"}", "{\"a.b\"=\"c\",__name__=\"my.metric\"}"),
        ("a{b=`c\\d`}", "a{b=\"c\\\\d\"}"),
        ("-(1+2)*-a^2", "-(1 + 2) * -a ^ 2"),
        (
            "1 + 0x10 + 010 + 1_000 + 1e-7 + 1e21 + .5 + NaN + -Inf + 5m",
            "1 + 16 + 8 + 1000 + 0.0000001 + 1000000000000000000000 + 0.5 + NaN + -Inf + 5m"
        ),
        ("\"a\\n\\\"b\"", "\"a\\n\\\"b\""),
        ("foo[step()*2] offset -min_of(step(), 5s)", "foo[step() * 2] offset -min_of(step(), 5s)"),
        ("sum by (\"a.b\", on) (foo)", "sum by (\"a.b\", on) (foo)"),
        ("sum + by + offset", "sum + by + offset"),
        (
            "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")",
            "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")"
        ),
    ])
    func prints(_ query: String, _ expected: String) throws {
        let printed = try Parser.parse(query).description
        #expect(printed == expected)
        #expect(try Parser.parse(printed).description == expected)
    }

    @Test func findsSelectors() throws {
        let expression = try Parser.parse("sum(a{x=\"y\"}) / rate(b[5m]) + max_over_time(c[1h:1m])")
        #expect(expression.type == .vector)
        #expect(
            expression.selectors.map { $0.map(\.description) } == [
                ["x=\"y\"", "__name__=\"a\""], ["__name__=\"b\""], ["__name__=\"c\""],
            ]
        )
        #expect(try Parser.parseSelector("up{job!=\"a\"}").count == 2)
        #expect(throws: QueryError.self) { try Parser.parseSelector("up[5m]") }
        #expect(throws: QueryError.self) { try Parser.parseSelector("up + 1") }
    }
}
