// SPDX-License-Identifier: Apache-2.0
//
// Batches of windows: what a rule's filters make of the samples of some aligned windows. Nothing is remembered from batch
// to batch; a window's values come from the samples with times in it (and as far before it as the filters look back) in
// rows before the position that the recipe names. Samples that arrive later have later positions, so they cannot change
// what a recipe gives: made again after a kill, from segments instead of memory or in other company, it is the same.
//
// Window k is the time after k lengths up to and including k + 1 lengths since 1970.

internal import Config
internal import Platform
internal import Samples

/// Windows of one length for one destination.
struct WindowSource: BatchSource {
    /// A batch covers no more time, unless one window does; bounds what is kept of rows while it is made.
    private static let extent: Int64 = 3_600_000
    /// Samples that are decoded at once, about.
    private static let slice = 65_536

    let log: any SampleLog
    let peer: any Peer
    let clock: any EdgeClock
    let plan: Destination.Plan
    /// The stream's windows.
    let windows: WindowGrid
    /// Milliseconds before a window that the filters look at.
    let reach: Int64
    /// How long a window waits for its samples after its end.
    let wait: Duration
    /// What all series of the rule satisfy, so that the others need not be looked at.
    var matchers: [LabelMatcher] = []
    /// What becomes of a series; nil when it is another stream's.
    let pipeline: @Sendable (Labels) -> Pipeline?

    func next(in range: OrdinalRange, limits: BatchLimits) throws(SourceError) -> Recipe? {
        let first = range.ordinals.lowerBound
        let end = min(due, range.ordinals.upperBound)
        guard first < end else { return nil }
        let most = min(end - first, max(1, UInt64(Self.extent / windows.length)))
        let before = log.readableEnd
        guard let edges = edges(first..<(first + most)) else { return nil }
        let outputs = try series(in: edges, before, .all) { span in
            (0..<span.count).reduce(0) { $0 + (pipeline(span.labels($1))?.branches.count ?? 0) }
        }
        // Most branches give one sample a window, some two.
        let count = min(most, max(1, UInt64(limits.samples / max(1, outputs))))
        return Recipe(
            number: 0,
            mode: .windows(.milliseconds(windows.length)),
            ordinals: first..<(first + count),
            before: before.sequence
        )
    }

    func batch(_ recipe: Recipe) throws(SourceError) -> Batch {
        var made: [LogChunk.Series] = []
        var damage: SourceError?
        if let edges = edges(recipe.ordinals) {
            let before = LogPosition(sequence: recipe.before)
            damage = try series(in: edges, before, recipe.labels) { span in
                read(span, edges, into: &made)
            }
        }
        // Names that filters add change the order.
        made.sort { $0.labels < $1.labels }
        let stretch = Stretch(
            made,
            oldest: recipe.oldest,
            externalLabels: plan.externalLabels,
            relabelConfigs: plan.config.writeRelabelConfigs,
            sendsHistograms: plan.config.sendsNativeHistograms
        )
        var body: [UInt8] = []
        peer.encode(stretch.series, recipe.message, recipe.encoding, into: &body)
        return Batch(
            recipe: recipe,
            series: stretch.series,
            body: body,
            samples: stretch.samples,
            omitted: [
                .disabled: stretch.disabled, .unsupported: stretch.unsupported, .tooOld: stretch.tooOld,
                .relabelled: stretch.relabelled,
            ],
            damage: damage
        )
    }

    /// How many windows since 1970 have ended and waited.
    var due: UInt64 {
        let (time, overflows) = clock.wallMilliseconds().subtractingReportingOverflow(wait.milliseconds)
        return overflows || time < 0 ? 0 : UInt64(time / windows.length)
    }

    /// The end of the window before the first one, and that of the last one; nil beyond the end of time.
    private func edges(_ ordinals: Range<UInt64>) -> (start: Int64, end: Int64)? {
        guard let lower = Int64(exactly: ordinals.lowerBound), let upper = Int64(exactly: ordinals.upperBound)
        else { return nil }
        let (start, _) = lower.multipliedReportingOverflow(by: windows.length)
        let (end, overflows) = upper.multipliedReportingOverflow(by: windows.length)
        return overflows ? nil : (start, end)
    }

    private func series<Result>(
        in edges: (start: Int64, end: Int64),
        _ before: LogPosition,
        _ bounds: LabelBounds,
        _ body: (any LogSpan) -> Result
    ) throws(SourceError) -> Result {
        // Windows begin at or after 1970, so the difference is representable.
        let times = (edges.start - reach + 1)...edges.end
        return body(
            try log.span(times: times, before: before, matchers) { labels in
                bounds.contains(labels) && pipeline(labels) != nil
            }
        )
    }

    /// Appends what the filters make; gives the first damage met.
    private func read(
        _ span: any LogSpan,
        _ edges: (start: Int64, end: Int64),
        into made: inout [LogChunk.Series]
    ) -> SourceError? {
        var damage: SourceError?
        var first = 0
        while first < span.count {
            var (end, samples) = (first + 1, span.samples(first))
            while end < span.count, samples + span.samples(end) <= Self.slice {
                samples += span.samples(end)
                end += 1
            }
            var found: [LogChunk.Series] = []
            do throws(SourceError) {
                try span.read(first..<end, into: &found)
            } catch {
                damage = damage ?? error
            }
            for series in found { append(series, edges, to: &made) }
            first = end
        }
        return damage
    }

    private func append(
        _ series: LogChunk.Series,
        _ edges: (start: Int64, end: Int64),
        to made: inout [LogChunk.Series]
    ) {
        guard let pipeline = pipeline(series.labels) else { return }
        let outputs = pipeline.outputs(of: SampleFlow(series), after: edges.start, through: edges.end)
        for (branch, flow) in zip(pipeline.branches, outputs) where !flow.isEmpty {
            made.append(
                LogChunk.Series(
                    labels: series.labels.addingSuffix(branch.suffix),
                    samples: flow.samples,
                    histograms: flow.histograms,
                    starts: flow.starts
                )
            )
        }
    }
}
