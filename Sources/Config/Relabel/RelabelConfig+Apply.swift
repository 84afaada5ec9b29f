// SPDX-License-Identifier: Apache-2.0
//
// Relabeling as Prometheus does it (model/relabel/relabel.go), for targets, scraped series, alerts and remote write:
// the rules in order, each seeing what the one before left, until one drops the set.

public import Samples

extension Sequence where Element == RelabelConfig {
    /// Applies the rules in order.
    ///
    /// - Parameter labels: changed in place; undefined when the set is dropped.
    /// - Returns: whether the set is kept.
    public func apply(to labels: inout LabelsBuilder) -> Bool {
        for rule in self {
            guard rule.apply(to: &labels) else { return false }
        }
        return true
    }

    /// Applies the rules to a set; nil when it is dropped.
    public func apply(to labels: Labels) -> Labels? {
        var builder = LabelsBuilder(labels)
        return apply(to: &builder) ? builder.labels() : nil
    }
}

extension RelabelConfig {
    /// Applies this rule; false when it drops the set.
    public func apply(to labels: inout LabelsBuilder) -> Bool {
        let joined = sourceLabels.map { labels[$0] ?? "" }.joined(separator: separator)
        switch action {
        case .replace: replace(joined, in: &labels)
        case .keep: return regex.matches(joined)
        case .drop: return !regex.matches(joined)
        case .keepequal: return (labels[targetLabel] ?? "") == joined
        case .dropequal: return (labels[targetLabel] ?? "") != joined
        case .hashmod:
            // Validation refuses a modulus of 0; a rule made in code without one changes nothing.
            guard modulus > 0 else { return true }
            labels.set(targetLabel, String(MD5.lastWord(of: Array(joined.utf8)) % modulus))
        case .labelmap:
            for (name, value) in labels.sortedPairs where regex.matches(name) {
                if let mapped = regex.expand(replacement, matching: name) { labels.set(mapped, value) }
            }
        case .labeldrop:
            for (name, _) in labels.sortedPairs where regex.matches(name) { labels.remove(name) }
        case .labelkeep:
            for (name, _) in labels.sortedPairs where !regex.matches(name) { labels.remove(name) }
        case .lowercase: labels.set(targetLabel, joined.cased(\.lowercaseMapping))
        case .uppercase: labels.set(targetLabel, joined.cased(\.uppercaseMapping))
        }
        return true
    }

    private func replace(_ joined: String, in labels: inout LabelsBuilder) {
        guard let value = regex.expand(replacement, matching: joined),
            let target = targetLabel.contains("$")
                ? regex.expand(targetLabel, matching: joined) : targetLabel,
            !target.isEmpty, nameScheme == .utf8 || Labels.isLegacyLabelName(target)
        else { return }
        labels.set(target, value)
    }
}

extension String {
    /// Each character's own other case, as Go maps them: one scalar for one, so that `ß` stays what it is.
    fileprivate func cased(_ mapping: KeyPath<Unicode.Scalar.Properties, String>) -> String {
        var out = ""
        for scalar in unicodeScalars {
            let full = scalar.properties[keyPath: mapping].unicodeScalars
            if full.count == 1 {
                out.unicodeScalars.append(contentsOf: full)
            } else if scalar == "\u{130}" {
                out.unicodeScalars.append("i")
            } else {
                let title = scalar.properties.titlecaseMapping.unicodeScalars
                // Greek letters with a small iota are upper case by what titles have.
                out.unicodeScalars.append(
                    contentsOf: title.count == 1 ? title : String(scalar).unicodeScalars
                )
            }
        }
        return out
    }
}
