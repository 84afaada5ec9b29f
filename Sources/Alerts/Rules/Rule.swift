// SPDX-License-Identifier: Apache-2.0
//
// A checked rule file: everything is parsed once here, expressions and templates included, so that an evaluation can
// only fail on data.

public import PromQL
internal import Samples

/// A rule group of one file.
public struct RuleGroup: Sendable, Equatable {
    /// Unique within the file.
    public let name: String
    /// The file it came from.
    public let file: String
    /// How often it is evaluated; nil for the configuration's evaluation interval.
    public let interval: Duration?
    /// How far in the past its rules look, so that late samples are in.
    public let queryOffset: Duration
    /// The most series or alerts one rule may produce; 0 means no limit.
    public let limit: Int
    /// The rules in file order.
    public let rules: [Rule]
}

/// One recording or alerting rule.
public struct Rule: Sendable {
    /// Recording or alerting.
    public let kind: RuleKind
    /// The metric to write or the alert to raise.
    public let name: String
    /// What is evaluated.
    public let expression: Expression
    /// How long a condition must hold before its alert fires (`for`).
    public let hold: Duration
    /// How long an alert keeps firing after its condition is gone (`keep_firing_for`).
    public let keepFiring: Duration
    /// Labels to set, the group's included; an empty value removes a label.
    let labels: [RuleText]
    let annotations: [RuleText]
    let judgement: Judgement
    /// The expression printed, which is also what two rules are compared by.
    let query: String
    /// Where it stands in its file.
    let line: Int
}

extension Rule: Equatable {
    /// Whether two rules would do the same; their places in the file do not matter.
    public static func == (left: Rule, right: Rule) -> Bool {
        left.kind == right.kind && left.name == right.name && left.query == right.query
            && left.hold == right.hold && left.keepFiring == right.keepFiring
            && left.labels == right.labels && left.annotations == right.annotations
            && left.judgement == right.judgement
    }

    /// Whether state learned by one rule is still that of the other.
    ///
    /// As in Prometheus a rule is known by its name and labels.
    func continues(_ older: Rule) -> Bool {
        kind == older.kind && name == older.name && labels == older.labels
            && judgement.kind == older.judgement.kind
    }

    /// Whether the rule's templates may run queries.
    var hasQueryingTemplates: Bool { (labels + annotations).contains { $0.template.queries } }
}

/// A label or annotation: its name and its template.
struct RuleText: Sendable, Equatable {
    let name: String
    let template: Template

    static func == (left: RuleText, right: RuleText) -> Bool {
        left.name == right.name && left.template.source == right.template.source
    }
}
