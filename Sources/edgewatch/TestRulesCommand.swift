// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch test rules`. What is printed and where is promtool's: the file and its verdict on stdout, failures on stderr.
// Exit codes: 0 everything came out as written, 1 something did not or a file cannot be read.

import Alerts
import ArgumentParser
import Daemon
import Platform
import PromQL
import Samples

/// `edgewatch test rules FILE…`: promtool's rule unit tests.
struct TestRulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Runs rule unit tests in promtool's format.",
        discussion: """
            A file names rule files and tests: series that come in, alerts that fire and results of expressions at \
            some times. The rules are evaluated as on a node, at each evaluation_interval of the file.
            """
    )

    @Argument(help: "Rule test files.")
    var files: [String]

    @Option(help: "Run tests whose name this regular expression matches in part; may be given several times.")
    var run: [String] = []

    @Flag(help: "Show failures as differences: - expected, + got.")
    var diff = false

    @Flag(help: "Show all series, those of rules included, at the end of each test.")
    var debug = false

    @Option(help: "Write the results as JUnit XML to this file.")
    var junit: String?

    @OptionGroup var language: LanguageOptions

    func run() async throws {
        var tests = RuleTests()
        tests.features = language.features
        tests.showsDifferences = diff
        tests.isVerbose = debug
        if !run.isEmpty {
            do {
                tests.chosen = try Pattern(run.joined(separator: "|"))
            } catch {
                throw DaemonError("--run \(run.joined(separator: "|")): \(error)")
            }
        }
        var suites: [JUnitText.Suite] = []
        var isPassed = true
        for path in files {
            print("Unit Testing:  \(path)")
            let report = await tests.run(path)
            TestRulesCommand.show(report)
            print("")
            isPassed = isPassed && report.isPassed
            suites.append(JUnitText.Suite(name: path, report: report))
        }
        if let junit {
            do {
                let out = try OutputFile(junit)
                try out.write(Array(JUnitText.text(of: suites).utf8))
                try out.end()
            } catch {
                throw DaemonError("\(error)")
            }
        }
        if !isPassed { Console.exit(1) }
    }

    private static func show(_ report: RuleTests.Report) {
        for warning in report.warnings { Console.writeError("  WARNING: \(warning)") }
        for outcome in report.outcomes where !outcome.dump.isEmpty {
            print("DEBUG: series at the end of \(outcome.name)")
            for line in outcome.dump { print("DEBUG:   \(line)") }
        }
        if report.isPassed {
            print("  SUCCESS")
            return
        }
        Console.writeError("  FAILED:")
        for failure in [report.error].compactMap(\.self) + report.outcomes.flatMap(\.failures) {
            Console.writeError(failure)
            print("")
        }
    }
}

/// What of PromQL a command's expressions may use.
struct LanguageOptions: ParsableArguments {
    @Option(
        name: .customLong("enable-feature"),
        help:
            "Comma separated features, by Prometheus' names: \(QueryFeatures.names.joined(separator: ", "))."
    )
    var names: [String] = []

    /// What the names turn on; unknown ones are told of.
    var features: QueryFeatures {
        var features = QueryFeatures()
        for name in names.flatMap({ $0.split(separator: ",") }).map(String.init)
        where !features.enable(name) {
            Console.writeError("edgewatch: --enable-feature \(name): no such feature here; it has no effect")
        }
        return features
    }
}
