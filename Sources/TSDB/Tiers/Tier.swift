// SPDX-License-Identifier: Apache-2.0
//
// A tier on the writing side. It belongs to the sealer, because seals decide what raw samples go; what readers need is
// in the head, see TierView.

internal import Platform
internal import Samples

/// The state of one tier.
struct Tier: Sendable {
    let number: Int
    let options: TierOptions
    let resolution: Int64
    var ring: Ring
    /// By their place in the ring.
    var segments: [ObjectIdentifier: TierSegment] = [:]
    /// The builder's; readers have a copy.
    var coverage = TierCoverage()
    var build: TierBuild?
    /// The span that waits because its samples could not be read, and how often that was tried.
    var unread: (span: TierSpan, tries: Int)?
    /// No build is begun before this monotonic time.
    var checkAt: UInt64 = 0
    let counters: TierCounters

    init(number: Int, options: TierOptions, ring: Ring, telemetry: Telemetry) {
        self.number = number
        self.options = options
        resolution = options.resolution.milliseconds
        self.ring = ring
        counters = TierCounters(telemetry, tier: options.name)
    }

    /// Milliseconds of a whole span.
    var spanLength: Int64 { resolution * TierOptions.spanRows }
    /// Bytes after which a segment is written.
    var segmentBytes: Int { min(256 << 10, Int(clamping: ring.fileBytes / 4)) }

    /// The span to build for a sample that no row has yet; windows at both ends are whole, and nothing that was built
    /// is in it.
    func span(for time: Int64) -> TierSpan {
        let from = TierGrid.down(time.subtractingClamped(1), resolution)
        let end = TierGrid.up(time, spanLength)
        return TierSpan(from: from, through: min(end, coverage.nextStart(from: from) ?? end))
    }
}

/// A span being built.
struct TierBuild: Sendable {
    let span: TierSpan
    /// The series to look at, those of one target together.
    let sets: [[TierSeries]]
    /// The set and the series in it to look at next.
    var place = (set: 0, series: 0)
    var writer: TierSegmentWriter
    /// Segments written so far.
    var written: [TierSegment] = []
    /// The first sample behind the span that was seen.
    var behind: Int64?
    /// Its samples are overwritten next.
    var isLastChance = false
    /// Some of its samples could not be read.
    var isWithoutSome = false
    var isComplete: Bool { place.set >= sets.count }
}

/// A series whose rows are to be built.
struct TierSeries: Sendable {
    let reference: SeriesReference
    let labels: Labels
}

/// What a tier counts.
struct TierCounters: Sendable {
    let rows: Counter
    let bytes: Counter
    let late: Counter
    let missed: Counter
    let unreadable: Counter

    init(_ telemetry: Telemetry, tier: String) {
        func counter(_ name: String, _ help: String) -> Counter {
            telemetry.counter("edgewatch_storage_tier_\(name)", help, [(name: "tier", value: tier)])
        }
        rows = counter("written_rows_total", "Rows written to the tier, one for each window of a series.")
        bytes = counter("written_bytes_total", "Bytes written to the tier's ring.")
        late = counter(
            "late_samples_total",
            "Samples that came after the rows of their time were built; rows are built again while samples last."
        )
        missed = counter(
            "missed_spans_total",
            "Spans of samples that were overwritten before rows were built."
        )
        unreadable = counter(
            "unreadable_spans_total",
            "Spans that were built without samples that could not be read."
        )
    }
}

/// A tier on the reading side; part of the head, so that one lock gives a consistent view of samples and rows.
struct TierView: Sendable {
    let resolution: Int64
    let retention: Int64?
    /// Ordered by ring sequence: of two rows for one window the later one counts.
    var segments: [TierSegment] = []
    /// Which times have rows.
    var coverage = TierCoverage()
    /// Where there was nothing to make rows of; forgotten when a sample comes there.
    var gaps = TierCoverage()
    /// Rows up to this time may have been given up; nil when none were.
    var givenUp: Int64?
    /// Spans (by their end) that got samples after they were built, and since when they wait.
    var late: [Int64: UInt64] = [:]

    /// Spans that wait to be built again; further ones are only counted.
    static let lateLimit = 64
}

extension Tier {
    /// What is wrong with the tier, given what readers see of it.
    func violations(_ view: TierView) -> [String] {
        var found = ring.violations()
        let places = Set(ring.segments.map { ObjectIdentifier($0) })
        if !segments.keys.allSatisfy(places.contains) { found.append("rows without a place in the ring") }
        if Set(view.segments.map { ObjectIdentifier($0.place) }) != Set(segments.keys) {
            found.append("readers and the builder of \(options.name) do not have the same rows")
        }
        for (left, right) in zip(coverage.spans, coverage.spans.dropFirst()) where left.through >= right.from
        {
            found.append("spans of \(options.name) touch")
        }
        return found
    }
}
