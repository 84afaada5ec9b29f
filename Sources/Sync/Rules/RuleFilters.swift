// SPDX-License-Identifier: Apache-2.0
//
// A rule's filters for any series. What applies to a series depends on its metric's name and on what it counts, so there
// are few pipelines, and which windows a rule has is known before the first series is seen: each length is a stream of
// its own, and rows are one for series that no filter applies to.

internal import Config
internal import Samples
internal import Synchronization

/// The filters of one rule.
final class RuleFilters: Sendable {
    /// Names whose pipelines are kept, a hundred bytes each; those beyond are put together anew.
    private static let nameLimit = 10_000

    private struct Key: Hashable {
        var name: String
        var kind: SeriesKind
    }

    private let filters: [SyncFilterConfig]
    private let sampleInterval: Duration
    private let kind: SeriesKind?
    private let declared: @Sendable (String) -> MetricMetadata.Kind?
    private let pipelines = Mutex<[Key: Pipeline?]>([:])

    /// The windows of the rule's streams, with how far before a window its filters look.
    let reaches: [WindowGrid: Int64]
    /// Whether there may be series that no filter applies to.
    let hasRows: Bool

    /// Puts the filters together for every name and kind that makes a difference.
    ///
    /// - Parameters:
    ///   - filters: in their order.
    ///   - sampleInterval: how often series are sampled; factors count in it.
    ///   - kind: what the rule says its series are; nil asks name and source.
    ///   - declared: what a source said of the family with a name.
    /// - Throws: `Pipeline.Problem` when they cannot be had for some series.
    init(
        _ filters: [SyncFilterConfig],
        sampleInterval: Duration,
        kind: SeriesKind?,
        declared: @escaping @Sendable (String) -> MetricMetadata.Kind?
    ) throws(Pipeline.Problem) {
        var reaches: [WindowGrid: Int64] = [:]
        var hasRows = false
        let metrics = filters.compactMap(\.metric)
        for name in [""] + metrics.flatMap({ metric in SyncFilterConfig.endings.map { metric + $0 } }) {
            for kind in [SeriesKind.counter, .gauge] {
                let made = try Pipeline(filters, name: name, kind: kind, sampleInterval: sampleInterval)
                guard let pipeline = made else {
                    hasRows = true
                    continue
                }
                reaches[pipeline.windows] = max(reaches[pipeline.windows] ?? 0, pipeline.reach)
            }
        }
        (self.filters, self.sampleInterval, self.kind) = (filters, sampleInterval, kind)
        (self.declared, self.reaches, self.hasRows) = (declared, reaches, hasRows)
    }

    /// What becomes of a series; nil when it is shipped as it is.
    func pipeline(for labels: Labels) -> Pipeline? {
        let key = Key(name: labels.metricName ?? "", kind: kind ?? SeriesKind.of(labels, declared: declared))
        if let known = pipelines.withLock({ $0[key] }) { return known }
        // Every combination that throws was found by the initialiser.
        let made = try? Pipeline(filters, name: key.name, kind: key.kind, sampleInterval: sampleInterval)
        pipelines.withLock { if $0.count < RuleFilters.nameLimit { $0[key] = .some(made) } }
        return made
    }
}
