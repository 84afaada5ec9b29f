// SPDX-License-Identifier: Apache-2.0
//
// Files that stay open between passes say what is so now, and nobody reads a file or device that has been replaced.

import Foundation
import Testing

@testable import Collector

@Suite(.serialized) struct KernelFileTests {
    private func text(_ kernel: KernelText) -> String {
        String(decoding: kernel.scanner.rest, as: UTF8.self)
    }

    @Test func aFileOfProcStaysOpenAndIsReadAnew() throws {
        var kernel = KernelText(roots: HostRoots())
        let file = KernelFile(proc: "/self/comm")
        try kernel.load(file)
        let before = text(kernel)
        for name in ["first", "second one", "3"] {
            let handle = try #require(FileHandle(forWritingAtPath: "/proc/self/comm"))
            try handle.write(contentsOf: Data(name.utf8))
            try handle.close()
            try kernel.load(file)
            #expect(text(kernel) == name + "\n")
            #expect(file.isOpen)
        }
        let handle = try #require(FileHandle(forWritingAtPath: "/proc/self/comm"))
        try handle.write(contentsOf: Data(before.dropLast().utf8))
        try handle.close()
        let most = kernel.number(KernelFile(proc: "/sys/kernel/pid_max"))
        #expect(most.map { $0 > 0 } == true)
    }

    @Test func aFileIsOpenedAnewNowAndThen() throws {
        var kernel = KernelText(roots: HostRoots())
        let file = KernelFile(proc: "/loadavg")
        try kernel.load(file)
        for _ in 1..<KernelFile.readsPerOpening { #expect(file.take() != nil) }
        #expect(file.take() == nil)
        #expect(!file.isOpen)
        try kernel.load(file)
        #expect(file.isOpen)
    }

    @Test func aFileThatIsGoneIsMissing() throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/cat")
        child.standardInput = Pipe()
        try child.run()
        var kernel = KernelText(roots: HostRoots())
        let file = KernelFile(proc: "/\(child.processIdentifier)/stat")
        try kernel.load(file)
        #expect(file.isOpen)
        // Threads of libdispatch block SIGTERM, and so do their children.
        kill(child.processIdentifier, SIGKILL)
        child.waitUntilExit()
        let isThere = kernel.tryLoad(file)
        #expect(!isThere && !file.isOpen)
        #expect(throws: HostFailure.absent) { try kernel.loadOptional(file) }
    }

    @Test func aFileOfAnotherFileSystemIsOpenedEachTime() throws {
        let fixture = try HostFixture(["proc/loadavg": "1 2 3\n", "other/loadavg": "7 8 9\n"])
        var kernel = KernelText(roots: fixture.roots)
        let file = KernelFile(proc: "/loadavg")
        try kernel.load(file)
        #expect(text(kernel) == "1 2 3\n")
        #expect(!file.isOpen)
        try FileManager.default.moveItem(
            atPath: fixture.root + "/proc/loadavg",
            toPath: fixture.root + "/other/old"
        )
        try FileManager.default.moveItem(
            atPath: fixture.root + "/other/loadavg",
            toPath: fixture.root + "/proc/loadavg"
        )
        try kernel.load(file)
        #expect(text(kernel) == "7 8 9\n")
        // The same file of another machine.
        var other = KernelText(roots: HostRoots(proc: fixture.root + "/nowhere"))
        let isThere = other.tryLoad(file)
        #expect(!isThere)
    }

    @Test func aDeviceIsMadeAgainOnlyWhenItIsAnother() throws {
        let fixture = try HostFixture(["sys/class/x/b/v": "", "sys/class/x/a/v": "", "sys/class/x/.c/v": ""])
        var kernel = KernelText(roots: fixture.roots)
        var directory = DeviceDirectory<String>(sys: "/class/x")
        var made: [String] = []
        func look() throws -> [String] {
            made = []
            try directory.update(&kernel, limit: 2) { name, path, _ in
                made.append(name)
                return name == "skipped" ? nil : path
            }
            return directory.devices.map { String($0.dropFirst(fixture.root.count + "/sys/class/x/".count)) }
        }
        #expect(try look() == ["a", "b"])
        #expect(made == ["a", "b"])
        #expect(try look() == ["a", "b"])
        #expect(made.isEmpty)
        // Another device by the same name.
        try fixture.write("sys/class/new/v", "")
        try FileManager.default.moveItem(
            atPath: fixture.root + "/sys/class/x/b",
            toPath: fixture.root + "/sys/class/old"
        )
        try FileManager.default.moveItem(
            atPath: fixture.root + "/sys/class/new",
            toPath: fixture.root + "/sys/class/x/b"
        )
        #expect(try look() == ["a", "b"])
        #expect(made == ["a", "b"])
        // More than the limit are counted and not made.
        try fixture.write("sys/class/x/c/v", "")
        #expect(try look() == ["a", "b"])
        #expect(directory.count == 3)
        try fixture.remove("sys/class/x")
        #expect(throws: HostFailure.absent) { _ = try look() }
        #expect(directory.devices.isEmpty && directory.count == 0)
    }

    @Test func aDirectoryLargerThanTheBufferIsReadWhole() throws {
        let names = (0..<1500).map { "a-name-of-some-length-\($0)" }
        let fixture = try HostFixture([:])
        for name in names { try fixture.write("sys/many/\(name)", "") }
        #expect(try KernelText.listing(fixture.root + "/sys/many") == names.sorted())
        #expect(KernelText.names(in: fixture.root + "/sys/none").isEmpty)
        #expect(throws: HostFailure.unreadable(fixture.root + "/none", 2)) {
            _ = try KernelText.listing(fixture.root + "/none")
        }
    }
}
