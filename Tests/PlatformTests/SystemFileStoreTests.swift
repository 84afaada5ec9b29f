// SPDX-License-Identifier: Apache-2.0

import Foundation
import Platform
import Testing

/// A directory that is removed at the end of a test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "edgewatch-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }
}

@Suite struct SystemFileStoreTests {
    private let store = SystemFileStore()

    @Test func writesAndReadsAtOffsets() throws {
        let directory = try TemporaryDirectory()
        let file = try store.open(directory.file("a"), .create)
        #expect(try file.size() == 0)
        #expect(try file.read(at: 0, count: 10) == [])
        try file.write([1, 2, 3], at: 0)
        try file.write([9], at: 5)
        #expect(try file.size() == 6)
        #expect(try file.read(at: 0, count: 100) == [1, 2, 3, 0, 0, 9])
        #expect(try file.read(at: 2, count: 2) == [3, 0])
        #expect(try file.read(at: 6, count: 1) == [])
        #expect(try file.read(at: 0, count: 0) == [])
        try file.syncData()
        try file.truncate(to: 2)
        #expect(try file.read(at: 0, count: 9) == [1, 2])
        try file.write([], at: 0)
        #expect(try file.size() == 2)
    }

    @Test func modes() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("a")
        let missing = #expect(throws: FileError.self) { try store.open(path, .update) }
        #expect(missing?.isMissing == true)
        #expect(missing?.description == "open \(path): No such file or directory")
        #expect(throws: FileError.self) { try store.open(path, .read) }
        try store.open(path, .create).write([1], at: 0)
        // Creating again keeps the contents.
        #expect(try store.open(path, .create).read(at: 0, count: 9) == [1])
        let readOnly = try store.open(path, .read)
        let refused = #expect(throws: FileError.self) { try readOnly.write([2], at: 0) }
        #expect(refused?.operation == "pwrite")
        try store.open(path, .update).write([3], at: 1)
        #expect(try readOnly.read(at: 0, count: 9) == [1, 3])
    }

    @Test func offsetsBeyondTheFileSystemAreErrors() throws {
        let directory = try TemporaryDirectory()
        let file = try store.open(directory.file("a"), .create)
        #expect(throws: FileError.self) { try file.write([1, 2], at: .max) }
        #expect(throws: FileError.self) { try file.write([1], at: -1) }
        #expect(throws: FileError.self) { try file.read(at: -1, count: 1) }
        #expect(throws: FileError.self) { try file.truncate(to: -1) }
    }

    @Test func directories() throws {
        let directory = try TemporaryDirectory()
        let nested = directory.file("x/y/z")
        try store.createDirectory(nested)
        try store.createDirectory(nested)
        for name in ["b", "a", "c"] { _ = try store.open("\(nested)/\(name)", .create) }
        #expect(try store.list(nested) == ["a", "b", "c"])
        try store.rename("\(nested)/c", to: "\(nested)/a")
        try store.remove("\(nested)/b")
        try store.syncDirectory(nested)
        #expect(try store.list(nested) == ["a"])
        #expect(throws: FileError.self) { try store.createDirectory("\(nested)/a") }
        #expect(throws: FileError.self) { try store.createDirectory("\(nested)/a/b") }
        #expect(throws: FileError.self) { try store.list(directory.file("none")) }
        #expect(throws: FileError.self) { try store.remove(directory.file("none")) }
        #expect(throws: FileError.self) { try store.rename(directory.file("none"), to: directory.file("n")) }
        #expect(throws: FileError.self) { try store.syncDirectory(directory.file("none")) }
        #expect(try store.freeBytes(nested) > 0)
        #expect(throws: FileError.self) { try store.freeBytes(directory.file("none")) }
    }

    @Test func longNamesAreListedWhole() throws {
        let directory = try TemporaryDirectory()
        let name = String(repeating: "n", count: 255)
        _ = try store.open(directory.file(name), .create)
        #expect(try store.list(directory.path) == [name])
    }

    @Test func aLockExcludesWithinTheProcess() throws {
        let directory = try TemporaryDirectory()
        var first = try store.lock(directory.file("lock"))
        #expect(first != nil)
        #expect(try store.lock(directory.file("lock")) == nil)
        first = nil
        #expect(try store.lock(directory.file("lock")) != nil)
        #expect(throws: FileError.self) { try store.lock(directory.file("none/lock")) }
    }

    /// util-linux's flock plays the other process.
    @Test func aLockExcludesOtherProcesses() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        func othersTurn() throws -> Int32 {
            let other = try Process.run(URL(filePath: "/usr/bin/flock"), arguments: ["-n", path, "true"])
            other.waitUntilExit()
            return other.terminationStatus
        }
        var lock = try store.lock(path)
        #expect(lock != nil)
        #expect(try othersTurn() == 1)
        lock = nil
        #expect(try othersTurn() == 0)
    }

    @Test func aKilledProcessLeavesNoLock() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("lock")
        let other = Process()
        other.executableURL = URL(filePath: "/usr/bin/flock")
        // Without a child between, so that the kill ends the holder: -o is not given and the shell is replaced.
        other.arguments = ["--no-fork", path, "sh", "-c", "echo locked; exec cat"]
        let (input, output) = (Pipe(), Pipe())
        other.standardInput = input
        other.standardOutput = output
        try other.run()
        #expect(try output.fileHandleForReading.read(upToCount: 6) == Data("locked".utf8))
        #expect(try store.lock(path) == nil)
        kill(other.processIdentifier, SIGKILL)
        other.waitUntilExit()
        #expect(try store.lock(path) != nil)
    }

    @Test func outOfSpaceIsKnown() throws {
        let full = try store.open("/dev/full", .update)
        let error = #expect(throws: FileError.self) { try full.write([1], at: 0) }
        #expect(error?.isOutOfSpace == true)
        #expect(error?.description == "pwrite /dev/full: No space left on device")
    }
}

@Suite struct TextFileTests {
    @Test func readsWholeFilesUpToALimit() throws {
        let directory = try TemporaryDirectory()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        try SystemFileStore().open(directory.file("a"), .create).write(bytes, at: 0)
        #expect(try TextFile.read(directory.file("a")) == bytes)
        #expect(try TextFile.read(directory.file("a"), limit: 100_000) == bytes)
        let error = #expect(throws: FileError.self) { try TextFile.read(directory.file("a"), limit: 99_999) }
        #expect(error?.code == EFBIG)
        #expect(throws: FileError.self) { try TextFile.read("/dev/zero", limit: 1 << 20) }
        #expect(throws: FileError.self) { try TextFile.read(directory.path) }
        #expect(try !TextFile.read("/proc/self/status").isEmpty)
        #expect(try TextFile.read("/dev/null").isEmpty)
    }

    /// Neither with a writer nor without one.
    @Test func aFIFOHoldsNobody() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("fifo")
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: FileError(operation: "read as a file, not a FIFO,", path: path, code: EINVAL)) {
            try TextFile.read(path)
        }
        let writer = open(path, O_RDWR | O_NONBLOCK)
        try #require(writer >= 0)
        defer { close(writer) }
        #expect(throws: FileError.self) { try TextFile.read(path) }
    }
}
