// SPDX-License-Identifier: Apache-2.0
//
// Scalars of a section. Each verb gives the value or nil when the key is missing, null, or wrong (then reported).

internal import Samples

extension Section {
    /// Text of any scalar.
    func string(_ key: String) -> String? {
        guard let node = take(key) else { return nil }
        return string(node, key)
    }

    /// Text that may not be empty; a missing key is reported.
    func required(_ key: String) -> String? {
        guard take(key) != nil else {
            problems.add(place(of: key).error("\"\(key)\" is missing"))
            return nil
        }
        guard let text = string(key) else { return nil }
        if text.isEmpty { report(key, "\"\(key)\" is empty") }
        return text.isEmpty ? nil : text
    }

    /// A password or token.
    func secret(_ key: String) -> Secret? { string(key).map(Secret.init) }

    /// A path, relative to the configuration file's directory.
    func path(_ key: String) -> String? { string(key).map(context.resolve) }

    /// A truth value.
    func bool(_ key: String) -> Bool? {
        guard let node = take(key) else { return nil }
        if let value = node.bool { return value }
        return wrong(node, key, "true or false")
    }

    /// A whole number within a range.
    func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = take(key) else { return nil }
        // As Go's yaml package does, `1e3` and `5.0` are whole numbers, too.
        let whole = node.integer.flatMap(Int.init(exactly:)) ?? node.number.flatMap(Int.init(exactly:))
        guard let value = whole else {
            return wrong(node, key, "a whole number")
        }
        guard range.contains(value) else {
            let limits =
                range.upperBound == .max
                ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            return wrong(node, key, "a number \(limits)")
        }
        return value
    }

    /// A finite number.
    func number(_ key: String) -> Double? {
        guard let node = take(key) else { return nil }
        if let value = node.number, value.isFinite { return value }
        return wrong(node, key, "a number")
    }

    /// A duration in Prometheus' notation.
    func duration(_ key: String) -> Duration? {
        guard let node = take(key) else { return nil }
        if let text = node.string, let value = PromDuration.parse(text) { return value }
        let remedy = node.number.map { $0 > 0 ? "add a unit" : "" } ?? ""
        return wrong(node, key, "a duration such as \"30s\" or \"1m30s\"", remedy: remedy)
    }

    /// A duration of at least a millisecond; zero means the default, as in Prometheus.
    func interval(_ key: String) -> Duration? {
        guard let value = duration(key), value > .zero else { return nil }
        return value
    }

    /// A number of bytes such as `512MB`.
    func size(_ key: String) -> Int64? {
        guard let node = take(key) else { return nil }
        if let text = node.string, let value = ByteSize.parse(text) { return value }
        let remedy = node.integer != nil ? "add a unit" : ""
        return wrong(node, key, "a size such as \"512MB\" or \"1GB\"", remedy: remedy)
    }

    /// One of the words of an enumeration, in any case.
    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) -> Choice?
    where Choice.RawValue == String {
        guard let node = take(key) else { return nil }
        let written = node.string?.lowercased()
        if let choice = Choice.allCases.first(where: { $0.rawValue.lowercased() == written }) {
            return choice
        }
        let known = Choice.allCases.map(\.rawValue)
        let near = written.flatMap { Nearest.nearest(to: $0, among: known) }
        return wrong(
            node,
            key,
            "one of \(known.joined(separator: ", "))",
            remedy: near.map { "did you mean \"\($0)\"?" } ?? ""
        )
    }

    /// A regular expression in RE2 syntax.
    func pattern(_ key: String) -> Pattern? {
        guard let node = take(key), let text = string(node, key) else { return nil }
        do {
            return try Pattern(text)
        } catch {
            problems.add(node.error("\"\(key)\": \(error)"))
            return nil
        }
    }

    /// An http or https URL; empty text is none.
    func url(_ key: String) -> URLText? {
        guard let node = take(key), let text = string(node, key), !text.isEmpty else { return nil }
        if let url = URLText(text) { return url }
        return wrong(node, key, "a URL such as \"https://host:8080/path\"")
    }

    /// An http or https URL; a missing one is reported.
    func requiredURL(_ key: String) -> URLText? {
        required(key) == nil ? nil : url(key)
    }

    /// The text of a scalar; anything else is reported.
    func string(_ node: YAMLNode, _ key: String) -> String? {
        node.string ?? wrong(node, key, "text")
    }

    /// Reports a value that is not what its key wants.
    func wrong<Value>(_ node: YAMLNode, _ key: String, _ wanted: String, remedy: String = "") -> Value? {
        problems.add(node.error("\"\(key)\": expected \(wanted), found \(node.words)", remedy: remedy))
        return nil
    }
}
