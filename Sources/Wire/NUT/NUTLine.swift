// SPDX-License-Identifier: Apache-2.0
//
// Lines of the protocol of Network UPS Tools' server upsd (networkupstools.org, developer guide, "Network protocol
// information"): words divided by blanks, one with blanks in it in double quotes, `\` before a byte that means itself.
//
//     VAR su700 ups.mfr "American \"Power\" Conversion"\n
//
// Invariant: what is taken here is bounded before it is kept: a line, and with it a word, has at most `lengthLimit`
// bytes, of which none is a control character.

/// Why what a UPS server says cannot be used.
public enum NUTError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The server refused the request, with its word for why: `ACCESS-DENIED`, `DATA-STALE`, ….
    case refused(String)
    /// The bytes are not what the protocol allows here.
    case malformed(String)
    /// A line or an answer is longer than any real one.
    case tooLong(String)

    /// The value as text for messages.
    public var description: String {
        switch self {
        case .refused(let word): "the server answers \(word)"
        case .malformed(let what): "the server does not speak the protocol of upsd: \(what)"
        case .tooLong(let what): "the server's answer is too long: \(what)"
        }
    }
}

/// One line of the protocol.
public enum NUTLine {
    /// upsd itself writes lines of at most 512 bytes; this leaves room and bounds what a stranger's server costs.
    public static let lengthLimit = 4 << 10
    /// The longest answer has four words.
    private static let wordLimit = 16

    /// The words of a line without its line end.
    ///
    /// - Throws: `NUTError` for an open quote, a control character, or more bytes or words than a line may have.
    public static func words(_ line: ArraySlice<UInt8>) throws(NUTError) -> [String] {
        guard line.count <= lengthLimit else { throw .tooLong("a line") }
        var words: [String] = []
        var word: [UInt8] = []
        var isWord = false
        var isQuoted = false
        var isEscaped = false
        for byte in line {
            guard byte >= 0x20 || byte == UInt8(ascii: "\t"), byte != 0x7f else {
                throw .malformed("a control character")
            }
            let isBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
            if isEscaped {
                word.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
                isWord = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
                isWord = true
            } else if isBlank, !isQuoted {
                if isWord { words.append(String(decoding: word, as: UTF8.self)) }
                guard words.count <= wordLimit else { throw .tooLong("a line of many words") }
                word.removeAll(keepingCapacity: true)
                isWord = false
            } else {
                word.append(byte)
                isWord = true
            }
        }
        guard !isQuoted, !isEscaped else { throw .malformed("an open quote") }
        if isWord { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// A request: a command as it stands and its arguments, each in quotes.
    ///
    /// upsd reads `=` outside of quotes as a word of its own, and at a bare `#` even within them it drops the line and
    /// never answers.
    ///
    /// - Returns: the line with its end; nil when an argument has a control character or makes the line too long.
    public static func request(_ command: String, _ arguments: [String] = []) -> [UInt8]? {
        var line = Array(command.utf8)
        for argument in arguments {
            line += Array(" \"".utf8)
            for byte in argument.utf8 {
                guard byte >= 0x20, byte != 0x7f else { return nil }
                if [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "#")].contains(byte) {
                    line.append(UInt8(ascii: "\\"))
                }
                line.append(byte)
            }
            line.append(UInt8(ascii: "\""))
        }
        guard line.count < lengthLimit else { return nil }
        line.append(UInt8(ascii: "\n"))
        return line
    }
}

/// Received bytes cut into lines.
public struct NUTLines: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    /// Starts with nothing received.
    public init() {}

    /// Takes bytes as they came.
    public mutating func append(_ received: ArraySlice<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: received)
    }

    /// The next whole line without its end, nil when there is none yet.
    ///
    /// - Throws: `NUTError` when the line under way is too long already.
    public mutating func next() throws(NUTError) -> ArraySlice<UInt8>? {
        guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            guard bytes.count - start <= NUTLine.lengthLimit else { throw .tooLong("a line") }
            return nil
        }
        var line = bytes[start..<end]
        start = end + 1
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}
