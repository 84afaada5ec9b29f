// SPDX-License-Identifier: Apache-2.0
//
// What an expression tells without being run. Selectors are mostly lists of names (`a|b|c`, what a dashboard makes of a
// choice) or a beginning (`node_.*`): the first are looked up in the index, the second compared, and RE2 is left for the
// rest. Anything not understood here has no shape, so nothing can be matched otherwise than RE2 would.
//
// Syntax: https://github.com/google/re2/wiki/Syntax; expressions match whole texts, and a dot matches any character.

/// The texts an expression can match, by how they begin.
struct PatternShape: Sendable, Equatable {
    /// What may follow the beginning.
    enum Tail: Sendable {
        case nothing
        /// `.*`
        case anything
        /// `.+`
        case something
        /// Only the expression can tell.
        case expression
    }

    /// A beginning and what follows it.
    struct Branch: Sendable, Equatable {
        var text: [UInt8]
        var tail: Tail
    }

    /// A text matches when it is of one of these.
    let branches: [Branch]

    /// Alternatives beyond this, once multiplied out, are left to RE2.
    private static let branchLimit = 256
    /// Bytes of all beginnings.
    private static let byteLimit = 16 << 10
    /// Comparing with more takes longer than running the expression.
    private static let comparedLimit = 16

    /// Looks at an expression that RE2 accepts; nil when it has parts that are not understood.
    init?(_ source: String) {
        var reader = Reader(rest: Array(source.unicodeScalars)[...])
        guard let branches = reader.alternatives(depth: 0), reader.rest.isEmpty else { return nil }
        self.branches = branches
    }

    /// All texts that match, each once; nil when they cannot be listed.
    var texts: [String]? {
        guard branches.allSatisfy({ $0.tail == .nothing }) else { return nil }
        var seen: Set<[UInt8]> = []
        return branches.filter { seen.insert($0.text).inserted }.map {
            String(decoding: $0.text, as: UTF8.self)
        }
    }

    /// Whether a text matches; nil when only the expression can tell.
    func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool? {
        guard branches.count <= PatternShape.comparedLimit else { return nil }
        var isOpen = false
        for branch in branches where text.count >= branch.text.count {
            guard text.starts(with: branch.text) else { continue }
            switch branch.tail {
            case .nothing: if text.count == branch.text.count { return true }
            case .anything: return true
            case .something: if text.count > branch.text.count { return true }
            case .expression: isOpen = true
            }
        }
        return isOpen ? nil : false
    }
}

extension PatternShape {
    /// Reads an expression from left to right; nil means something that is not understood.
    fileprivate struct Reader {
        var rest: ArraySlice<Unicode.Scalar>

        private static let depthLimit = 32
        /// Characters of a class that become alternatives.
        private static let classLimit = 16

        /// What one element can be.
        private enum Element {
            case texts([Branch])
            case dot
            case unlisted
            /// Nothing at all.
            case edge
        }

        mutating func alternatives(depth: Int) -> [Branch]? {
            guard depth < Reader.depthLimit else { return nil }
            var all: [Branch] = []
            repeat {
                guard let more = sequence(depth) else { return nil }
                all += more
                guard Reader.isWithinLimits(all) else { return nil }
            } while take("|")
            return all
        }

        private mutating func sequence(_ depth: Int) -> [Branch]? {
            var branches = [Branch(text: [], tail: .nothing)]
            while let next = rest.first, next != "|", next != ")" {
                let isAtStart = branches == [Branch(text: [], tail: .nothing)]
                guard let element = element(depth, isAtStart: isAtStart) else { return nil }
                let repetition = takeRepetition()
                switch (element, repetition) {
                case (.edge, nil): continue
                case (.edge, _): return nil
                case (.texts(let texts), nil): branches = Reader.join(branches, texts)
                case (.dot, "*"): branches = Reader.join(branches, [Branch(text: [], tail: .anything)])
                case (.dot, "+"): branches = Reader.join(branches, [Branch(text: [], tail: .something)])
                default: branches = Reader.join(branches, [Branch(text: [], tail: .expression)])
                }
                guard Reader.isWithinLimits(branches) else { return nil }
            }
            return branches
        }

        /// What is left behind a tail cannot be told from it any more.
        private static func join(_ left: [Branch], _ right: [Branch]) -> [Branch] {
            left.flatMap { begin -> [Branch] in
                guard begin.tail == .nothing else { return [Branch(text: begin.text, tail: .expression)] }
                return right.map { Branch(text: begin.text + $0.text, tail: $0.tail) }
            }
        }

        private static func isWithinLimits(_ branches: [Branch]) -> Bool {
            branches.count <= branchLimit && branches.reduce(0) { $0 + $1.text.count } <= byteLimit
        }

        private mutating func element(_ depth: Int, isAtStart: Bool) -> Element? {
            switch rest.removeFirst() {
            case ".": return .dot
            case "^": return depth == 0 && isAtStart ? .edge : nil
            case "$": return depth == 0 && (rest.isEmpty || rest.first == "|") ? .edge : nil
            case "(":
                // Flags and names.
                if take("?"), !take(":") { return nil }
                guard let inner = alternatives(depth: depth + 1), take(")") else { return nil }
                return .texts(inner)
            case "[": return characterClass()
            case "\\":
                guard let escaped = rest.popFirst(), escaped != "Q" else { return nil }
                return Reader.isPunctuation(escaped) ? .texts([Reader.branch(escaped)]) : .unlisted
            case "*", "+", "?", "{", "}", "]": return nil
            case let plain: return .texts([Reader.branch(plain)])
            }
        }

        /// `*`, `+` or `?`, each also as few as possible, which makes no difference here.
        private mutating func takeRepetition() -> Unicode.Scalar? {
            guard let next = rest.first, ["*", "+", "?"].contains(next) else { return nil }
            rest.removeFirst()
            _ = take("?")
            return next
        }

        /// What follows a `[`.
        private mutating func characterClass() -> Element? {
            var isListed = !take("^")
            var members: [Unicode.Scalar] = []
            var isFirst = true
            while let next = rest.popFirst() {
                if next == "]", !isFirst {
                    return isListed && !members.isEmpty ? .texts(members.map(Reader.branch)) : .unlisted
                }
                isFirst = false
                // `[:alpha:]`
                if next == "[", rest.first == ":" { return nil }
                var member = next
                if next == "\\" {
                    guard let escaped = rest.popFirst() else { return nil }
                    if !Reader.isPunctuation(escaped) { isListed = false }
                    member = escaped
                }
                guard rest.first == "-", rest.dropFirst().first != "]" else {
                    members.append(member)
                    continue
                }
                rest.removeFirst()
                guard var last = rest.popFirst() else { return nil }
                if last == "\\" {
                    guard let escaped = rest.popFirst() else { return nil }
                    if !Reader.isPunctuation(escaped) { isListed = false }
                    last = escaped
                }
                let count = Int(last.value) - Int(member.value) + 1
                if count < 1 || count + members.count > Reader.classLimit || last.value > 127 {
                    isListed = false
                } else {
                    members += (member.value...last.value).compactMap { Unicode.Scalar($0) }
                }
            }
            return nil
        }

        private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard rest.first == scalar else { return false }
            rest.removeFirst()
            return true
        }

        private static func branch(_ scalar: Unicode.Scalar) -> Branch {
            Branch(text: Array(String(scalar).utf8), tail: .nothing)
        }

        /// What a backslash takes its meaning from.
        private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
            guard scalar.isASCII else { return false }
            return !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar) && scalar.value > 32
                && scalar != "_"
        }
    }
}
