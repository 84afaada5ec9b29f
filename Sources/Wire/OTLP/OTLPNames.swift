// SPDX-License-Identifier: Apache-2.0
//
// OpenTelemetry's names as Prometheus' (OpenTelemetry specification, compatibility/prometheus_and_openmetrics.md; the rules
// are those of prometheus/otlptranslator, in the versions of Prometheus 3.14):
//
//     metric   "http.server.duration", "s", histogram   →  http_server_duration_seconds
//     label    "http.method"                            →  http_method
//
// Where suffixes are wanted a name is cut into tokens at everything that is no letter, digit or colon; unit and type are
// tokens, too, and one that is there already is not added again.

/// Translates names of metrics, labels and units.
struct OTLPNames: Sendable {
    /// What of a metric's type its name shows.
    enum Kind: Sendable {
        case counter
        case gauge
        case other
    }

    let options: OTLPOptions

    // MARK: - Metrics

    /// The name of a metric, nil when nothing would be left of it.
    func metric(_ name: String, unit: String, _ kind: Kind) -> String? {
        guard options.strategy.escapes else {
            let result = options.strategy.addsSuffixes ? suffixed(name, unit, kind) : name
            return result.isEmpty ? nil : result
        }
        let result =
            options.strategy.addsSuffixes
            ? joined(name, unit, kind)
            : OTLPNames.tokens(name) { OTLPNames.isMetricByte($0) || $0 == UInt8(ascii: "_") }
                .joined(separator: "_")
        let isMeant = result == name || result.utf8.contains { $0 != UInt8(ascii: "_") }
        guard !result.isEmpty, isMeant else { return nil }
        return OTLPNames.startsWithDigit(result) ? "_" + result : result
    }

    private func joined(_ name: String, _ unit: String, _ kind: Kind) -> String {
        var tokens = OTLPNames.tokens(name, OTLPNames.isMetricByte)
        let units = OTLPNames.suffixes(of: unit)
        var main = OTLPNames.cleaned(units.main)
        var per = OTLPNames.cleaned(units.per)
        if tokens.contains(main) { main = "" }
        if per.hasSuffix("_") { per.removeLast() }
        if per == "per" || tokens.contains(per) { per = "" }
        if !per.isEmpty, main.hasSuffix("_") { main.removeLast() }
        tokens += [main, per].filter { !$0.isEmpty }
        if kind == .counter { tokens = tokens.filter { $0 != "total" } + ["total"] }
        if kind == .gauge, unit == "1" { tokens = tokens.filter { $0 != "ratio" } + ["ratio"] }
        return tokens.joined(separator: "_")
    }

    /// A name that keeps its characters and gets suffixes it does not end with already.
    private func suffixed(_ name: String, _ unit: String, _ kind: Kind) -> String {
        var name = name
        var suffixes: [String] = []
        func trim(_ suffix: String) {
            // With the one character before it, whichever separates it.
            guard name.hasSuffix(suffix), name.utf8.count > suffix.utf8.count + 1 else { return }
            name = String(name.dropLast(suffix.count + 1))
        }
        if kind == .gauge, unit == "1" {
            trim("ratio")
            suffixes.append("ratio")
        }
        if kind == .counter {
            trim("total")
            suffixes.append("total")
        }
        let units = OTLPNames.suffixes(of: unit)
        if !units.per.isEmpty {
            trim(units.per)
            suffixes.append(units.per)
        }
        if !units.main.isEmpty, !name.hasSuffix(units.main) { name += "_" + units.main }
        for suffix in suffixes.reversed() { name += "_" + suffix }
        return name
    }

    // MARK: - Labels

    /// The name of a label, nil when nothing would be left of it.
    func label(_ name: String) -> String? {
        guard options.strategy.escapes else { return name.isEmpty ? nil : name }
        var result = options.keepsUnderscores ? OTLPNames.escaped(name) : OTLPNames.collapsed(name)
        guard let first = result.utf8.first else { return nil }
        if first &- UInt8(ascii: "0") < 10 {
            result = "key_" + result
        } else if options.sanitizesUnderscores, first == UInt8(ascii: "_"), !result.hasPrefix("__") {
            result = "key" + result
        }
        return result == name || result.utf8.contains { $0 != UInt8(ascii: "_") } ? result : nil
    }

    /// Each character outside `[a-zA-Z0-9_]` as an underscore.
    private static func escaped(_ name: String) -> String {
        if name.utf8.allSatisfy({ isLabelByte($0) || $0 == UInt8(ascii: "_") }) { return name }
        var out = ""
        for scalar in name.unicodeScalars {
            let isKept = scalar.isASCII && isLabelByte(UInt8(truncatingIfNeeded: scalar.value))
            out.unicodeScalars.append(isKept ? scalar : "_")
        }
        return out
    }

    /// Runs of characters outside `[a-zA-Z0-9]` as one underscore; `__name__` keeps those around it.
    private static func collapsed(_ name: String) -> String {
        let isReserved = name.utf8.count >= 4 && name.hasPrefix("__") && name.hasSuffix("__")
        let inner = isReserved ? String(name.dropFirst(2).dropLast(2)) : name
        var out = ""
        var isInRun = false
        for scalar in inner.unicodeScalars {
            let isKept = scalar.isASCII && isLabelByte(UInt8(truncatingIfNeeded: scalar.value))
            if isKept { out.unicodeScalars.append(scalar) } else if !isInRun { out += "_" }
            isInRun = !isKept
        }
        return isReserved ? "__\(out)__" : out
    }

    // MARK: - Units

    /// A unit as Prometheus writes it in metadata.
    func unit(_ unit: String) -> String {
        var (main, per) = OTLPNames.suffixes(of: unit)
        if options.strategy.escapes { (main, per) = (OTLPNames.cleaned(main), OTLPNames.cleaned(per)) }
        let words = [main, per].filter { !$0.isEmpty }.joined(separator: "_")
        let open = words.hasPrefix("_") ? words.dropFirst() : words[...]
        return String(open.hasSuffix("_") ? open.dropLast() : open)
    }

    /// The two parts of a unit such as `By/s`: `bytes`, `per_second`.
    private static func suffixes(of unit: String) -> (main: String, per: String) {
        let parts = unit.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        func part(_ index: Int, _ words: [String: String]) -> String {
            guard index < parts.count else { return "" }
            let text = trimmed(parts[index])
            // In braces stands what is counted, and no unit.
            guard !text.utf8.contains(UInt8(ascii: "{")), !text.utf8.contains(UInt8(ascii: "}")) else {
                return ""
            }
            return words[text] ?? text
        }
        let per = part(1, perWords)
        return (part(0, mainWords), per.isEmpty ? "" : "per_" + per)
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        let rest = text.drop(while: isBlank)
        return String(rest.prefix(rest.count - rest.reversed().prefix(while: isBlank).count))
    }

    /// Runs of characters outside the metric alphabet as one underscore, none in front.
    private static func cleaned(_ unit: String) -> String {
        var out = ""
        for scalar in unit.unicodeScalars {
            if scalar.isASCII, isMetricByte(UInt8(truncatingIfNeeded: scalar.value)) {
                out.unicodeScalars.append(scalar)
            } else if !out.isEmpty, !out.hasSuffix("_") {
                out += "_"
            }
        }
        return out
    }

    private static let mainWords: [String: String] = [
        "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds",
        "us": "microseconds", "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes",
        "GiBy": "gibibytes", "TiBy": "tibibytes", "KBy": "kilobytes", "MBy": "megabytes",
        "GBy": "gigabytes", "TBy": "terabytes", "m": "meters", "V": "volts", "A": "amperes", "J": "joules",
        "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "1": "", "%": "percent",
    ]

    private static let perWords: [String: String] = [
        "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year",
    ]

    // MARK: - Characters

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10
    }

    private static func isMetricByte(_ byte: UInt8) -> Bool { isLabelByte(byte) || byte == UInt8(ascii: ":") }

    private static func startsWithDigit(_ name: String) -> Bool {
        name.utf8.first.map { $0 &- UInt8(ascii: "0") < 10 } ?? false
    }

    private static func tokens(_ name: String, _ isPart: (UInt8) -> Bool) -> [String] {
        // Bytes of other alphabets are no parts, so a cut never falls within a character that is kept.
        name.utf8.split { !isPart($0) }.map { String(Substring($0)) }
    }
}
