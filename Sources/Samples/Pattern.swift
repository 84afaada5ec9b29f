// SPDX-License-Identifier: Apache-2.0
//
// Regular expressions as Prometheus understands them: RE2 syntax, dot matches newline, and for matchers and
// relabeling anchored at both ends. RE2 runs in time linear to the text and in bounded memory.

internal import CRE2

/// A compiled RE2 expression.
///
/// `@unchecked Sendable`: the handle is immutable after compilation and RE2's matching methods are const and
/// thread-safe (re2.h, "a const RE2 can be used concurrently by multiple threads").
public final class Pattern: @unchecked Sendable, Hashable {
    /// The expression as written.
    public let source: String
    private let handle: OpaquePointer
    private let shape: PatternShape?

    /// Compiles an expression.
    ///
    /// - Parameter source: RE2 syntax, without anchors.
    /// - Throws: `PatternError` with RE2's message.
    public init(_ source: String) throws(PatternError) {
        self.source = source
        guard PatternSize.of(source) <= PatternSize.limit else {
            throw PatternError(source: source, message: "pattern too large - compile failed")
        }
        var message = [CChar](repeating: 0, count: 200)
        var text = source
        let compiled = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                ew_re2_new(chars.baseAddress, chars.count, &message, message.count)
            }
        }
        guard let compiled else {
            let end = message.firstIndex(of: 0) ?? message.count
            let words = String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw PatternError(source: source, message: words)
        }
        handle = compiled
        shape = PatternShape(source)
    }

    /// All texts that match, each once; nil when there are too many to list.
    public var texts: [String]? { shape?.texts }

    deinit {
        ew_re2_free(handle)
    }

    /// Whether the whole text matches.
    public func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches($0) }
    }

    /// Whether all the bytes match.
    public func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        shape?.matches(text) ?? runs(text)
    }

    /// Whether RE2 says that all the bytes match.
    func runs(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        text.withMemoryRebound(to: CChar.self) { ew_re2_full_match(handle, $0.baseAddress, $0.count) != 0 }
    }

    /// Whether some part of the text matches.
    public func matchesPart(of text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                ew_re2_partial_match(handle, $0.baseAddress, $0.count) != 0
            }
        }
    }

    /// The most steps that finding groups in a text takes: each instruction of the expression at each byte.
    public func cost(of text: String) -> Int {
        Int(ew_re2_program_size(handle)) &* (text.utf8.count &+ 1)
    }

    /// Matches the whole text and expands `$1`, `${1}` and `${name}` in the replacement.
    ///
    /// - Parameters:
    ///   - replacement: the text with the references.
    ///   - text: what is to match.
    ///   - limit: an expansion beyond so many bytes is cut off there, or up to one group later.
    /// - Returns: nil when the text does not match. An unknown group expands to nothing; `$$` is a dollar.
    public func expand(_ replacement: String, matching text: String, limit: Int = .max) -> String? {
        let subject = Array(text.utf8)
        guard let groups = groups(in: subject, from: 0, anchored: true) else { return nil }
        let expanded = expansion(of: replacement, subject: subject, groups: groups, limit: limit)
        return String(decoding: expanded, as: UTF8.self)
    }

    /// Replaces every match in the text, unanchored, expanding groups as `expand` does.
    ///
    /// Go's rules (regexp.ReplaceAllString): an empty match right after another match is not replaced, and the
    /// search goes on by whole characters.
    public func replaceAll(in text: String, with replacement: String) -> String {
        let subject = Array(text.utf8)
        var out: [UInt8] = []
        var copied = 0
        var searchFrom = 0
        while searchFrom <= subject.count, let groups = groups(in: subject, from: searchFrom, anchored: false)
        {
            let match = groups[0]
            out += subject[copied..<match.lowerBound]
            if match.upperBound > copied || match.lowerBound == 0 {
                out += expansion(of: replacement, subject: subject, groups: groups)
            }
            copied = match.upperBound
            let next = endOfCharacter(at: searchFrom, in: subject)
            searchFrom = max(next, match.upperBound)
        }
        if copied < subject.count { out += subject[copied...] }
        return String(decoding: out, as: UTF8.self)
    }

    private func endOfCharacter(at offset: Int, in subject: [UInt8]) -> Int {
        var end = offset + 1
        while end < subject.count, subject[end] & 0xc0 == 0x80 { end += 1 }
        return end
    }

    private func groups(in subject: [UInt8], from: Int, anchored: Bool) -> [Range<Int>]? {
        let capacity = Int(ew_re2_group_count(handle)) + 1
        var offsets = [Int32](repeating: -1, count: 2 * capacity)
        let found = subject.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                ew_re2_groups(
                    handle,
                    chars.baseAddress,
                    chars.count,
                    from,
                    anchored ? 1 : 0,
                    &offsets,
                    Int32(capacity)
                )
            }
        }
        guard found != 0 else { return nil }
        return (0..<capacity).map { index in
            let begin = Int(offsets[2 * index])
            return begin < 0 ? 0..<0 : begin..<Int(offsets[2 * index + 1])
        }
    }

    /// Go's regexp.Expand: `$name` takes the longest run of letters, digits and `_`, and a dollar that begins no
    /// name stands for itself.
    private func expansion(
        of replacement: String,
        subject: [UInt8],
        groups: [Range<Int>],
        limit: Int = .max
    ) -> [UInt8] {
        var rest = replacement.unicodeScalars[...]
        var out: [UInt8] = []
        while out.count <= limit, let scalar = rest.popFirst() {
            guard scalar == "$" else {
                out += UTF8.encode(scalar).map(Array.init) ?? []
                continue
            }
            if rest.first == "$" {
                rest.removeFirst()
                out.append(UInt8(ascii: "$"))
            } else if let name = Pattern.takeName(from: &rest) {
                if let group = number(ofGroup: name), group < groups.count { out += subject[groups[group]] }
            } else {
                out.append(UInt8(ascii: "$"))
            }
        }
        return out
    }

    /// Takes `name` or `{name}`; nil, and nothing taken, when none begins here.
    private static func takeName(from rest: inout Substring.UnicodeScalarView) -> String? {
        let isBraced = rest.first == "{"
        let body = isBraced ? rest.dropFirst() : rest
        let name = body.prefix(while: isWord)
        guard !name.isEmpty else { return nil }
        var after = body[name.endIndex...]
        if isBraced, after.popFirst() != "}" { return nil }
        rest = after
        return String(Substring(name))
    }

    /// A number without leading zeros, else the group of that name.
    private func number(ofGroup name: String) -> Int? {
        let isNumber = name.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        if isNumber, name == "0" || !name.hasPrefix("0") { return Int(name) }
        var name = name
        let found = name.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { ew_re2_group_named(handle, $0.baseAddress, $0.count) }
        }
        return found < 0 ? nil : Int(found)
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "_" { return true }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
            .decimalNumber:
            return true
        default: return false
        }
    }

    /// Equality as the type documents it.
    public static func == (left: Pattern, right: Pattern) -> Bool {
        Labels.sameBytes(left.source, right.source)
    }

    /// Feeds what equality looks at.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(source)
    }
}

/// An expression RE2 refused.
public struct PatternError: Error, CustomStringConvertible, Sendable {
    /// The expression as written.
    public let source: String
    /// RE2's own words.
    public let message: String

    /// The same in the words of Go's regexp/syntax, which Prometheus' messages have.
    public var goMessage: String {
        for (words, code) in PatternError.codes where message.hasPrefix(words) {
            let rest = message.dropFirst(words.count)
            if rest.isEmpty { return "\(code): ``" }
            if rest.hasPrefix(": ") { return "\(code): `\(rest.dropFirst(2))`" }
        }
        return message
    }

    /// What RE2 and Go call the same mistakes.
    private static let codes = [
        ("no argument for repetition operator", "missing argument to repetition operator"),
        ("missing )", "missing closing )"), ("missing ]", "missing closing ]"),
        ("unexpected )", "unexpected )"), ("invalid escape sequence", "invalid escape sequence"),
        ("invalid character class range", "invalid character class range"),
        ("invalid character class", "invalid character class"),
        ("bad repetition operator", "invalid nested repetition operator"),
        ("invalid repetition size", "invalid repeat count"),
        ("invalid perl operator", "invalid or unsupported Perl syntax"),
        ("invalid named capture group", "invalid named capture"),
        ("trailing \\", "trailing backslash at end of expression"),
    ]

    /// The value as text for messages.
    public var description: String { "invalid regular expression \"\(source)\": \(message)" }
}
