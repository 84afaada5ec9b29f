// SPDX-License-Identifier: Apache-2.0

import Testing
import Wire

private func words(_ line: String) throws(NUTError) -> [String] { try NUTLine.words(Array(line.utf8)[...]) }

@Suite struct NUTLineTests {
    /// What upsd 2.8.0 sends, and what it could.
    @Test(arguments: [
        ("OK", ["OK"]),
        ("ERR DRIVER-NOT-CONNECTED", ["ERR", "DRIVER-NOT-CONNECTED"]),
        (##"UPS su700 "Rack \"left\" \# 7""##, ["UPS", "su700", #"Rack "left" # 7"#]),
        (#"VAR su700 ups.status "OL CHRG""#, ["VAR", "su700", "ups.status", "OL CHRG"]),
        (#"VAR u x """#, ["VAR", "u", "x", ""]),
        ("  a\tb  ", ["a", "b"]),
        (#"a"b c"d"#, ["ab cd"]),
        (#"a\ b"#, ["a b"]),
        ("", []),
        ("VAR ü \"°C\"", ["VAR", "ü", "°C"]),
    ])
    func wordsOfALine(line: String, expected: [String]) throws {
        #expect(try words(line) == expected)
    }

    @Test(arguments: ["\"", "VAR a \"b", "a\\", "\"a\\\"", "a\u{0}b", "\u{7f}", "a\u{1b}[0m", "a\rb"])
    func brokenLines(line: String) {
        do throws(NUTError) {
            let found = try words(line)
            Issue.record("\(found)")
        } catch {
            guard case .malformed = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test func aLineIsBounded() throws {
        #expect(try words(String(repeating: "a", count: NUTLine.lengthLimit)).count == 1)
        #expect(throws: NUTError.tooLong("a line")) {
            try words(String(repeating: "a", count: NUTLine.lengthLimit + 1))
        }
        #expect(throws: NUTError.self) { try words(String(repeating: "a ", count: 100)) }
        let bad: [UInt8] = [0x41, 0xff, 0xfe]
        #expect(try NUTLine.words(bad[...]) == ["A\u{fffd}\u{fffd}"])
    }

    @Test func argumentsAreQuoted() {
        func text(_ command: String, _ arguments: [String]) -> String? {
            NUTLine.request(command, arguments).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(text("LOGOUT", []) == "LOGOUT\n")
        #expect(text("LIST VAR", ["su700"]) == "LIST VAR \"su700\"\n")
        #expect(text("PASSWORD", [#"se#cr=et "x" \"#]) == ##"PASSWORD "se\#cr=et \"x\" \\""## + "\n")
        #expect(text("PASSWORD", ["a\nLOGOUT"]) == nil)
        #expect(text("PASSWORD", [String(repeating: "a", count: NUTLine.lengthLimit)]) == nil)
    }

    @Test func linesFromPieces() throws {
        let bytes = Array("OK\r\nBEGIN LIST UPS\n\nrest".utf8)
        for step in 1...bytes.count {
            var lines = NUTLines()
            var found: [String] = []
            for start in stride(from: 0, to: bytes.count, by: step) {
                lines.append(bytes[start..<min(start + step, bytes.count)])
                while let line = try lines.next() { found.append(String(decoding: line, as: UTF8.self)) }
            }
            #expect(found == ["OK", "BEGIN LIST UPS", ""])
        }
        var lines = NUTLines()
        lines.append([UInt8](repeating: 65, count: NUTLine.lengthLimit + 1)[...])
        #expect(throws: NUTError.tooLong("a line")) { try lines.next() }
    }
}

@Suite struct NUTReplyTests {
    private func reply(_ request: NUTReply.Request, _ lines: [String]) throws(NUTError) -> NUTReply? {
        var reply = NUTReply(to: request)
        for (number, line) in lines.enumerated() {
            if try reply.take(Array(line.utf8)[...]) { return number == lines.count - 1 ? reply : nil }
        }
        return nil
    }

    @Test func answersOfUpsd() throws {
        let devices = try reply(
            .devices,
            ["BEGIN LIST UPS", #"UPS su700 "Rack \"left\"""#, "UPS bare", "END LIST UPS"]
        )
        #expect(devices?.entries.map(\.name) == ["su700", "bare"])
        #expect(devices?.entries.map(\.text) == [#"Rack "left""#, ""])
        let variables = try reply(
            .variables("su700"),
            [
                "BEGIN LIST VAR su700", #"VAR su700 battery.charge "87.5""#,
                #"VAR su700 ups.status "OB DISCHRG""#,
                "END LIST VAR su700",
            ]
        )
        #expect(variables?.entries.map(\.text) == ["87.5", "OB DISCHRG"])
        #expect(try reply(.command, ["OK Goodbye"]) != nil)
        #expect(throws: NUTError.refused("ACCESS-DENIED")) { try reply(.command, ["ERR ACCESS-DENIED"]) }
        #expect(throws: NUTError.refused("DATA-STALE")) {
            try reply(.variables("a"), ["BEGIN LIST VAR a", "ERR DATA-STALE"])
        }
    }

    @Test(arguments: [
        ["OK"], ["BEGIN LIST VAR b"], ["VAR a b \"c\""], ["BEGIN LIST VAR a", "VAR b x \"1\""],
        ["BEGIN LIST VAR a", "VAR a x"], ["BEGIN LIST VAR a", "VAR a x \"1\" 2"],
        ["BEGIN LIST VAR a", "END LIST VAR b"], ["BEGIN LIST VAR a", "BEGIN LIST VAR a"],
        ["BEGIN LIST VAR a", ""], ["BEGIN LIST VAR a", "VAR a x \"1"],
    ])
    func answersToSomethingElse(lines: [String]) {
        #expect {
            try reply(.variables("a"), lines)
        } throws: { error in
            guard case .malformed = error as? NUTError else { return false }
            return true
        }
    }

    @Test func listsAreBounded() {
        let many = (0...NUTReply.upsLimit).map { "UPS u\($0) \"\"" }
        #expect(throws: NUTError.tooLong("more than 64 entries")) {
            try reply(.devices, ["BEGIN LIST UPS"] + many)
        }
        let long = (0..<70).map { "VAR a x\($0) \"\(String(repeating: "1", count: 4000))\"" }
        #expect(throws: NUTError.tooLong("more than \(NUTReply.sizeLimit) bytes")) {
            try reply(.variables("a"), ["BEGIN LIST VAR a"] + long)
        }
    }
}
