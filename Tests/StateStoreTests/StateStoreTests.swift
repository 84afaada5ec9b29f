// SPDX-License-Identifier: Apache-2.0
//
// The store against real files: what is there after reopening, and what becomes of files that are not databases.

import Foundation
import Platform
import StateStore
import Testing

@Suite final class StateStoreTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "state-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    private var path: String { directory + "/state.db" }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    @Test func keepsBytesPerTableAndKey() throws {
        let store = try StateStore(path: ":memory:")
        try store.put("cursors", "a", [1, 2, 0, 255])
        try store.put("cursors", "", [])
        try store.put("alerts", "a", [9], isDurable: false)
        #expect(try store.get("cursors", "a") == [1, 2, 0, 255])
        #expect(try store.get("cursors", "") == [])
        #expect(try store.get("cursors", "b") == nil)
        #expect(try store.get("alerts", "a") == [9])
        #expect(try store.all("cursors").map(\.key) == ["", "a"])
        #expect(try store.all("nothing").isEmpty)
        try store.put("cursors", "a", [3])
        #expect(try store.get("cursors", "a") == [3])
        try store.remove("cursors", "a")
        try store.remove("cursors", "a")
        #expect(try store.get("cursors", "a") == nil)
    }

    @Test func changesOfSeveralTablesAreOneTransaction() throws {
        let store = try StateStore(path: ":memory:")
        try store.put("streams", "old", [1])
        try store.apply(
            [
                StateChange("streams", "new", [2]), StateChange("streams", "old", nil),
                StateChange("spend", "slot", []), StateChange("streams", "missing", nil),
                StateChange("streams", "new", [3]),
            ],
            isDurable: false
        )
        #expect(try store.all("streams").map(\.key) == ["new"])
        #expect(try store.get("streams", "new") == [3])
        #expect(try store.get("spend", "slot") == [])
        try store.apply([], isDurable: true)
    }

    @Test func keysAreDataNotSQL() throws {
        let store = try StateStore(path: ":memory:")
        let key = "'; DROP TABLE entries; --\u{0}ü"
        try store.put("t'\"", key, [7])
        #expect(try store.all("t'\"").map(\.key) == [key])
        #expect(try store.get("t'\"", key) == [7])
    }

    @Test func survivesReopening() throws {
        do {
            let store = try StateStore(path: path)
            try store.putAll("cursors", (0..<100).map { ("key \($0)", [UInt8($0)]) })
            try store.put("cursors", "late", [1], isDurable: false)
        }
        let store = try StateStore(path: path)
        #expect(!store.wasDamaged)
        #expect(store.damagedPath == nil)
        #expect(try store.all("cursors").count == 101)
        #expect(try store.get("cursors", "key 42") == [42])
        #expect(try store.get("cursors", "late") == [1])
    }

    @Test func committedStateSurvivesAKill() throws {
        // A copy of the files while the store is open is what a killed process leaves behind.
        let store = try StateStore(path: path)
        try store.put("cursors", "a", [1])
        try store.put("cursors", "b", [2], isDurable: false)
        let copy = directory + "/copy.db"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try FileManager.default.copyItem(atPath: path + "-wal", toPath: copy + "-wal")
        let reopened = try StateStore(path: copy)
        #expect(try reopened.all("cursors").map(\.value) == [[1], [2]])
    }

    @Test func zeroLengthFileIsANewDatabase() throws {
        #expect(FileManager.default.createFile(atPath: path, contents: Data()))
        let store = try StateStore(path: path)
        #expect(!store.wasDamaged)
        try store.put("t", "k", [1])
        #expect(try store.get("t", "k") == [1])
    }

    @Test(arguments: [15, 100, 512, 4096, 5000])
    func garbageIsSetAside(length: Int) throws {
        let garbage = Data((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) })
        try garbage.write(to: URL(fileURLWithPath: path))
        let store = try StateStore(path: path)
        #expect(store.wasDamaged)
        #expect(store.damagedPath == path + ".damaged")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".damaged")) == garbage)
        try store.put("t", "k", [1])
        #expect(try store.get("t", "k") == [1])
    }

    @Test(arguments: [512, 4096, 8192])
    func zeroesLeftByAPowerCutAreSetAside(length: Int) throws {
        try Data(count: length).write(to: URL(fileURLWithPath: path))
        let store = try StateStore(path: path)
        #expect(store.wasDamaged)
        try store.put("t", "k", [1])
        #expect(try store.get("t", "k") == [1])
    }

    @Test func truncatedDatabaseIsSetAside() throws {
        do {
            let store = try StateStore(path: path)
            try store.putAll("t", (0..<200).map { ("key \($0)", [UInt8](repeating: 1, count: 500)) })
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(whole.count > 20 * 4096)
        try whole.prefix(10 * 4096 + 100).write(to: URL(fileURLWithPath: path))
        let store = try StateStore(path: path)
        #expect(store.wasDamaged)
        #expect(try store.all("t").isEmpty)
        #expect(try names().filter { $0.contains(".damaged") }.count == 1)
    }

    @Test func flippedPagesNeverFailTheOpening() throws {
        do {
            let store = try StateStore(path: path)
            try store.putAll("t", (0..<100).map { ("key \($0)", [UInt8](repeating: 1, count: 300)) })
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        var generator = SeededGenerator(seed: 7)
        var setAside = 0
        for round in 0..<60 {
            var bytes = whole
            let place = round == 0 ? 60 : Int.random(in: 0..<bytes.count - 64, using: &generator)
            for index in place..<(place + 64) { bytes[index] = UInt8.random(in: 0...255, using: &generator) }
            let copy = directory + "/flipped-\(round).db"
            try bytes.write(to: URL(fileURLWithPath: copy))
            let store = try StateStore(path: copy)
            try store.put("t", "new", [5])
            #expect(try store.get("t", "new") == [5])
            if store.wasDamaged { setAside += 1 }
        }
        #expect(setAside > 0)
    }

    @Test(arguments: 0..<32)
    func aVersionNoReleaseWroteIsDamage(bit: Int) throws {
        do {
            let store = try StateStore(path: path)
            try store.put("t", "k", [1])
        }
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // The header's user_version, big-endian (https://sqlite.org/fileformat.html, section 1.3).
        #expect(Array(bytes[60..<64]) == [0, 0, 0, 1])
        bytes[60 + bit / 8] ^= 1 << (bit % 8)
        try bytes.write(to: URL(fileURLWithPath: path))
        let version = bytes[60..<64].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        if (2...999).contains(version) {
            // What a newer edgewatch may have written is left to it.
            let error = #expect(throws: StateStoreError.self) { try StateStore(path: path) }
            #expect(error?.message == "has format \(version), this edgewatch knows up to 1; use a newer one")
        } else {
            #expect(try StateStore(path: path).wasDamaged)
        }
    }

    @Test func anotherProgramsDatabaseIsRefusedAndUntouched() throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        tool.arguments = [
            "-c",
            "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('create table x(a)'); c.commit()",
            path,
        ]
        try tool.run()
        tool.waitUntilExit()
        let error = #expect(throws: StateStoreError.self) { try StateStore(path: path) }
        #expect(error?.message == "is a database of another program")
        #expect(try names().filter { $0.contains("corrupt") }.isEmpty)
    }

    @Test func unusablePathIsOneClearError() throws {
        let error = #expect(throws: StateStoreError.self) {
            try StateStore(path: directory + "/none/state.db")
        }
        #expect(error?.operation == "open")
        #expect(error?.message == "unable to open database file")
    }

    @Test func manyThreadsShareOneStore() async throws {
        let store = try StateStore(path: path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for index in 0..<25 {
                        try store.put("t", "\(task)/\(index)", [UInt8(task)], isDurable: false)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.all("t").count == 200)
    }
}
