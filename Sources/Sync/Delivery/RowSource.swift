// SPDX-License-Identifier: Apache-2.0
//
// Batches of rows as they were stored: whole rows in commit order, from the log's oldest that is owed.

internal import Config
internal import Platform
internal import Samples

/// Rows of the log for one destination.
struct RowSource: BatchSource {
    let log: any SampleLog
    let peer: any Peer
    let clock: any EdgeClock
    let plan: Destination.Plan
    /// Which series are shipped; nil ships all.
    var rules: RuleSet?

    func next(in range: OrdinalRange, limits: BatchLimits) throws(SourceError) -> Recipe? {
        let first = range.ordinals.lowerBound
        guard first < log.readableEnd.sequence else { return nil }
        // Only where it ends: its series are of no interest yet.
        let span = try log.span(
            from: LogPosition(sequence: first),
            SpanLimits(rows: limits.rows, samples: limits.samples, extent: limits.extent)
        ) { _ in false }
        let end = min(span.positions.upperBound, range.ordinals.upperBound)
        guard first < end else { return nil }
        var recipe = Recipe(number: 0, ordinals: first..<end, before: end)
        let age = plan.config.queue.sampleAgeLimit
        if age > .zero { recipe.oldest = clock.wallMilliseconds() - age.milliseconds }
        return recipe
    }

    func batch(_ recipe: Recipe) throws(SourceError) -> Batch {
        let span = try log.span(recipe.ordinals, times: nil) { labels in
            recipe.labels.contains(labels) && (rules?.selects(labels) ?? true)
        }
        var series: [LogChunk.Series] = []
        var damage: SourceError?
        do throws(SourceError) {
            try span.read(0..<span.count, into: &series)
        } catch {
            damage = error
        }
        let stretch = Stretch(
            series,
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
            lostRows: span.lostRows,
            damage: damage
        )
    }
}
