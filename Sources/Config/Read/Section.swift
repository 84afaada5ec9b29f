// SPDX-License-Identifier: Apache-2.0
//
// Reading one mapping of the file. A section remembers every key it was asked for; whatever else the file has there is
// unknown, so the list of known keys can never differ from what is read. Mistakes are collected, and reading goes on
// with the default.

/// Where mistakes gather while a file is read.
final class Problems {
    /// Reading goes on after this many, but nobody reads that far; bounds the memory a hostile file can claim.
    private static let limit = 1000

    private(set) var errors: [ConfigError] = []
    private(set) var warnings: [ConfigError] = []

    func add(_ error: ConfigError) {
        if errors.count < Problems.limit { errors.append(error) }
    }

    func warn(_ warning: ConfigError) {
        if warnings.count < ConfigErrors.limit { warnings.append(warning) }
    }
}

/// What reading needs to know besides the file's text.
final class ReadContext {
    /// The directory relative paths begin at; empty for the working directory.
    let directory: String
    /// The value of an environment variable.
    let environment: (String) -> String?
    /// Whether names are held to `[a-zA-Z_][a-zA-Z0-9_]*`.
    var hasLegacyNames = false

    init(directory: String, environment: @escaping (String) -> String?) {
        self.directory = directory
        self.environment = environment
    }

    /// A path as the file means it.
    func resolve(_ path: String) -> String {
        path.hasPrefix("/") || directory.isEmpty || path.isEmpty ? path : "\(directory)/\(path)"
    }
}

/// A mapping being read.
final class Section {
    /// The mapping, or null when the key has no value.
    let node: YAMLNode
    let problems: Problems
    let context: ReadContext
    private var asked: [String] = []

    private init(_ node: YAMLNode, _ problems: Problems, _ context: ReadContext) {
        self.node = node
        self.problems = problems
        self.context = context
    }

    /// Reads a mapping with `body`, then reports the keys that `body` did not ask for.
    ///
    /// Anything but a mapping is a mistake, and `body` sees an empty one.
    static func read<Result>(
        _ node: YAMLNode,
        _ problems: Problems,
        _ context: ReadContext,
        _ body: (Section) -> Result
    ) -> Result {
        if node.entries == nil, !node.isNull {
            problems.add(node.error("expected a mapping, found \(node.words)"))
        }
        let section = Section(node, problems, context)
        let result = body(section)
        section.reportUnknownKeys()
        return result
    }

    /// The value of a key, nil when it is missing or null; the key counts as known.
    func take(_ key: String) -> YAMLNode? {
        if !asked.contains(key) { asked.append(key) }
        guard let value = node[key], !value.isNull else { return nil }
        return value
    }

    /// Where a key is written, or where the section is.
    func place(of key: String) -> YAMLNode { node.entries?.first { $0.key.string == key }?.key ?? node }

    /// Reports a mistake at a key.
    func report(_ key: String, _ message: String, remedy: String = "") {
        problems.add(place(of: key).error(message, remedy: remedy))
    }

    // MARK: - Keys without effect

    /// Keys of Prometheus that edgewatch cannot honour and whose absence would be noticed too late.
    func refuse(_ keys: [String], remedy: String = "") {
        for key in keys where take(key) != nil {
            report(key, "\"\(key)\" is not supported yet", remedy: remedy)
        }
    }

    /// Keys of Prometheus that are accepted and have no effect yet; `false`, `0` and empty say nothing.
    func ignore(_ keys: [String]) {
        for key in keys {
            guard let value = take(key), value.bool != false, value.number != 0, value.items?.isEmpty != true,
                value.entries?.isEmpty != true
            else { continue }
            problems.warn(place(of: key).error("\"\(key)\" has no effect in edgewatch yet"))
        }
    }

    /// Keys of Prometheus that size or tune what edgewatch does not have.
    func accept(_ keys: [String]) {
        for key in keys { _ = take(key) }
    }

    // MARK: - Unknown keys

    /// Whether the file has keys that were not asked for until now.
    var hasUnknownKeys: Bool {
        node.entries?.contains { entry in entry.key.string.map { !asked.contains($0) } ?? false } ?? false
    }

    private func reportUnknownKeys() {
        for entry in node.entries ?? [] {
            guard let key = entry.key.string, !asked.contains(key) else { continue }
            problems.add(
                entry.key.error("unknown key \"\(key)\"", remedy: Nearest.remedy(for: key, among: asked))
            )
        }
    }
}
