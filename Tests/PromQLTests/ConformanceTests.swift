// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' own test corpus (promql/promqltest/testdata, 3.14), with the settings Prometheus runs it with, and
// again with the server's default of dropping metric names at once.

import Foundation
import Testing

@Suite struct ConformanceTests {
    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "shared/conformance/promqltest")
    }

    @Test(arguments: [true, false]) func corpus(delayedNameRemoval: Bool) async throws {
        let files =
            (try? FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil))
            ?? []
        let scripts = files.filter { $0.pathExtension == "test" }.sorted { $0.path < $1.path }
        guard !scripts.isEmpty else {
            print("SKIPPED: no promqltest corpus at ../shared/conformance/promqltest")
            return
        }
        var total = (passed: 0, failed: 0, skipped: 0)
        var table =
            "delayed name removal \(delayedNameRemoval)\nfile                      passed failed skipped\n"
        for file in scripts {
            let script = try TestScriptParser.parse(String(contentsOf: file, encoding: .utf8))
            var runner = TestScriptRunner(delayedNameRemoval: delayedNameRemoval)
            let report = await runner.run(script)
            let skipped = report.skipped.values.reduce(0, +)
            total = (
                total.passed + report.passed, total.failed + report.failures.count, total.skipped + skipped
            )
            let name = file.lastPathComponent.padding(toLength: 26, withPad: " ", startingAt: 0)
            let reasons = report.skipped.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            table +=
                "\(name)\(report.passed) \(report.failures.count) \(skipped)  \(reasons.joined(separator: ", "))\n"
            for failure in report.failures { print("FAILED \(file.lastPathComponent) \(failure)") }
            #expect(report.failures.isEmpty, "\(file.lastPathComponent)")
        }
        print(table + "total \(total.passed) passed, \(total.failed) failed, \(total.skipped) skipped")
        #expect(total.passed > 0)
    }
}
