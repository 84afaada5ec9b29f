// SPDX-License-Identifier: Apache-2.0
//
// `rule_files` may hold patterns. They are expanded when rules are loaded, not when the configuration is read, so that a
// reload finds new files.

#if canImport(Glibc)
internal import Glibc
#endif

/// A path with `*`, `?` or `[`.
public enum RuleFilePattern {
    /// Files of a pattern beyond this are left out; bounds a pattern such as `/*/*/*`.
    private static let matchLimit = 10_000

    /// The files that are there, in order; also for a path without wildcards.
    public static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<min(Int(found.gl_pathc), matchLimit)).compactMap { index in
            found.gl_pathv[index].map { String(cString: $0) }
        }
    }
}

extension Configuration {
    /// The files `ruleFiles` stand for, patterns expanded, in order, each once.
    ///
    /// A pattern that matches nothing gives nothing, as in Prometheus; a path without `*`, `?`, `[` stays even when
    /// there is no such file, so that opening it reports the mistake.
    public func ruleFilePaths() -> [String] {
        var seen: Set<String> = []
        return ruleFiles.flatMap(Configuration.expand).filter { seen.insert($0).inserted }
    }

    static func expand(_ pattern: String) -> [String] {
        pattern.contains(where: { "*?[".contains($0) }) ? RuleFilePattern.matches(pattern) : [pattern]
    }
}
