// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch tsdb import`: files that `export` wrote, or OpenMetrics text of any origin, into a data directory that no
// daemon uses. Messages go the way pushed ones go, text through ImportGatherer.

import ArgumentParser
import Collector
import Daemon
import Logging
import Platform
import Samples
import TSDB
import Wire

/// `edgewatch tsdb import DIR FILE…`.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Stores samples of OpenMetrics text or remote-write files in a data directory.",
        discussion: "What is refused is told, and the exit code is 1; the rest is stored."
    )

    @Argument(help: "The data directory; created when missing.")
    var directory: String
    @Argument(help: "The files.")
    var files: [String]
    @Option(help: "openmetrics or remote-write; without it a file's first bytes decide.")
    var format: ExchangeFormat?
    @Option(help: "The most series to store.")
    var maxSeries = 100_000
    @OptionGroup var key: StoreKeyOptions
    @OptionGroup var staging: StagingOptions

    func validate() throws {
        guard (1...100_000_000).contains(maxSeries) else {
            throw ValidationError("--max-series must be from 1 to 100000000")
        }
    }

    func run() throws {
        let store = try open()
        defer { store.close() }
        let sink = ImportSink(store)
        var total = ImportTotal()
        var failure: (any Error)?
        for file in files where failure == nil {
            do {
                switch try format ?? ExchangeReader.format(of: file) {
                case .openmetrics: try importText(file, store, sink, &total)
                case .remoteWrite, .remoteWrite1: try importMessages(file, store, sink, &total)
                }
            } catch {
                failure = error
            }
        }
        do { try store.sealAll() } catch { throw DaemonError("\(error)") }
        total.exemplars = try sink.storeExemplars()
        for line in total.lines { print(line) }
        if let failure { throw failure }
        if total.refused > 0 {
            store.close()
            Console.exit(1)
        }
    }

    private func open() throws -> Store {
        let encryption = try key.encryption(acceptsPlaintext: false)
        let system = SystemFileStore()
        do {
            try system.createDirectory(directory)
            var options = try StoreOptions(foundIn: directory, files: system, encryption: encryption)
            options.maxSeries = maxSeries
            options.leftStagingPaths = StagingPlace.left(directory: directory, in: staging.staging)
            return try Store(
                options,
                files: system,
                clock: SystemClock(),
                telemetry: Telemetry(),
                logger: Logger(label: "edgewatch") { _ in SwiftLogNoOpLogHandler() }
            )
        } catch let error as StoreError {
            throw DataDirectory.refusal(directory, error)
        } catch {
            throw DaemonError("\(directory): \(error)")
        }
    }

    private func importText(
        _ file: String,
        _ store: Store,
        _ sink: ImportSink,
        _ total: inout ImportTotal
    ) throws {
        var gatherer = ImportGatherer(store, sink)
        var failure: (any Error)?
        var metadata: [MetricMetadata] = []
        do {
            try ExchangeReader.readText(file, metadata: &metadata) { try gatherer.add($0, $1) }
        } catch {
            failure = error
        }
        // What came before a fault is good.
        try gatherer.flush()
        store.describe(metadata)
        total.add(gatherer)
        if let failure { throw failure }
    }

    private func importMessages(
        _ file: String,
        _ store: Store,
        _ sink: ImportSink,
        _ total: inout ImportTotal
    ) throws {
        var options = PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: maxSeries)
        // What a file has was stored before, whatever its time.
        options.earliestTime = .min
        let receiver = PushReceiver(
            options,
            sink: sink,
            clock: SystemClock(),
            telemetry: Telemetry()
        )
        try ExchangeReader.readMessages(file) { message, offset in
            guard let version = RemoteWriteVersion(ofMessageIn: message) else {
                throw DaemonError(
                    "\(file): message at byte \(offset): expected a remote-write message as a snappy block"
                )
            }
            let report = receiver.receive(message.span, .snappy, version)
            total.add(report)
            switch report.verdict {
            case .stored: break
            case .malformed(let reason), .tooLarge(let reason), .unavailable(let reason):
                throw DaemonError("\(file): message at byte \(offset): \(reason)")
            }
            // Nobody else seals here.
            do { try store.maintain() } catch { throw DaemonError("\(error)") }
        }
    }
}

/// What became of all files.
struct ImportTotal {
    private var samples = AppendResult()
    private var outlying = 0
    private var outlyingPlace: String?
    private var reasons: [String] = []
    var exemplars = AppendResult()

    mutating func add(_ gatherer: ImportGatherer) {
        samples.appended += gatherer.result.appended
        samples.duplicate += gatherer.result.duplicate
        samples.outOfOrder += gatherer.result.outOfOrder
        outlying += gatherer.outlying
        outlyingPlace = outlyingPlace ?? gatherer.outlyingPlace
    }

    mutating func add(_ report: RemoteWriteReport) {
        samples.appended += report.samples + report.histograms
        samples.refused += report.refused
        for reason in report.reasons where !reasons.contains(reason) && reasons.count < 10 {
            reasons.append(reason)
        }
    }

    /// Samples that were not stored, for whichever reason.
    var refused: Int { samples.duplicate + samples.outOfOrder + samples.refused + outlying }

    /// What is told at the end.
    var lines: [String] {
        var lines = ["\(samples.appended) samples stored, \(refused) refused"]
        if exemplars.appended > 0 { lines.append("\(exemplars.appended) exemplars stored") }
        if samples.duplicate > 0 {
            lines.append("refused: \(samples.duplicate) that are there with another value")
        }
        if samples.outOfOrder > 0 { lines.append("refused: \(samples.outOfOrder) that are too old") }
        if let outlyingPlace {
            lines.append(
                "refused: \(outlying) with a time before year 1 or after year 2200; times are in seconds since 1970"
            )
            lines.append("the first of them: \(outlyingPlace)")
        }
        return lines + reasons.map { "refused: \($0)" }
    }
}
