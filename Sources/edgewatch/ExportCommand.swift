// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch tsdb export`: samples as OpenMetrics text, series by series because that format wants families whole, or as
// remote-write messages in a file (docs/formats/remote-write-file.md), a stretch of time after the other so that a
// receiver gets them in the order they were taken. Memory does not grow with the store.

import ArgumentParser
import Bytes
import Daemon
import Platform
import PromQL
import Samples
import TSDB
import Wire

/// How samples are written to a file.
enum ExchangeFormat: String, ExpressibleByArgument, CaseIterable {
    case openmetrics
    case remoteWrite = "remote-write"
}

/// A stretch of time on the command line.
struct TimeRangeOptions: ParsableArguments {
    @Option(help: "The first time, RFC 3339 or seconds since 1970.")
    var from: String?
    @Option(help: "The last time, RFC 3339 or seconds since 1970.")
    var through: String?

    /// Both ends; all of time where nothing is said.
    func bounds() throws -> (Timestamp, Timestamp) {
        (try TimeRangeOptions.time(from) ?? .min, try TimeRangeOptions.time(through) ?? .max)
    }

    private static func time(_ text: String?) throws -> Timestamp? {
        guard let text else { return nil }
        if let time = RFC3339.parse(text) { return time }
        if let seconds = Double(text), let milliseconds = Int64(exactly: (seconds * 1000).rounded()) {
            return Timestamp(milliseconds: milliseconds)
        }
        throw DaemonError("\"\(text)\" is no time; expected for example 2026-11-21T12:00:00Z or 1795262400")
    }
}

/// Selectors on the command line.
enum Selectors {
    /// The matchers of a series selector.
    static func matchers(_ text: String) throws -> [LabelMatcher] {
        do {
            return try Parser.parseSelector(text)
        } catch {
            throw DaemonError("selector \"\(text)\": \(error)")
        }
    }
}

/// `edgewatch tsdb export DIR`.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes samples as OpenMetrics text or as a remote-write file."
    )

    @OptionGroup var data: DataDirectory
    @Option(help: "Only series that this selector names; may be repeated.")
    var match: [String] = []
    @OptionGroup var range: TimeRangeOptions
    @Option(help: "openmetrics or remote-write.")
    var format = ExchangeFormat.openmetrics
    @Option(name: .shortAndLong, help: "The file to write.")
    var output: String

    func run() throws {
        let (from, through) = try range.bounds()
        let selectors = try match.map { try Selectors.matchers($0) }
        let store = try data.open().store
        var export = Export(
            store: store,
            selectors: selectors.isEmpty ? [[]] : selectors,
            writer: try ExchangeWriter(output)
        )
        switch format {
        case .openmetrics: try export.writeText(from: from, through: through)
        case .remoteWrite:
            let statistics = store.statistics
            let first = max(from, statistics.oldest ?? from)
            let last = min(through, statistics.newest ?? through)
            if statistics.oldest != nil, first <= last {
                try export.writeMessages(from: first, through: last)
            }
        }
        try export.writer.end()
        print("\(output): \(export.written) samples")
        if export.skipped > 0 {
            print(
                "\(export.skipped) native histograms have no form in OpenMetrics text; --format remote-write has them"
            )
        }
    }
}

/// An export on its way.
struct Export {
    let store: Store
    let selectors: [[LabelMatcher]]
    let writer: ExchangeWriter
    var written = 0
    var skipped = 0

    /// By metric name, because OpenMetrics wants a family in one piece.
    mutating func writeText(from: Timestamp, through: Timestamp) throws {
        let metadata = store.metadata()
        for name in try store.labelValues("__name__", [], from: from, through: through) {
            let total = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
            if let found = metadata[name] ?? metadata[total] {
                writer.writeHeader(found.kind == .counter ? total : name, found)
            }
            try each([LabelMatcher("__name__", equals: name)], from: from, through: through) { found, index in
                var columns = SampleColumns()
                var histograms = HistogramColumns()
                try found.read(index, from: from, through: through, into: &columns)
                try found.readHistograms(index, from: from, through: through, into: &histograms)
                written += try writer.write(found.labels(index), columns)
                skipped += histograms.count
            }
        }
        writer.writeEndOfText()
    }

    /// Of a message at most, so that the rows of a group stay together in it.
    private static let messageMilliseconds: Int64 = 15 * 60_000
    /// Samples of a message; a receiver takes ten times as many.
    private static let messageSamples = 100_000

    /// Halves the stretch until it fits a message; where there is nothing, at once.
    mutating func writeMessages(from: Timestamp, through: Timestamp) throws {
        let length = through.milliseconds - from.milliseconds
        guard length < Export.messageMilliseconds else {
            var isEmpty = true
            try each([], from: from, through: through) { _, _ in isEmpty = false }
            guard !isEmpty else { return }
            let middle = from.milliseconds + length / 2
            try writeMessages(from: from, through: Timestamp(milliseconds: middle))
            try writeMessages(from: Timestamp(milliseconds: middle + 1), through: through)
            return
        }
        var message: [LogChunk.Series] = []
        var samples = 0
        func send() throws {
            if !message.isEmpty { try writer.write(message) }
            written += samples
            (message, samples) = ([], 0)
        }
        try each([], from: from, through: through) { found, index in
            var columns = SampleColumns()
            var histograms = HistogramColumns()
            try found.read(index, from: from, through: through, into: &columns)
            try found.readHistograms(index, from: from, through: through, into: &histograms)
            samples += columns.count + histograms.count
            guard columns.count + histograms.count > 0 else { return }
            message.append(
                LogChunk.Series(labels: found.labels(index), samples: columns, histograms: histograms)
            )
            if samples >= Export.messageSamples { try send() }
        }
        try send()
    }

    /// Every series that a selector names, once.
    private func each(
        _ also: [LabelMatcher],
        from: Timestamp,
        through: Timestamp,
        _ body: (any SeriesSelection, Int) throws -> Void
    ) throws {
        var seen: Set<Labels> = []
        for selector in selectors {
            let found = try store.select(also + selector, from: from, through: through)
            for index in 0..<found.count {
                if selectors.count > 1, !seen.insert(found.labels(index)).inserted { continue }
                try body(found, index)
            }
        }
    }
}

/// Appends to a file in pieces of a megabyte.
final class ExchangeWriter {
    private static let pieceBytes = 1 << 20

    private let file: any StorageFile
    private var offset: Int64 = 0
    private var buffer: [UInt8] = []

    init(_ path: String) throws {
        do {
            file = try SystemFileStore().open(path, .create)
            try file.truncate(to: 0)
        } catch {
            throw DaemonError("\(error)")
        }
    }

    /// Type and help of a family that is one series name; of the parts of others nothing can be said alone.
    func writeHeader(_ family: String, _ metadata: MetricMetadata) {
        guard metadata.kind == .gauge || metadata.kind == .counter else { return }
        guard Labels.isLegacyMetricName(family) else { return }
        buffer += Array("# TYPE \(family) \(metadata.kind.rawValue)\n".utf8)
        if !metadata.help.isEmpty {
            buffer += Array("# HELP \(family) \(OpenMetricsText.escaped(metadata.help))\n".utf8)
        }
    }

    /// The lines of a series; returns how many.
    func write(_ labels: Labels, _ columns: SampleColumns) throws -> Int {
        let head = Array(OpenMetricsText.series(labels).utf8)
        var count = 0
        // OpenMetrics has no stale markers.
        for (time, value) in zip(columns.timestamps, columns.values) where !value.isStale {
            buffer += head
            PromNumber.append(value, to: &buffer)
            buffer.append(UInt8(ascii: " "))
            buffer += Array(OpenMetricsText.seconds(time).utf8)
            buffer.append(UInt8(ascii: "\n"))
            if buffer.count >= ExchangeWriter.pieceBytes { try flush() }
            count += 1
        }
        return count
    }

    func writeEndOfText() { buffer += Array("# EOF\n".utf8) }

    func write(_ message: [LogChunk.Series]) throws {
        let block = Snappy.compress(RemoteWriteV1.encode(message))
        buffer.append(littleEndian: UInt32(block.count))
        buffer += block
        if buffer.count >= ExchangeWriter.pieceBytes { try flush() }
    }

    func end() throws {
        try flush()
        do { try file.syncData() } catch { throw DaemonError("\(error)") }
    }

    private func flush() throws {
        do { try file.write(buffer, at: offset) } catch { throw DaemonError("\(error)") }
        offset += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Pieces of OpenMetrics text.
enum OpenMetricsText {
    /// Name and labels with the space behind them.
    static func series(_ labels: Labels) -> String {
        let name = labels.metricName ?? ""
        // Other names are quoted within the braces.
        let isLegacy = Labels.isLegacyMetricName(name)
        var text = isLegacy ? name : ""
        let pairs = labels.pairs.filter { $0.name != "__name__" }
        guard !pairs.isEmpty || !isLegacy else { return text + " " }
        text += "{" + (isLegacy ? "" : "\"" + escaped(name) + "\"")
        for (number, pair) in pairs.enumerated() {
            if number > 0 || !isLegacy { text += "," }
            text +=
                (Labels.isLegacyLabelName(pair.name) ? pair.name : "\"" + escaped(pair.name) + "\"") + "=\""
                + escaped(pair.value) + "\""
        }
        return text + "} "
    }

    /// Backslashes, quotation marks and line ends with a backslash before them.
    static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// Milliseconds as seconds, exactly.
    static func seconds(_ milliseconds: Int64) -> String {
        let (whole, rest) = milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        var text = (milliseconds < 0 ? "-" : "") + "\(whole)"
        if rest > 0 {
            var digits = "\(rest + 1000)".dropFirst()
            while digits.last == "0" { digits = digits.dropLast() }
            text += "." + digits
        }
        return text
    }

    /// Seconds as milliseconds, rounded; nil when that is no number of them.
    static func milliseconds(_ text: Substring) -> Int64? {
        guard let seconds = Double(text), seconds.isFinite else { return nil }
        return Int64(exactly: (seconds * 1000).rounded())
    }
}
