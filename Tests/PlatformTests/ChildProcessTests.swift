// SPDX-License-Identifier: Apache-2.0

import Glibc
import Platform
import Testing

@Suite struct ChildProcessTests {
    private func run(
        _ script: String,
        timeout: Duration = .seconds(20),
        limit: Int = 1 << 20
    ) throws(FileError)
        -> ChildProcess.Outcome
    {
        try ChildProcess.run("/bin/sh", ["-c", script], timeout: timeout, outputLimit: limit)
    }

    @Test func outputAndStatus() throws {
        let outcome = try run("echo out; echo err >&2; exit 3")
        #expect(outcome.status == 3)
        #expect(String(decoding: outcome.output, as: UTF8.self) == "out\n")
        #expect(try run("kill -9 $$").status == 128 + 9)
        #expect(try run("exec >&-; exit 4").status == 4)
    }

    @Test func argumentsAreHandedOverAsTheyAre() throws {
        let outcome = try ChildProcess.run(
            "/bin/sh",
            ["-c", "printf '%s|' \"$@\"", "x", "a b", "$(id)", "ü", ""],
            timeout: .seconds(20),
            outputLimit: 1000
        )
        #expect(String(decoding: outcome.output, as: UTF8.self) == "a b|$(id)|ü||")
    }

    @Test func aChildHasThreeDescriptorsAndACleanMask() throws {
        // The fourth is the directory that ls reads; a shell's pipe would come and go meanwhile.
        let descriptors = try run("cat; exec ls /proc/self/fd")
        #expect(String(decoding: descriptors.output, as: UTF8.self) == "0\n1\n2\n3\n")
        let status = try run("exec grep SigBlk /proc/self/status")
        #expect(String(decoding: status.output, as: UTF8.self) == "SigBlk:\t0000000000000000\n")
    }

    @Test func whatTakesTooLongDiesWithItsChildren() throws {
        let error = #expect(throws: FileError.self) {
            try run("sleep 1000 & echo $!; wait", timeout: .milliseconds(300))
        }
        #expect(error?.code == ETIMEDOUT)
        // Closing its output does not give it more time.
        let closed = #expect(throws: FileError.self) {
            try run("exec >&-; sleep 1000", timeout: .milliseconds(300))
        }
        #expect(closed?.code == ETIMEDOUT)
    }

    @Test func aCutLeashEndsAProgramAndAllowsNoOther() async throws {
        let leash = ChildProcess.Leash()
        let error = await withTaskGroup(of: FileError?.self) { group in
            group.addTask {
                do throws(FileError) {
                    _ = try ChildProcess.run(
                        "/bin/sleep",
                        ["1000"],
                        timeout: .seconds(1000),
                        outputLimit: 10,
                        leash: leash
                    )
                    return nil
                } catch {
                    return error
                }
            }
            leash.cut()
            return await group.next() ?? nil
        }
        #expect(error?.code == ECANCELED)
        let second = #expect(throws: FileError.self) {
            try ChildProcess.run("/bin/true", [], timeout: .seconds(9), outputLimit: 10, leash: leash)
        }
        #expect(second == FileError(operation: "spawn", path: "/bin/true", code: ECANCELED))
    }

    @Test func tooMuchOutputIsGivenUp() throws {
        let error = #expect(throws: FileError.self) { try run("yes", limit: 100_000) }
        #expect(error?.code == EFBIG)
        #expect(try run("head -c 100000 /dev/zero", limit: 100_000).output.count == 100_000)
    }

    @Test func aMissingProgramIsSaid() throws {
        let error = #expect(throws: FileError.self) {
            try ChildProcess.run("/nonexistent/program", [], timeout: .seconds(1), outputLimit: 10)
        }
        #expect(error == FileError(operation: "spawn", path: "/nonexistent/program", code: ENOENT))
    }
}
