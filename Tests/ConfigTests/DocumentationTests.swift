// SPDX-License-Identifier: Apache-2.0
//
// docs/configuration.md cannot drift: its examples load, and every key the reader asks for is in it.

import Config
import Foundation
import Testing

@Suite struct DocumentationTests {
    private let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    private func page(_ name: String = "configuration.md") throws -> String {
        try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    private func examples(_ page: String) -> [String] {
        page.components(separatedBy: "```yaml\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
    }

    @Test func examplesLoadWithoutWarnings() throws {
        let blocks = examples(try page())
        let more = examples(try page("sync.md"))
        #expect(blocks.count >= 10 && more.count >= 1)
        for block in blocks + more {
            let config = try configuration(block, environment: ["HOSTNAME": "gw"])
            #expect(config.warnings.isEmpty, "\(block)")
        }
        // The last block is the embedded default.
        let last = try configuration(try #require(blocks.last))
        let embedded = try Configuration.loadEmbeddedDefault()
        #expect(last.global == embedded.global)
        #expect(last.collectors == embedded.collectors)
        #expect(last.sampling == embedded.sampling)
        #expect(last.storage.circularBuffer == embedded.storage.circularBuffer)
        #expect(last.storage.wal == embedded.storage.wal)
    }

    @Test func everyKeyIsDocumented() throws {
        let page = try page()
        let directory = root.appending(path: "Sources/Config/Read")
        let files = try FileManager.default.contentsOfDirectory(
            at: directory,
            includingPropertiesForKeys: nil
        )
        let verb = #/(?:section|storage|tsdb|retention|header)\.\w+\(\s*"([a-z_0-9]+)"/#
        var keys: Set<String> = []
        for file in files {
            let source = try String(contentsOf: file, encoding: .utf8)
            for match in source.matches(of: verb) { keys.insert(String(match.output.1)) }
            for list in source.matches(of: #/\.(?:refuse|ignore|accept)\(\[([^\]]*)\]/#) {
                for key in list.output.1.matches(of: #/"([a-z_0-9]+)"/#) { keys.insert(String(key.output.1)) }
            }
        }
        #expect(keys.count > 120)
        #expect(keys.sorted().filter { !documents(page, $0) } == [])
    }

    /// `key`, `section.key`, `key: …`, `key.inner`, or a heading.
    private func documents(_ page: String, _ key: String) -> Bool {
        ["`\(key)`", ".\(key)`", "`\(key): ", "`\(key).", "# \(key)\n", ".\(key)\n"].contains {
            page.contains($0)
        }
    }
}
