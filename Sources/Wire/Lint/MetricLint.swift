// SPDX-License-Identifier: Apache-2.0
//
// What metrics should be called and come with, by Prometheus' conventions (prometheus.io/docs/practices/naming), in the
// words of its linter (client_golang, testutil/promlint), so that findings can be looked up.

/// Finds what is against the conventions.
public enum MetricLint {
    /// Something against the conventions.
    public struct Problem: Sendable, Equatable, Comparable {
        /// The family.
        public let metric: String
        /// What is wrong, as promtool says it.
        public let text: String

        /// By metric, then text.
        public static func < (left: Problem, right: Problem) -> Bool {
            (left.metric, left.text) < (right.metric, right.text)
        }
    }

    /// Everything found, sorted.
    public static func problems(of families: [LintFamily]) -> [Problem] {
        families.flatMap { family in
            texts(of: family).map { Problem(metric: family.name, text: $0) }
        }.sorted()
    }

    private static func texts(of family: LintFamily) -> [String] {
        var texts: [String] = []
        if family.help == nil { texts.append("no help text") }
        if let (unit, base) = foreignUnit(in: family.name) {
            texts.append("use base unit \"\(base)\" instead of \"\(unit)\"")
        }
        texts += counter(family) + reserved(family)
        let lowered = family.name.lowercased()
        for kind in ["counter", "gauge", "summary", "histogram", "gauge_histogram"]
        where contains(lowered, kind) {
            texts.append("metric name should not include type '\(kind)'")
        }
        if family.name.contains(":") { texts.append("metric names should not contain ':'") }
        if isCamelCase(family.name) {
            texts.append("metric names should be written in 'snake_case' not 'camelCase'")
        }
        for name in family.metrics.flatMap(\.labelNames) where isCamelCase(name) {
            texts.append("label names should be written in 'snake_case' not 'camelCase'")
        }
        if abbreviations.contains(where: { contains(lowered, $0) }) {
            texts.append("metric names should not contain abbreviated units")
        }
        return texts
    }

    // MARK: - Kinds

    private static func counter(_ family: LintFamily) -> [String] {
        let hasSuffix = family.name.hasSuffix("_total")
        switch family.kind ?? .untyped {
        case .untyped: return []
        case .counter: return hasSuffix ? [] : ["counter metrics should have \"_total\" suffix"]
        default: return hasSuffix ? ["non-counter metrics should not have \"_total\" suffix"] : []
        }
    }

    private static func reserved(_ family: LintFamily) -> [String] {
        let kind = family.kind ?? .untyped
        guard kind != .untyped else { return [] }
        var texts: [String] = []
        if kind != .histogram, family.name.hasSuffix("_bucket") {
            texts.append("non-histogram metrics should not have \"_bucket\" suffix")
        }
        if kind != .histogram, kind != .summary {
            for suffix in ["_count", "_sum"] where family.name.hasSuffix(suffix) {
                texts.append("non-histogram and non-summary metrics should not have \"\(suffix)\" suffix")
            }
        }
        for name in family.metrics.flatMap(\.labelNames) {
            if kind != .histogram, name == "le" {
                texts.append("non-histogram metrics should not have \"le\" label")
            }
            if kind != .summary, name == "quantile" {
                texts.append("non-summary metrics should not have \"quantile\" label")
            }
        }
        return texts
    }

    // MARK: - Names

    /// Whether a lower-case name has the word at its end or between two `_`.
    private static func contains(_ name: String, _ word: String) -> Bool {
        name.hasSuffix("_" + word) || name.contains("_" + word + "_")
    }

    private static func isCamelCase(_ name: String) -> Bool {
        zip(name.utf8, name.utf8.dropFirst()).contains { left, right in
            left >= UInt8(ascii: "a") && left <= UInt8(ascii: "z") && right >= UInt8(ascii: "A")
                && right <= UInt8(ascii: "Z")
        }
    }

    /// The first word of a name that is a unit, unless it is a base unit.
    private static func foreignUnit(in name: String) -> (unit: String, base: String)? {
        for word in name.split(separator: "_", omittingEmptySubsequences: true) {
            for prefix in [""] + prefixes where word.hasPrefix(prefix) {
                guard let base = units[String(word.dropFirst(prefix.count))] else { continue }
                if prefix.isEmpty, base == word { continue }
                return (String(word), base)
            }
        }
        return nil
    }

    private static let abbreviations = [
        "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
    ]

    private static let prefixes = [
        "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi",
        "giga", "gibi", "tera", "tebi", "peta", "pebi",
    ]

    /// Units with the base unit to use for them.
    private static let units = [
        "amperes": "amperes", "bytes": "bytes", "celsius": "celsius", "grams": "grams", "joules": "joules",
        "kelvin": "kelvin", "meters": "meters", "metres": "metres", "seconds": "seconds", "volts": "volts",
        "minutes": "seconds", "hours": "seconds", "days": "seconds", "weeks": "seconds",
        "kelvins": "kelvin", "fahrenheit": "celsius", "rankine": "celsius",
        "inches": "meters", "yards": "meters", "miles": "meters",
        "bits": "bytes", "calories": "joules", "pounds": "grams", "ounces": "grams",
    ]
}
