// SPDX-License-Identifier: Apache-2.0
//
// Prometheus' own test corpus (promql/promqltest/testdata, 3.14), with the settings Prometheus runs it with.

import Foundation
import Testing

@testable import PromQL

@Suite struct ConformanceTests {
    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "shared/conformance/promqltest")
    }

    @Test func corpus() async throws {
        let files =
            (try? FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil))
            ?? []
        let scripts = files.filter { $0.pathExtension == "test" }.sorted { $0.path < $1.path }
        guard !scripts.isEmpty else {
            print("SKIPPED: no promqltest corpus at ../shared/conformance/promqltest")
            return
        }
        var total = 0
        for file in scripts {
            let script = try TestScript(parsing: String(contentsOf: file, encoding: .utf8))
            let report = await TestScriptRunner().run(script)
            total += report.passed
            print("\(file.lastPathComponent): \(report.passed) passed, \(report.failures.count) failed")
            for failure in report.failures {
                print("FAILED \(file.lastPathComponent):\(failure.line): \(failure.query)")
                print("  expected \(failure.expected)\n  got      \(failure.got)")
            }
            #expect(report.failures.isEmpty, "\(file.lastPathComponent)")
        }
        #expect(total > 0)
    }
}
