// SPDX-License-Identifier: Apache-2.0
//
// The answer to one request, line by line: one line `OK …`, one line `ERR WORD`, or a list between `BEGIN LIST …` and
// `END LIST …` that repeats the request, as each of its lines does. A line about something else is an answer to
// something else, and nothing after it can be trusted.
//
// Invariant: at most `upsLimit` devices or `variableLimit` variables, and `sizeLimit` bytes, are taken of one answer.

/// The answer to a request.
public struct NUTReply: Sendable, Equatable {
    /// What was asked.
    public enum Request: Sendable, Equatable {
        /// `USERNAME`, `PASSWORD`, `LOGOUT`: `OK` and perhaps words.
        case command
        /// `LIST UPS`.
        case devices
        /// `LIST VAR` of a device.
        case variables(String)
    }

    /// A line of a list: a device with its description, or a variable with its value.
    public struct Entry: Sendable, Equatable {
        /// The device's or the variable's name.
        public let name: String
        /// The description or the value.
        public let text: String
    }

    /// A server for more devices than a room has; ups.conf of large sites names some dozens.
    public static let upsLimit = 64
    /// The richest drivers know some 200 variables.
    public static let variableLimit = 512
    /// Bytes of one answer; 512 variables with values of the usual length take 30 KiB.
    public static let sizeLimit = 256 << 10

    /// What the list held so far.
    public private(set) var entries: [Entry] = []
    private let request: Request
    private var hasBegun = false
    private var size = 0

    /// Waits for the answer to a request.
    public init(to request: Request) {
        self.request = request
    }

    /// Takes the next line.
    ///
    /// - Returns: whether the answer is whole.
    /// - Throws: `NUTError` when the server refused, or says what it may not.
    public mutating func take(_ line: ArraySlice<UInt8>) throws(NUTError) -> Bool {
        size += line.count + 1
        guard size <= NUTReply.sizeLimit else { throw .tooLong("more than \(NUTReply.sizeLimit) bytes") }
        let words = try NUTLine.words(line)
        if words.first == "ERR" { throw .refused(words.count > 1 ? words[1] : "ERR") }
        switch request {
        case .command:
            guard words.first == "OK" else { throw NUTReply.unexpected(words) }
            return true
        case .devices: return try takeList(words, ["UPS"], limit: NUTReply.upsLimit)
        case .variables(let device):
            return try takeList(words, ["VAR", device], limit: NUTReply.variableLimit)
        }
    }

    private mutating func takeList(
        _ words: [String],
        _ subject: [String],
        limit: Int
    ) throws(NUTError) -> Bool {
        guard hasBegun else {
            guard words == ["BEGIN", "LIST"] + subject else { throw NUTReply.unexpected(words) }
            hasBegun = true
            return false
        }
        if words == ["END", "LIST"] + subject { return true }
        // The description of a device may be missing, a value never.
        let least = subject.count + (subject.count == 1 ? 1 : 2)
        guard words.starts(with: subject), (least...subject.count + 2).contains(words.count) else {
            throw NUTReply.unexpected(words)
        }
        guard entries.count < limit else { throw .tooLong("more than \(limit) entries") }
        let text = words.count > subject.count + 1 ? words[subject.count + 1] : ""
        entries.append(Entry(name: words[subject.count], text: text))
        return false
    }

    private static func unexpected(_ words: [String]) -> NUTError {
        .malformed("unexpected \"\(words.joined(separator: " ").prefix(60))\"")
    }
}
