// SPDX-License-Identifier: Apache-2.0
//
// Long queries over several lines, as Prometheus divides them (promql/parser/prettier_test.go has the same shapes), and
// the tree of a query.

import PromQL
import Testing

@Suite struct PrettifierTests {
    private let name = String(repeating: "a", count: 60)

    private func pretty(_ query: String) throws -> String { try Parser.parse(query).prettified }

    @Test func shortQueriesStayOnOneLine() throws {
        #expect(try pretty("sum(rate(x{a='b'}[5m]))by(job) # why") == "sum by (job) (rate(x{a=\"b\"}[5m]))")
    }

    @Test func aggregations() throws {
        let query = "topk by (job) (5, \(name){b=\"c\"} offset 10m > 10000)"
        let expected = """
            topk by (job) (
              5,
              \(name){b="c"} offset 10m > 10000
            )
            """
        #expect(try pretty(query) == expected)
    }

    @Test func binaryExpressions() throws {
        let query = "\(name) == bool on(job) group_left(x) \(name) + 1"
        #expect(try pretty(query) == "  \(name)\n== bool on (job) group_left (x)\n  \(name) + 1")
        let lines = ["  \(name)", "+", "  (", "      \(name)", "    *", "      \(name)", "  )"]
        #expect(try pretty("\(name) + (\(name) * \(name))") == lines.joined(separator: "\n"))
    }

    @Test func callsUnariesAndSubqueries() throws {
        let query = "-label_replace(rate(\(name)[5m]), \"target\", \"$1\", \"source\", \"(.*)\")"
        let expected = """
            -label_replace(
              rate(\(name)[5m]),
              "target",
              "$1",
              "source",
              "(.*)"
            )
            """
        #expect(try pretty(query) == expected)
        let inner = "sum by (job, instance) (rate(\(name)[5m]))[1h30m:10s] offset 1h"
        #expect(try pretty("max_over_time(\(inner))") == "max_over_time(\n  \(inner)\n)")
        // Prometheus does not indent a subquery that fits into a line.
        let short = inner.replacing(name, with: name.prefix(40))
        #expect(try pretty("max_over_time(\(short))") == "max_over_time(\n\(short)\n)")
    }

    @Test func outlinesOfDurations() throws {
        guard case .object(let members) = try Parser.parse("x[step() * 2]").outline else { return }
        let names = [
            "anchored", "matchers", "name", "offset", "range", "rangeExpr", "smoothed", "startOrEnd",
            "timestamp", "type",
        ]
        #expect(members.map(\.name) == names)
    }
}
