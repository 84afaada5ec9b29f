// SPDX-License-Identifier: Apache-2.0
//
// Exit codes: 0 everything came out as written, 1 something did not or a file cannot be read.

import ArgumentParser
import Platform
import PromQL

/// `edgewatch test …`: runs files that say what is to come out.
struct TestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Runs test files.",
        subcommands: [TestPromQLCommand.self, TestRulesCommand.self]
    )
}

/// `edgewatch test promql FILE…`: test scripts in the language of Prometheus' own PromQL tests.
struct TestPromQLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promql",
        abstract: "Runs PromQL test scripts.",
        discussion: """
            The language is that of Prometheus' promqltest: load, eval instant, eval range, clear. Every instant \
            evaluation is run again with its selectors pinned by @ at other times, and as the middle of a range \
            query. The settings are those Prometheus runs its tests with: every feature flag of the language is on, \
            a query may hold 10000 samples.
            """
    )

    @Argument(help: "Test scripts.")
    var files: [String]

    func run() async throws {
        var (passed, failed) = (0, 0)
        for path in files {
            let report = await TestPromQLCommand.report(path)
            passed += report.passed
            failed += report.failures.count
            let name = path.split(separator: "/").last.map(String.init) ?? path
            print("\(name): \(report.passed) passed, \(report.failures.count) failed")
            for failure in report.failures {
                print("  \(path):\(failure.line): \(failure.query)")
                print("    expected \(failure.expected)")
                print("    got      \(failure.got)")
            }
        }
        print("\(passed) passed, \(failed) failed")
        if failed > 0 { Console.exit(1) }
    }

    /// No script is longer; the bound keeps a wrong path from filling the memory.
    private static let sizeLimit = 16 << 20

    private static func report(_ path: String) async -> TestScriptRunner.Report {
        do {
            let bytes = try TextFile.read(path, limit: sizeLimit, mayBePipe: true)
            let text = String(decoding: bytes, as: UTF8.self)
            return await TestScriptRunner().run(try TestScript(parsing: text))
        } catch let error as TestScriptError {
            return TestScriptRunner.Report(unreadable: error.message, line: error.line)
        } catch {
            return TestScriptRunner.Report(unreadable: "\(error)", line: 0)
        }
    }
}
