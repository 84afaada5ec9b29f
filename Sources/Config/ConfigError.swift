// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a configuration, where, and what would be right. A file's mistakes are reported together, so that
// the one who cannot drive out to the machine fixes them in one go.

/// One mistake in a configuration or rule file.
public struct ConfigError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named.
    public let file: String
    /// Counted from 1; 0 when the mistake has no place.
    public let line: Int
    /// Counted in characters from 1; 0 when the mistake has no place.
    public let column: Int
    /// What is wrong.
    public let message: String
    /// What to do about it; may be empty.
    public let remedy: String

    /// Creates an error at a place.
    public init(file: String, line: Int = 0, column: Int = 0, message: String, remedy: String = "") {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.remedy = remedy
    }

    /// `edgewatch.yml:12:3: unknown key "scrape_intervall"; did you mean "scrape_interval"?`.
    public var description: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return remedy.isEmpty ? "\(place): \(message)" : "\(place): \(message); \(remedy)"
    }
}

/// All mistakes found, sorted by file and place, at least one.
public struct ConfigErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// More than this are counted, not listed.
    public static let limit = 20

    /// The first mistakes.
    public let errors: [ConfigError]
    /// How many more there are.
    public let omitted: Int

    /// Sorts mistakes and keeps the first 20.
    public init(_ errors: [ConfigError]) {
        let sorted = errors.sorted { ($0.file, $0.line, $0.column) < ($1.file, $1.line, $1.column) }
        self.errors = Array(sorted.prefix(ConfigErrors.limit))
        omitted = max(0, sorted.count - ConfigErrors.limit)
    }

    /// One line each.
    public var description: String {
        let lines = errors.map(\.description)
        return (omitted > 0 ? lines + ["and \(omitted) more"] : lines).joined(separator: "\n")
    }
}
