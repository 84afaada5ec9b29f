// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch tsdb export`: samples as OpenMetrics text or as remote-write messages in a file.

import ArgumentParser
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
    /// For receivers that know nothing newer.
    case remoteWrite1 = "remote-write-1.0"
}

/// A stretch of time on the command line.
struct TimeRangeOptions: ParsableArguments {
    @Option(help: "The first time, RFC 3339 or seconds since 1970.")
    var from: String?
    @Option(help: "The last time, RFC 3339 or seconds since 1970.")
    var through: String?

    /// Both ends; all of time where nothing is said.
    func bounds() throws -> (Timestamp, Timestamp) {
        let low = try TimeRangeOptions.time(from) ?? .min
        let high = try TimeRangeOptions.time(through) ?? .max
        if let from, let through, low > high {
            throw DaemonError("--from \(from) is later than --through \(through)")
        }
        return (low, high)
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
        abstract: "Writes samples as OpenMetrics text or as a remote-write file.",
        discussion: """
            What cannot be read is left out and told on standard error, and the exit code is 1, or 3 when the directory \
            is in use and it may only have been overwritten meanwhile. Only remote-write has everything; OpenMetrics \
            text is without stale markers, native histograms, exemplars and start timestamps.
            """
    )

    @OptionGroup var data: DataDirectory
    @Option(help: "Only series that this selector names; may be repeated.")
    var match: [String] = []
    @OptionGroup var range: TimeRangeOptions
    @Option(help: "openmetrics, remote-write or, without exemplars and start timestamps, remote-write-1.0.")
    var format = ExchangeFormat.openmetrics
    @Option(name: .shortAndLong, help: "The file to write; - is standard output.")
    var output: String

    func run() throws {
        let (from, through) = try range.bounds()
        let selectors = try match.map { try Selectors.matchers($0) }
        let snapshot = try data.open()
        let store = snapshot.store
        var export = Export(
            store: store,
            selectors: selectors.isEmpty ? [[]] : selectors,
            from: from,
            through: through,
            writer: try ExchangeWriter(output)
        )
        // What a running process is writing at the moment looks like damage.
        if !snapshot.isInUse { export.damage.note(store.statistics.recovery) }
        switch format {
        case .openmetrics: try export.writeText()
        case .remoteWrite: try export.writeMessages(.v2)
        case .remoteWrite1: try export.writeMessages(.v1)
        }
        try export.writer.end()
        // Beside what was written, never within it.
        func say(_ line: String) {
            if export.writer.isStandardOutput { Console.writeError(line) } else { print(line) }
        }
        say("\(output): \(export.written) samples")
        for line in export.notes(format) { say(line) }
        if export.damage.count > 0 {
            let line = "edgewatch: \(export.damage.count) parts could not be read and are not in \(output)"
            guard snapshot.isInUse else {
                Console.writeError(line)
                Console.exit(1)
            }
            Console.writeError("\(line); the directory is in use, and they may only have been overwritten")
            Console.exit(3)
        }
    }
}
