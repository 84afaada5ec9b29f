// SPDX-License-Identifier: Apache-2.0
//
// Writing samples to a file or a pipe, as OpenMetrics text or as remote-write messages one behind the other.

import Bytes
import Daemon
import Platform
import Samples
import Wire

/// Appends to a file in pieces of a megabyte.
final class ExchangeWriter {
    private static let pieceBytes = 1 << 20

    private let file: OutputFile
    private var buffer: [UInt8] = []

    init(_ path: String) throws {
        do { file = try OutputFile(path) } catch { throw DaemonError("\(error)") }
    }

    /// Whether standard output is what is written.
    var isStandardOutput: Bool { file.isStandardOutput }

    func write(_ header: OpenMetricsHeader) { buffer += Array(header.text.utf8) }

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

    /// A message, compressed here.
    func write(_ message: [UInt8]) throws {
        let block = Snappy.compress(message)
        buffer.append(littleEndian: UInt32(block.count))
        buffer += block
        if buffer.count >= ExchangeWriter.pieceBytes { try flush() }
    }

    func end() throws {
        try flush()
        do { try file.end() } catch { throw DaemonError("\(error)") }
    }

    private func flush() throws {
        do { try file.write(buffer) } catch { throw DaemonError("\(error)") }
        buffer.removeAll(keepingCapacity: true)
    }
}

/// What is said of a family before its lines.
struct OpenMetricsHeader {
    /// The family in the sense of OpenMetrics: a counter's is without `_total`.
    let family: String
    let text: String

    /// Nil when nothing is known, and for families of several series names: of one part alone nothing can be said.
    init?(_ name: String, _ metadata: [String: MetricMetadata]) {
        let total = name.hasSuffix("_total") ? String(name.dropLast(6)) : name
        // Of a counter and a gauge whose names differ by `_total` each has its own words.
        let candidates = [metadata[name], metadata[total].flatMap { $0.kind == .counter ? $0 : nil }]
        guard let found = candidates.compactMap(\.self).first,
            found.kind == .gauge || found.kind == .counter
        else { return nil }
        // Without the suffix OpenMetrics allows no counter.
        let kind = total == name && found.kind == .counter ? MetricMetadata.Kind.unknown : found.kind
        family = kind == .counter ? total : name
        guard Labels.isLegacyMetricName(family) else { return nil }
        var text = "# TYPE \(family) \(kind.rawValue)\n"
        if !found.unit.isEmpty, family.hasSuffix("_" + found.unit) {
            text += "# UNIT \(family) \(found.unit)\n"
        }
        if !found.help.isEmpty { text += "# HELP \(family) \(OpenMetricsText.escaped(found.help))\n" }
        self.text = text
    }

    /// The families that a series of this name may be of.
    static func families(ofSeries name: String) -> [String] {
        let suffixes = ["_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum"]
        return [name] + suffixes.filter { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
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
}
