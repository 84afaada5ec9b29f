// SPDX-License-Identifier: Apache-2.0
//
// What series, label names and label values exist, and what sources say of their metrics: /series, /labels,
// /label/<name>/values, /metadata.

internal import PromQL
internal import Samples
internal import Wire

extension API {
    private static let truncationWarning = "results truncated due to limit"
    /// The times of a request that names none; see `Parameters.time`.
    static let earliest = Timestamp(milliseconds: -8_640_000_000_000_000)
    static let latest = Timestamp(milliseconds: 8_640_000_000_000_000)

    /// The parameters the three look-ups share.
    private struct LookUp {
        let limit: Int?
        let start: Timestamp
        let end: Timestamp
        let selectors: [[LabelMatcher]]

        init(_ parameters: Parameters) throws(APIError) {
            limit = try parameters.limit()
            start = try parameters.time("start", default: API.earliest)
            end = try parameters.time("end", default: API.latest)
            var selectors: [[LabelMatcher]] = []
            for text in parameters.all("match[]") { selectors.append(try API.selector(text)) }
            self.selectors = selectors
        }
    }

    /// The label sets of the series that satisfy any of the selectors.
    func series(_ parameters: Parameters) throws(APIError) -> Reply {
        try refuseUndecodable(parameters)
        guard !parameters.all("match[]").isEmpty else {
            throw APIError(.badData, "no match[] parameter provided")
        }
        let lookUp = try LookUp(parameters)
        var selections: [any SeriesSelection] = []
        for selector in lookUp.selectors {
            selections.append(
                try reading { () throws(SourceError) in
                    try services.source.select(selector, from: lookUp.start, through: lookUp.end)
                }
            )
        }
        let found = MergedSeries(selections)
        let shown = min(found.count, lookUp.limit ?? found.count)
        let body = SeriesBody(found, shown: shown, warnings: warnings(found.count, shown))
        return Reply(status: 200, contentType: "application/json", body: .chunks(body))
    }

    /// The names of labels.
    func labelNames(_ parameters: Parameters) throws(APIError) -> Reply {
        try refuseUndecodable(parameters)
        let lookUp = try LookUp(parameters)
        return try strings(lookUp) { (matchers) throws(SourceError) in
            try services.source.labelNames(matchers, from: lookUp.start, through: lookUp.end)
        }
    }

    /// The values of one label.
    func labelValues(_ escapedName: String, _ parameters: Parameters) throws(APIError) -> Reply {
        let name = API.unescaped(escapedName)
        guard !name.isEmpty, !name.contains("\u{fffd}") else {
            throw APIError(.badData, "invalid label name: \(Labels.quoted(name))")
        }
        try refuseUndecodable(parameters)
        let lookUp = try LookUp(parameters)
        return try strings(lookUp) { (matchers) throws(SourceError) in
            try services.source.labelValues(name, matchers, from: lookUp.start, through: lookUp.end)
        }
    }

    /// Type, help and unit by metric.
    func metadata(_ parameters: Parameters) throws(APIError) -> Reply {
        let limit = try number("limit", parameters)
        _ = try number("limit_per_metric", parameters)
        let wanted = parameters["metric"]
        var families = services.source.metadata()
        if !wanted.isEmpty { families = families.filter { $0.key == wanted } }
        let names = families.keys.sorted()
        let shown = names.prefix(limit.map { $0 < 0 ? names.count : $0 } ?? names.count)
        return Envelope.success { writer in
            writer.beginObject()
            for name in shown {
                guard let family = families[name] else { continue }
                writer.key(name)
                writer.beginArray()
                writer.beginObject()
                writer.member("type", family.kind.rawValue)
                writer.member("help", family.help)
                writer.member("unit", family.unit)
                writer.endObject()
                writer.endArray()
            }
            writer.endObject()
        }
    }

    // MARK: - Pieces

    static func selector(_ text: String) throws(APIError) -> [LabelMatcher] {
        let matchers: [LabelMatcher]
        do {
            matchers = try Parser.parseSelector(text)
        } catch {
            throw .invalid("match[]", error.message)
        }
        guard matchers.contains(where: { !$0.matchesEmpty }) else {
            throw .invalid("match[]", "match[] must contain at least one non-empty matcher")
        }
        return matchers
    }

    func refuseUndecodable(_ parameters: Parameters) throws(APIError) {
        if let problem = parameters.problem {
            throw APIError(.badData, "error parsing form values: \(problem)")
        }
    }

    func number(_ name: String, _ parameters: Parameters) throws(APIError) -> Int? {
        let text = parameters[name]
        guard !text.isEmpty else { return nil }
        guard let number = Int(text) else { throw APIError(.badData, "\(name) must be a number") }
        return number
    }

    func reading<T>(_ body: () throws(SourceError) -> T) throws(APIError) -> T {
        do {
            return try body()
        } catch {
            throw APIError(error)
        }
    }

    /// The union over the selectors, or the answer without one.
    private func strings(
        _ lookUp: LookUp,
        _ find: ([LabelMatcher]) throws(SourceError) -> [String]
    ) throws(APIError) -> Reply {
        var found: [String]
        if lookUp.selectors.count <= 1 {
            let matchers = lookUp.selectors.first ?? []
            found = try reading { () throws(SourceError) in try find(matchers) }
        } else {
            var union: Set<String> = []
            for selector in lookUp.selectors {
                union.formUnion(try reading { () throws(SourceError) in try find(selector) })
            }
            found = union.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        let shown = found.prefix(lookUp.limit ?? found.count)
        return Envelope.success(warnings: warnings(found.count, shown.count)) { $0.strings(shown) }
    }

    private func warnings(_ found: Int, _ shown: Int) -> [String] {
        shown < found ? [API.truncationWarning] : []
    }

    /// The name behind `U__…`: `_2e_` is a code point in hex, `__` an underscore.
    ///
    /// Anything else is returned as it is. Source: Prometheus `model.UnescapeName`, ValueEncodingEscaping.
    static func unescaped(_ name: String) -> String {
        guard name.hasPrefix("U__") else { return name }
        var out = ""
        var rest = name.unicodeScalars.dropFirst(3)
        while let scalar = rest.popFirst() {
            guard scalar == "_" else {
                out.unicodeScalars.append(scalar)
                continue
            }
            let digits = rest.prefix { $0 != "_" }
            rest = rest.dropFirst(digits.count)
            guard rest.popFirst() != nil, digits.count <= 6 else { return name }
            if digits.isEmpty {
                out += "_"
            } else if let point = UInt32(String(digits), radix: 16), let decoded = Unicode.Scalar(point) {
                out.unicodeScalars.append(decoded)
            } else {
                return name
            }
        }
        return out
    }
}
