// SPDX-License-Identifier: Apache-2.0
//
// A data directory that is exchanged under a running store, on a real file system: what is put there belongs to nobody
// yet, whatever files it has, and is not written to.

import Foundation
import Logging
import Platform
import Samples
import Testing

@testable import TSDB

struct ReplacedDirectoryTests {
    private static func open(_ directory: String) throws -> Store {
        try Store(
            StoreOptions(directory: directory, ringBytes: 4 << 20, ringFiles: 4, logBytes: 1 << 20),
            files: SystemFileStore(),
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            telemetry: Telemetry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private static func contents(_ directory: String) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            contents[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
        }
        return contents
    }

    /// Runs with an own directory for the data directory `data` and others beside it.
    private static func withPlace(_ body: (String) throws -> Void) throws {
        let place = FileManager.default.temporaryDirectory.path + "/edgewatch-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: place) }
        try body(place)
    }

    /// A backup has the files of the store; that of the lock may be missing, be another one, or nothing is there yet.
    @Test(arguments: ["without lock", "with lock", "empty"])
    func whatIsRestoredIsNotWrittenTo(how: String) throws {
        try ReplacedDirectoryTests.withPlace { place in
            let manager = FileManager.default
            let (data, backup) = ("\(place)/data", "\(place)/backup")
            let store = try ReplacedDirectoryTests.open(data)
            try Rows(store: store).append(0..<100)
            try store.sealAll()
            if how == "empty" {
                try manager.createDirectory(atPath: backup, withIntermediateDirectories: true)
            } else {
                try manager.copyItem(atPath: data, toPath: backup)
                if how == "without lock" { try manager.removeItem(atPath: "\(backup)/lock") }
            }
            try manager.moveItem(atPath: data, toPath: "\(place)/old")
            try manager.moveItem(atPath: backup, toPath: data)
            let before = try ReplacedDirectoryTests.contents(data).filter { $0.key != "lock" }
            #expect(throws: StoreError.replaced(data)) { try store.maintain() }
            try store.maintain()
            store.close()
            #expect(try ReplacedDirectoryTests.contents(data).filter { $0.key != "lock" } == before)
        }
    }

    /// Nothing is in the place of a directory that was removed; it is made again, and the store goes on in it.
    @Test func aDirectoryThatIsGoneIsMadeAgain() throws {
        try ReplacedDirectoryTests.withPlace { place in
            let data = "\(place)/data"
            let store = try ReplacedDirectoryTests.open(data)
            let rows = try Rows(store: store)
            try rows.append(0..<10)
            try FileManager.default.removeItem(atPath: data)
            for part in 1..<4 {
                try store.maintain()
                try rows.append((part * 10)..<(part * 10 + 10))
            }
            store.close()
            #expect(try ReplacedDirectoryTests.contents(data)["lock"] != nil)
            #expect(try Rows.present(ReplacedDirectoryTests.open(data)) == Array(0..<40))
        }
    }
}
