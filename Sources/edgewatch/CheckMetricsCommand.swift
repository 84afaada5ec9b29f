// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch check metrics`. What is printed, where, and the exit codes are promtool's: 0 fine, 1 no exposition, 3 something
// is against the conventions.

import ArgumentParser
import Daemon
import Platform
import QueryTool
import Wire

/// `edgewatch check metrics`: standard input as a scrape would find it.
struct CheckMetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Checks metrics in the text format on standard input.",
        discussion: """
            For example: curl -s http://localhost:9100/metrics | edgewatch check metrics. Exit code 0: nothing to \
            say; 1: this is no exposition; 3: something is against Prometheus' conventions.
            """
    )

    @Flag(help: "Show how many series each family makes.")
    var extended = false

    /// No scrape is larger; the bound keeps a wrong pipe from filling the memory.
    private static let sizeLimit = 256 << 20

    func run() throws {
        let bytes: [UInt8]
        do {
            bytes = try TextFile.read("/dev/stdin", limit: CheckMetricsCommand.sizeLimit, mayBePipe: true)
        } catch {
            throw DaemonError("standard input cannot be read: \(ErrorNumber.words(error.code))")
        }
        let families: [LintFamily]
        do {
            families = try LintReader.families(of: bytes)
        } catch {
            Console.writeError(
                "error while linting: text format parsing error in line \(error.line): \(error.reason)"
            )
            Console.exit(1)
        }
        let problems = MetricLint.problems(of: families)
        for problem in problems { Console.writeError("\(problem.metric) \(problem.text)") }
        if extended { showCardinality(of: families) }
        if !problems.isEmpty { Console.exit(LintOptions.exitCode) }
    }

    private func showCardinality(of families: [LintFamily]) {
        let total = families.reduce(0) { $0 + $1.cardinality }
        let sorted = families.sorted { ($1.cardinality, $0.name) < ($0.cardinality, $1.name) }
        var rows = [["Metric", "Cardinality", "Percentage"]]
        for family in sorted {
            rows.append([family.name, "\(family.cardinality)", percentage(family.cardinality, of: total)])
        }
        rows.append(["Total", "\(total)", "100%"])
        for line in TextTable(rows).lines { print(line) }
    }

    /// With two decimals, as Go rounds them.
    private func percentage(_ count: Int, of total: Int) -> String {
        let hundredths = (Double(count) / Double(max(1, total)) * 10_000).rounded(.toNearestOrEven)
        let (whole, rest) = Int(hundredths).quotientAndRemainder(dividingBy: 100)
        return "\(whole).\(rest < 10 ? "0" : "")\(rest)%"
    }
}
