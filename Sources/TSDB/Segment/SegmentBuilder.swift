// SPDX-License-Identifier: Apache-2.0
//
// Columns → the bytes of one segment, a window after the other, a column after the other. Who has the columns is
// another's business: the head seals through SegmentWriter, tools and tests build from arrays.

internal import Bytes
internal import Samples

/// A finished segment that has no place yet.
struct SealedSegment: Sendable {
    /// What a bundle looks like in memory once the place is known.
    struct Bundle: Sendable {
        var references: [SeriesReference]
        var bounds: SegmentBundle.Bounds
        var layout: SegmentBundle.Layout
    }

    var bundles: [Bundle] = []
    var directory: [UInt8] = []
    /// What follows the directory.
    var data: [UInt8] = []
    /// Bytes of `data` that are values and row times, for reports.
    var valueBytes = 0
    var timeBytes = 0

    var length: Int { SegmentHeader.size + directory.count + data.count }

    /// All bytes of the segment under a ring sequence.
    func bytes(ringSequence: UInt64) -> [UInt8] {
        var bounds = SegmentBundle.Bounds()
        for bundle in bundles { bounds.include(bundle.bounds) }
        let header = SegmentHeader(
            ringSequence: ringSequence,
            length: length,
            directoryLength: directory.count,
            dataChecksum: CRC32C.checksum(data),
            windowCount: bundles.reduce(0) { $0 + Int($1.layout.windowCount) },
            times: bounds.minTime...max(bounds.minTime, bounds.maxTime),
            sequences: bounds.minSequence...max(bounds.minSequence, bounds.maxSequence)
        )
        var out = header.bytes(directory: directory)
        out.reserveCapacity(SegmentHeader.padded(length))
        out += directory
        out += data
        out.append(contentsOf: repeatElement(0, count: SegmentHeader.padded(length) - out.count))
        return out
    }
}

extension SegmentBundle.Bounds {
    mutating func include(_ other: SegmentBundle.Bounds) {
        minTime = min(minTime, other.minTime)
        maxTime = max(maxTime, other.maxTime)
        minSequence = min(minSequence, other.minSequence)
        maxSequence = max(maxSequence, other.maxSequence)
        samples += other.samples
    }
}

/// A window as its builder is told of it.
struct WindowDescription: Sendable {
    var stream: UInt64
    var identity: Labels
    /// Ascending.
    var labels: [Labels]
    var references: [SeriesReference]
    /// The times of all rows, at least one.
    var times: RowTimes
}

/// Puts a segment together.
struct SegmentBuilder {
    /// Columns gathered into one bundle before the next is begun: a directory is read whole, and windows of a few
    /// series share one.
    private static let bundleColumns = 1024

    private var outline = SegmentOutline()
    private var references: [[SeriesReference]] = []
    private var sections: [UInt8] = []
    private var series: [Labels] = []
    private var identities: [Labels] = []
    private var identityNumbers: [Labels: UInt32] = [:]
    /// Where sets of series begin in the label table, by their references.
    private var starts: [[SeriesReference]: Int] = [:]
    private var seriesReferences: [SeriesReference] = []
    private var bundle = BundleBuilder()
    private var valueBytes = 0
    private var timeBytes = 0

    /// Bytes gathered so far, roughly.
    var byteCount: Int { sections.count + bundle.byteCount }

    /// Begins a window; its columns follow in the order of its labels.
    mutating func begin(_ window: WindowDescription) {
        if !bundle.windows.isEmpty, bundle.columns + window.labels.count > SegmentBuilder.bundleColumns {
            closeBundle()
        }
        let start: Int
        if let known = starts[window.references] {
            start = known
        } else {
            start = series.count
            starts[window.references] = start
            series += window.labels
            seriesReferences += window.references
        }
        let identity = identityNumbers[window.identity] ?? UInt32(identities.count)
        if Int(identity) == identities.count {
            identityNumbers[window.identity] = identity
            identities.append(window.identity)
        }
        bundle.begin(window, firstSeries: start, identity: identity)
    }

    /// Adds the next column of the window; its cells are as many as the window has rows.
    mutating func append(_ cells: borrowing ColumnCells) {
        bundle.append(cells)
    }

    /// Completes the segment and begins a new one.
    mutating func finish(gaps: [Range<UInt64>]) -> SealedSegment {
        if !bundle.windows.isEmpty { closeBundle() }
        var segment = SealedSegment()
        let labels = SegmentSection.append(
            LabelTable.bytes(series: series, identities: identities),
            to: &segment.data
        )
        segment.data += sections
        outline.gaps = gaps
        outline.labels = 0..<labels
        segment.directory = outline.bytes()
        outline.place(behind: segment.directory.count)
        for (index, bundle) in outline.bundles.enumerated() {
            segment.bundles.append(
                .init(references: references[index], bounds: bundle.bounds, layout: bundle.layout)
            )
        }
        (segment.valueBytes, segment.timeBytes) = (valueBytes, timeBytes)
        reset()
        return segment
    }

    private mutating func reset() {
        outline = SegmentOutline()
        references = []
        sections.removeAll(keepingCapacity: false)
        series = []
        identities = []
        identityNumbers = [:]
        starts = [:]
        seriesReferences = []
        (valueBytes, timeBytes) = (0, 0)
    }

    private mutating func closeBundle() {
        let first = bundle.windows.reduce(Int.max) { min($0, Int($1.firstSeries)) }
        let end = bundle.windows.reduce(0) { max($0, $1.series.upperBound) }
        let added = bundle.close(firstSeries: first, to: &sections)
        var entry = added
        entry.series = first..<end
        outline.bundles.append(entry)
        references.append(Array(seriesReferences[first..<end]))
        valueBytes += bundle.valueBytes
        timeBytes += bundle.timeBytes
        bundle.reset()
    }
}
