// SPDX-License-Identifier: Apache-2.0
//
// The streams of a destination: for each rule one of rows, when some series pass its filters as they are, and one for each
// length of windows. Together they ship each series that a rule has exactly once: what a series' filters come to names
// its stream.

internal import Config
internal import Samples

/// One stream of a destination.
struct RuleStream: Sendable {
    /// The rule's place among the destination's.
    let rule: Int
    /// What the stream counts in.
    let kind: OrdinalKind
    /// How far before a window its filters look, in milliseconds.
    let reach: Int64
    /// What every series of the rule satisfies, where that is known.
    let matchers: [LabelMatcher]
    private let rules: RuleSet?
    private let filters: RuleFilters

    /// Whether a series is shipped as it is by this stream.
    func shipsRows(of labels: Labels) -> Bool {
        kind == .rows && isOwn(labels) && filters.pipeline(for: labels) == nil
    }

    /// What becomes of a series; nil when it is another stream's.
    func pipeline(for labels: Labels) -> Pipeline? {
        guard case .windows(let length) = kind, isOwn(labels),
            let pipeline = filters.pipeline(for: labels), .milliseconds(pipeline.windows.length) == length
        else { return nil }
        return pipeline
    }

    private func isOwn(_ labels: Labels) -> Bool { rules?.has(rule, labels) ?? true }

    /// The streams of some rules, in the order of the rules; of one rule rows first, then the shortest windows.
    ///
    /// - Parameters:
    ///   - rules: a destination's.
    ///   - set: the same, as they share out series; nil where one rule has all.
    ///   - declared: what a source said of the family with a name.
    /// - Returns: at least one stream for each rule.
    /// - Throws: when the filters of a rule cannot be had together, which reading the configuration has found before.
    static func of(
        _ rules: [SyncRule],
        _ set: RuleSet?,
        declared: @escaping @Sendable (String) -> MetricMetadata.Kind?
    ) throws(Pipeline.Problem) -> [RuleStream] {
        var streams: [RuleStream] = []
        for (index, rule) in rules.enumerated() {
            let filters = try RuleFilters(
                rule.filters,
                sampleInterval: rule.sampleInterval,
                kind: rule.kind,
                declared: declared
            )
            let matchers = rule.selector.count == 1 ? rule.selector[0] : []
            func stream(_ kind: OrdinalKind, _ reach: Int64) -> RuleStream {
                RuleStream(
                    rule: index,
                    kind: kind,
                    reach: reach,
                    matchers: matchers,
                    rules: set,
                    filters: filters
                )
            }
            if filters.hasRows { streams.append(stream(.rows, 0)) }
            for (windows, reach) in filters.reaches.sorted(by: { $0.key.length < $1.key.length }) {
                streams.append(stream(.windows(.milliseconds(windows.length)), reach))
            }
        }
        return streams
    }
}
