// SPDX-License-Identifier: Apache-2.0
//
// An export on its way: as text series by series, because OpenMetrics wants families whole; as messages
// (docs/formats/remote-write-file.md) a stretch of time after the other, so that a receiver gets samples in the order
// they were taken. Only stretches of which there is something are gone through. Memory does not grow with the store.

import Daemon
import Platform
import Samples
import TSDB
import Wire

/// Parts of a store that could not be read, told as they are met.
struct ExportDamage {
    private(set) var count = 0
    /// A block that holds up several series or stretches is told once.
    private var told: Set<String> = []
    private static let toldLimit = 10_000

    /// What opening the store found; nobody knows which series and times that had.
    mutating func note(_ recovery: RecoveryReport) {
        let found: [(Int, String)] = [
            (recovery.damagedSegments, "places in ring files, which had segments"),
            (recovery.damagedBundles, "directories of segments"),
            (recovery.unknownSegments, "segments, which a newer edgewatch wrote"),
            (recovery.damagedPages, "pages of the log"),
            (recovery.skippedRows, "rows of the log"),
            (Int(clamping: recovery.missingRows), "rows of which there is no segment and no page of the log"),
            (recovery.unreadableFiles, "files"),
        ]
        for (number, what) in found where number > 0 {
            count += number
            Console.writeError("edgewatch: cannot read \(number) \(what)")
        }
    }

    mutating func note(_ part: UnreadablePart, of series: Labels?) {
        let from = RFC3339.format(Timestamp(milliseconds: part.from))
        let through = RFC3339.format(Timestamp(milliseconds: part.through))
        let line =
            "\(series.map { "\($0) " } ?? "")from \(from) through \(through): \(part.reason)"
        guard !told.contains(line) else { return }
        count += 1
        guard told.count < ExportDamage.toldLimit else { return }
        told.insert(line)
        Console.writeError("edgewatch: cannot read \(line)")
    }
}

/// An export on its way.
struct Export {
    let store: Store
    let selectors: [[LabelMatcher]]
    let from: Timestamp
    let through: Timestamp
    let writer: ExchangeWriter
    private(set) var written = 0
    var damage = ExportDamage()
    private var histograms = 0
    private var staleMarkers = 0
    private var lostExemplars = 0

    init(
        store: Store,
        selectors: [[LabelMatcher]],
        from: Timestamp,
        through: Timestamp,
        writer: ExchangeWriter
    ) {
        (self.store, self.selectors, self.writer) = (store, selectors, writer)
        (self.from, self.through) = (from, through)
    }

    /// What whoever asked for the file should know of it.
    func notes(_ format: ExchangeFormat) -> [String] {
        var notes: [String] = []
        if format == .openmetrics {
            for (count, what) in [(histograms, "native histograms"), (staleMarkers, "stale markers")]
            where count > 0 {
                notes.append(
                    "\(count) \(what) have no form in OpenMetrics text; --format remote-write has them"
                )
            }
        }
        if lostExemplars > 0 {
            notes.append("\(lostExemplars) exemplars are left out, as their series have no samples there")
        }
        for stretch in store.stretches(from: from, through: through).stretches {
            guard let resolution = stretch.resolution else { continue }
            notes.append(
                "from \(RFC3339.format(Timestamp(milliseconds: stretch.from)))"
                    + " through \(RFC3339.format(Timestamp(milliseconds: stretch.through)))"
                    + " there is only the last sample of every \(resolution / 1000) s"
            )
        }
        return notes
    }

    // MARK: - Text

    /// By metric name, because OpenMetrics wants a family in one piece.
    mutating func writeText() throws {
        let metadata = store.metadata()
        var headed: Set<String> = []
        // A stretch that nothing is known of may hide series.
        for part in store.stretches(from: from, through: through).unreadable { damage.note(part, of: nil) }
        for name in try names() {
            let header = OpenMetricsHeader(name, metadata)
            try each([LabelMatcher("__name__", equals: name)], from, through) { export, labels, contents in
                export.histograms += contents.histograms.count
                export.staleMarkers += contents.samples.values.count { $0.isStale }
                guard contents.samples.values.contains(where: { !$0.isStale }) else { return }
                if let header, headed.insert(header.family).inserted { export.writer.write(header) }
                // Of a name that looks like another family's nothing more can be said.
                headed.insert(name)
                export.written += try export.writer.write(labels, contents.samples)
            }
        }
        writer.writeEndOfText()
    }

    private func names() throws -> [String] {
        var names: Set<String> = []
        for selector in selectors {
            names.formUnion(try store.labelValues("__name__", selector, from: from, through: through))
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    // MARK: - Messages

    /// Of a message at most, so that the rows of a group stay together in it.
    private static let messageMilliseconds: Int64 = 15 * 60_000
    /// The same, counted in rows of a tier.
    private static let messageRows: Int64 = 288
    /// Samples and buckets of a message; a receiver takes ten times as many.
    private static let messageSamples = 100_000

    /// Stretch by stretch.
    mutating func writeMessages(_ version: RemoteWriteVersion) throws {
        let metadata = try exportedMetadata()
        if !metadata.isEmpty { try writer.write(RemoteWriteV1.encode(metadata: metadata)) }
        var exemplars = ExportExemplars()
        if version == .v2 {
            exemplars = ExportExemplars(try store.exemplars(selectors, from: from, through: through))
        }
        let (stretches, unreadable) = store.stretches(from: from, through: through)
        for part in unreadable { damage.note(part, of: nil) }
        for stretch in stretches {
            let length = stretch.resolution.map { $0 * Export.messageRows } ?? Export.messageMilliseconds
            var low = stretch.from
            while true {
                let (end, overflow) = low.addingReportingOverflow(length - 1)
                let high = overflow ? stretch.through : min(end, stretch.through)
                try writeMessages(
                    from: Timestamp(milliseconds: low),
                    through: Timestamp(milliseconds: high),
                    version,
                    &exemplars
                )
                guard high < stretch.through else { break }
                low = high + 1
            }
        }
        // Those that are newer than the last sample of their series go with that one again, which changes nothing.
        let (rest, lost) = exemplars.rest()
        lostExemplars = lost
        if !rest.isEmpty { try writer.write(RemoteWriteV2.encode(rest)) }
    }

    private mutating func writeMessages(
        from: Timestamp,
        through: Timestamp,
        _ version: RemoteWriteVersion,
        _ exemplars: inout ExportExemplars
    ) throws {
        let writer = writer
        var message: [RemoteWriteV2.Series] = []
        var size = 0
        func send() throws {
            guard !message.isEmpty else { return }
            switch version {
            case .v1: try writer.write(RemoteWriteV1.encode(message.map { $0.content }))
            case .v2: try writer.write(RemoteWriteV2.encode(message))
            }
            (message, size) = ([], 0)
        }
        try each([], from, through) { export, labels, contents in
            let (samples, histograms) = (contents.samples, contents.histograms)
            guard samples.count + histograms.count > 0 else { return }
            export.written += samples.count + histograms.count
            size += samples.count + histograms.histograms.reduce(0) { $0 + 1 + $1.message.size }
            let content = LogChunk.Series(
                labels: labels,
                samples: samples,
                histograms: histograms,
                starts: contents.starts
            )
            message.append(
                RemoteWriteV2.Series(content, exemplars: exemplars.take(content, through: through))
            )
            if size >= Export.messageSamples { try send() }
        }
        try send()
    }

    /// What is known of the families that are exported.
    private func exportedMetadata() throws -> [MetricMetadata] {
        let all = store.metadata().values.sorted {
            $0.family.utf8.lexicographicallyPrecedes($1.family.utf8)
        }
        guard selectors != [[]] else { return all }
        var families: Set<String> = []
        for name in try names() { families.formUnion(OpenMetricsHeader.families(ofSeries: name)) }
        return all.filter { families.contains($0.family) }
    }

    // MARK: - Series

    /// Every series that a selector names, once, with all of it that can be read.
    private mutating func each(
        _ also: [LabelMatcher],
        _ from: Timestamp,
        _ through: Timestamp,
        _ body: (inout Export, Labels, SeriesContents) throws -> Void
    ) throws {
        var seen: Set<Labels> = []
        for selector in selectors {
            let found = store.exported(also + selector, from: from, through: through)
            for index in 0..<found.count {
                let labels = found.labels(index)
                if selectors.count > 1, !seen.insert(labels).inserted { continue }
                let contents = found.contents(index, from: from, through: through)
                for part in contents.unreadable { damage.note(part, of: labels) }
                try body(&self, labels, contents)
            }
        }
    }
}

/// The exemplars of an export, each to go with the first samples that are not older.
struct ExportExemplars {
    private struct Waiting {
        var exemplars: [Exemplar]
        var place = 0
        /// The newest sample or histogram of the series that was written.
        var newest: LogChunk.Series?
    }

    private var bySeries: [Labels: Waiting] = [:]

    init(_ found: [SeriesExemplars] = []) {
        for series in found { bySeries[series.labels] = Waiting(exemplars: series.exemplars) }
    }

    /// The exemplars up to a time that were not written yet.
    mutating func take(_ content: LogChunk.Series, through: Timestamp) -> [Exemplar] {
        guard var waiting = bySeries[content.labels] else { return [] }
        let start = waiting.place
        while waiting.place < waiting.exemplars.count,
            waiting.exemplars[waiting.place].timestamp <= through
        {
            waiting.place += 1
        }
        var (samples, histograms) = (SampleColumns(), HistogramColumns())
        if let time = content.samples.timestamps.last, let value = content.samples.values.last {
            samples.append(time, value)
        } else if let time = content.histograms.timestamps.last,
            let histogram = content.histograms.histograms.last
        {
            histograms.append(time, histogram)
        }
        waiting.newest = LogChunk.Series(labels: content.labels, samples: samples, histograms: histograms)
        bySeries[content.labels] = waiting
        return Array(waiting.exemplars[start..<waiting.place])
    }

    /// Those that no sample came for, and how many cannot be written.
    func rest() -> (series: [RemoteWriteV2.Series], lost: Int) {
        var series: [RemoteWriteV2.Series] = []
        var lost = 0
        for waiting in bySeries.values where waiting.place < waiting.exemplars.count {
            let rest = Array(waiting.exemplars[waiting.place...])
            if let newest = waiting.newest {
                series.append(RemoteWriteV2.Series(newest, exemplars: rest))
            } else {
                lost += rest.count
            }
        }
        return (series, lost)
    }
}

extension HistogramMessage {
    /// Its buckets and spans.
    fileprivate var size: Int {
        [positive, negative].reduce(customBounds.count) {
            $0 + $1.spans.count + $1.deltas.count + $1.counts.count
        }
    }
}
