// SPDX-License-Identifier: Apache-2.0
//
// Whatever the bytes, reading ends with a configuration or with errors that have a place; it never traps.

import Config
import Foundation
import Platform
import Testing

@Suite struct HostileFileTests {
    @Test func damagedFilesNeverTrap() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        let examples = page.components(separatedBy: "```yaml\n").dropFirst()
            .map { Array($0.components(separatedBy: "\n```")[0].utf8) }
        let pieces = [
            "[", "{", ":", "- ", "&a ", "*a", "!!int ", "'", "\"", "|", "\n", "\t", "~",
            "9999999999999999999",
            "-1", "0x", "<<: ", "#", "\u{0}", "%", "---\n", ".inf", "1e400", "\u{feff}", "é",
        ]
        var random = SeededGenerator(seed: 2026)
        var outcomes = (accepted: 0, refused: 0)
        for _ in 0..<4000 {
            var bytes = examples.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
                case 2: bytes.remove(at: place)
                default: bytes.removeSubrange(place..<min(bytes.count, place + 40))
                }
            }
            do {
                let config = try Configuration.parse(bytes, file: "f.yml") { _ in nil }
                _ = try YAMLReader.parse(Array(config.redactedYAML.utf8), file: "shown.yml")
                outcomes.accepted += 1
            } catch {
                outcomes.refused += 1
                #expect(
                    error.errors.allSatisfy { $0.file == "f.yml" && $0.line > 0 && $0.column > 0 },
                    "\(error)"
                )
            }
        }
        #expect(outcomes.accepted > 100)
        #expect(outcomes.refused > 1000)
    }
}
