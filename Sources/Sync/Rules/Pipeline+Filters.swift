// SPDX-License-Identifier: Apache-2.0
//
// What a configured filter is for a series: counters are thinned out as counters whatever the operation, because their
// average or smallest value means nothing; what changes the meaning gets another name.

internal import Config
internal import Samples

extension Pipeline {
    /// A stage, what it adds to the name, and what the series is afterwards.
    struct Step {
        var stage: Stage
        var suffix = ""
        var kind: SeriesKind
    }

    /// The stages of a filter, one for each output.
    static func steps(
        _ work: SyncFilterConfig.Work,
        _ kind: SeriesKind,
        _ sampleInterval: Duration
    ) throws(Problem) -> [Step] {
        switch work {
        case .deduplication(let window):
            return [Step(stage: .deduplicate(window: window.milliseconds), kind: kind)]
        case .aggregation(let operations, let window, let suffix):
            return steps(operations, window, suffix, kind)
        case .downsampling(let spacing, let method):
            let length: Duration =
                switch spacing {
                case .interval(let interval): interval
                case .factor(let factor): sampleInterval * factor
                }
            return [Step(stage: try stage(method, length, kind), kind: kind)]
        }
    }

    private static func stage(
        _ method: SyncFilterConfig.Method,
        _ spacing: Duration,
        _ kind: SeriesKind
    ) throws(Problem) -> Stage {
        let length = spacing.milliseconds
        if kind == .counter { return .counter(window: length) }
        switch method {
        case .average: return .aggregate(.average, window: length)
        case .minMax: return .minMax(window: length)
        case .largestTriangle(let block):
            let block = block ?? spacing * 10
            guard length > 0, block.milliseconds % length == 0 else { throw .block(block, spacing: spacing) }
            return .largestTriangle(bucket: length, block: block.milliseconds)
        }
    }

    private static func steps(
        _ operations: [SyncOperation],
        _ window: Duration,
        _ suffix: Bool?,
        _ kind: SeriesKind
    ) -> [Step] {
        let length = window.milliseconds
        var steps: [Step] = []
        for operation in operations {
            let staysCounter = kind == .counter && operation != .rate && operation != .count
            let isNamed = suffix ?? (staysCounter ? false : operations.count > 1 || !operation.keepsMeaning)
            let ending = isNamed ? ":\(PromDuration.format(window))_\(operation)" : ""
            if staysCounter {
                // A counter is the same counter for each of them; one of the name is enough.
                let step = Step(stage: .counter(window: length), suffix: ending, kind: .counter)
                if !steps.contains(where: { $0.suffix == step.suffix && $0.kind == .counter }) {
                    steps.append(step)
                }
            } else {
                steps.append(
                    Step(stage: .aggregate(operation, window: length), suffix: ending, kind: .gauge)
                )
            }
        }
        return steps
    }
}

extension SyncOperation {
    /// Whether the value still is what the metric's name says.
    fileprivate var keepsMeaning: Bool {
        switch self {
        case .average, .min, .max, .last: true
        case .sum, .count, .rate, .quantile: false
        }
    }
}

extension Labels {
    /// The labels of what a branch ships.
    func addingSuffix(_ suffix: String) -> Labels {
        suffix.isEmpty ? self : setting(Labels.metricNameLabel, (metricName ?? "") + suffix)
    }
}
