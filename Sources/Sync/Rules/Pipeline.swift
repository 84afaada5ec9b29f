// SPDX-License-Identifier: Apache-2.0
//
// The filters of a rule for one series, one after the other, over the windows of a stream. What comes out is a function
// of the samples of those windows and of as many before them as the filters look back; nothing is carried from call to
// call. So any division of the windows into calls gives the same samples, in a process that never stopped and in one that
// was killed between any two of them.
//
// The stream's window is the least common multiple of the filters' windows: all are aligned to 1970, so the shorter ones
// lie whole inside it.

internal import Config
internal import Samples

/// What becomes of one series under a rule's filters.
struct Pipeline: Sendable, Hashable {
    /// One filter with all that is known about the series.
    enum Stage: Sendable, Hashable {
        case aggregate(SyncOperation, window: Int64)
        case counter(window: Int64)
        case minMax(window: Int64)
        case largestTriangle(bucket: Int64, block: Int64)
        case deduplicate(window: Int64)

        /// Milliseconds.
        var window: Int64 {
            switch self {
            case .aggregate(_, let window), .counter(let window), .minMax(let window),
                .largestTriangle(_, let window), .deduplicate(let window):
                window
            }
        }

        /// Whether the window before decides about the first one.
        fileprivate var looksBack: Bool {
            if case .deduplicate = self { false } else { true }
        }
    }

    /// The stages that lead to one series of the destination.
    struct Branch: Sendable, Hashable {
        /// What is added to the metric's name: `:5m_avg`; empty keeps it.
        var suffix = ""
        var stages: [Stage] = []
    }

    /// Why a list of filters cannot be had.
    enum Problem: Error, Sendable, Equatable {
        /// The windows have no common multiple of at most an hour.
        case windows([Duration])
        /// A block is no multiple of the spacing.
        case block(Duration, spacing: Duration)
        /// Two outputs would have one name.
        case clash(String)
        /// More outputs than `branchLimit`.
        case tooMany
    }

    /// Several aggregations with several operations multiply; nobody ships more of one series.
    static let branchLimit = 16

    /// At least one.
    let branches: [Branch]
    /// The stream's windows.
    let windows: WindowGrid

    /// Milliseconds before a stream's window that its outputs depend on.
    let reach: Int64

    /// Puts the filters together that apply to a series; nil when none does, so that it is shipped as it is.
    ///
    /// - Parameters:
    ///   - filters: the rule's, in order.
    ///   - name: the metric's.
    ///   - kind: what the series is.
    ///   - sampleInterval: how often it is sampled; factors count in it.
    /// - Throws: `Problem` when the filters cannot be had together.
    init?(
        _ filters: [SyncFilterConfig],
        name: String,
        kind: SeriesKind,
        sampleInterval: Duration
    ) throws(Problem) {
        var branches: [(branch: Branch, kind: SeriesKind)] = [(Branch(), kind)]
        for filter in filters where filter.applies(to: name) {
            var next: [(branch: Branch, kind: SeriesKind)] = []
            for (branch, kind) in branches {
                for step in try Pipeline.steps(filter.work, kind, sampleInterval) {
                    var longer = branch
                    longer.suffix += step.suffix
                    longer.stages.append(step.stage)
                    next.append((longer, step.kind))
                }
            }
            guard next.count <= Pipeline.branchLimit else { throw .tooMany }
            branches = next
        }
        self.branches = branches.map(\.branch)
        let lengths = self.branches.flatMap { $0.stages.map(\.window) }
        if lengths.isEmpty { return nil }
        var suffixes: Set<String> = []
        for branch in self.branches where !suffixes.insert(branch.suffix).inserted {
            throw .clash(branch.suffix)
        }
        guard let windows = WindowGrid.common(lengths) else {
            throw .windows(lengths.map { Duration.milliseconds($0) })
        }
        self.windows = windows
        reach = self.branches.map { -(Pipeline.starts(of: $0.stages, from: 0).first ?? 0) }.max() ?? 0
    }

    /// What comes of a series' samples in some of the stream's windows.
    ///
    /// - Parameters:
    ///   - flow: the samples with start − reach < time ≤ end; others are not looked at.
    ///   - start: the end of the window before the first one.
    ///   - end: the end of the last one.
    /// - Returns: for each branch what is to be shipped, which may be nothing.
    func outputs(of flow: SampleFlow, after start: Int64, through end: Int64) -> [SampleFlow] {
        branches.map { branch in
            let starts = Pipeline.starts(of: branch.stages, from: start)
            var current = flow.within(after: starts.first ?? start, through: end)
            for (index, stage) in branch.stages.enumerated() {
                // A stage gives what the next one looks back to.
                current = stage.apply(current, after: index + 1 < starts.count ? starts[index + 1] : start)
            }
            return current
        }
    }

    /// For each stage where the samples begin that it needs.
    private static func starts(of stages: [Stage], from start: Int64) -> [Int64] {
        var result: [Int64] = []
        var start = start
        for stage in stages.reversed() {
            let windows = WindowGrid(length: stage.window)
            start = windows.floor(start)
            if stage.looksBack { start = windows.floor(start.subtractingReportingOverflow(1).partialValue) }
            result.append(start)
        }
        return result.reversed()
    }
}

extension Pipeline.Stage {
    /// What comes of the windows that end after `start`.
    fileprivate func apply(_ flow: SampleFlow, after start: Int64) -> SampleFlow {
        switch self {
        case .aggregate(let operation, let window):
            WindowAggregate(operation: operation, windows: WindowGrid(length: window)).apply(
                flow,
                after: start
            )
        case .counter(let window):
            CounterWindow(windows: WindowGrid(length: window)).apply(flow, after: start)
        case .minMax(let window):
            MinMax(windows: WindowGrid(length: window)).apply(flow, after: start)
        case .largestTriangle(let bucket, let block):
            LargestTriangle(buckets: WindowGrid(length: bucket), blocks: WindowGrid(length: block))
                .apply(flow, after: start)
        case .deduplicate(let window):
            Deduplicate(windows: WindowGrid(length: window)).apply(flow, after: start)
        }
    }
}
