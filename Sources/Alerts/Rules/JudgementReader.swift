// SPDX-License-Identifier: Apache-2.0

internal import Config
internal import Samples

/// Reads what `type: seasonal` and `type: predictive` add to an alerting rule.
struct JudgementReader {
    /// The keys of each type.
    private static let keysByType = [
        "seasonal": ["seasonality", "deviation_threshold", "tz"],
        "predictive": ["threshold", "direction", "prediction_horizon", "lookback_window", "probability"],
    ]

    /// For every key of a type, the types that have it.
    static let owners: [String: [String]] = {
        var owners: [String: [String]] = [:]
        for (type, keys) in keysByType {
            for key in keys { owners[key, default: []].append(type) }
        }
        return owners
    }()

    /// The additional keys of a type; none for an ordinary rule.
    static func keys(of type: String) -> [String] { keysByType[type] ?? [] }

    var rule: RuleReader

    /// How the rule judges.
    mutating func judgement(_ type: String, _ node: YAMLNode) -> Judgement {
        switch type {
        case "": return .expression
        case "seasonal": return .seasonal(seasonal(node))
        case "predictive": return predictive(node).map(Judgement.predictive) ?? .expression
        default:
            let known = ["seasonal", "predictive"]
            let remedy =
                NearestName.of(type, among: known).map { "did you mean \"\($0)\"?" }
                ?? "known are \(known.joined(separator: " and ")); leave it out for an ordinary rule"
            rule.misplaced(node["type"] ?? node, "unknown rule type \"\(type)\"", remedy: remedy)
            return .expression
        }
    }

    // MARK: - Seasonal

    private mutating func seasonal(_ node: YAMLNode) -> SeasonalOptions {
        var options = SeasonalOptions()
        if let place = node["seasonality"], let text = rule.file.text(place) {
            switch text {
            case "daily": break
            case "weekly": options.hasWeekend = true
            default:
                rule.misplaced(place, "unknown seasonality \"\(text)\"", remedy: "known are daily and weekly")
            }
        }
        if let place = node["deviation_threshold"], let text = rule.file.text(place) {
            let digits = text.hasSuffix("sigma") ? String(text.dropLast(5)) : text
            if let value = PromNumber.parse(trimmed(digits)), value >= 1, value <= 100 {
                options.threshold = value
            } else {
                rule.misplaced(
                    place,
                    "deviation_threshold must be between 1sigma and 100sigma, found \"\(text)\"",
                    remedy: "write for example 3sigma"
                )
            }
        }
        if let place = node["tz"], let text = rule.file.text(place) {
            switch text {
            case "local": break
            case "UTC": options.followsUTC = true
            default: rule.misplaced(place, "unknown tz \"\(text)\"", remedy: "known are local and UTC")
            }
        }
        return options
    }

    // MARK: - Predictive

    private mutating func predictive(_ node: YAMLNode) -> PredictiveOptions? {
        guard var question = question(node) else { return nil }
        if let hours = hours(node["prediction_horizon"], "prediction_horizon", 1...168) {
            question.horizon = hours
        }
        var options = PredictiveOptions(question: question)
        if let hours = hours(node["lookback_window"], "lookback_window", 24...336) {
            options.lookback = hours
        }
        if let place = node["probability"] {
            if let value = place.number ?? place.string.flatMap(PromNumber.parse), value > 0, value <= 1 {
                options.probability = value
            } else {
                rule.misplaced(place, "probability must be above 0 and at most 1, found \(place.words)")
            }
        }
        return options
    }

    /// `threshold: "> 0.9"`, or `threshold: 90` with `direction: above`.
    private mutating func question(_ node: YAMLNode) -> Forecast.Question? {
        guard let place = node["threshold"], let text = rule.file.text(place) else {
            rule.misplaced(
                node["threshold"] ?? node,
                "field 'threshold' must be set in a predictive rule",
                remedy: "write for example threshold: \"> 0.9\""
            )
            return nil
        }
        var rest = Substring(trimmed(text))
        var isBelow: Bool?
        if let sign = rest.first, sign == ">" || sign == "<" {
            isBelow = sign == "<"
            rest.removeFirst()
            if rest.first == "=" { rest.removeFirst() }
        }
        guard let threshold = PromNumber.parse(trimmed(String(rest))), threshold.isFinite else {
            rule.misplaced(
                place,
                "threshold must be a number with or without > or <, found \"\(text)\"",
                remedy: "write for example \"> 0.9\""
            )
            return nil
        }
        if let direction = node["direction"], let word = rule.file.text(direction) {
            guard word == "above" || word == "below" else {
                rule.misplaced(
                    direction,
                    "unknown direction \"\(word)\"",
                    remedy: "known are above and below"
                )
                return nil
            }
            if let isBelow, isBelow != (word == "below") {
                rule.misplaced(direction, "direction \"\(word)\" contradicts threshold \"\(text)\"")
            }
            isBelow = word == "below"
        }
        return Forecast.Question(threshold: threshold, isBelow: isBelow ?? false, horizon: 24)
    }

    private mutating func hours(_ node: YAMLNode?, _ key: String, _ range: ClosedRange<Int>) -> Int? {
        guard let node, let duration = rule.file.duration(node) else { return nil }
        let hours = Int(clamping: (duration.milliseconds + 1_800_000) / 3_600_000)
        guard range.contains(hours) else {
            let least = PromDuration.format(.seconds(range.lowerBound * 3600))
            let most = PromDuration.format(.seconds(range.upperBound * 3600))
            rule.misplaced(node, "\(key) must be between \(least) and \(most), found \(node.words)")
            return nil
        }
        return hours
    }

    private func trimmed(_ text: String) -> String {
        var text = Substring(text)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
