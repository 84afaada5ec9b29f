// SPDX-License-Identifier: Apache-2.0
//
// `edgewatch tsdb import`: files that `export` wrote, or OpenMetrics text of any origin, into a data directory that no
// daemon uses. Messages go the way pushed ones go. Samples of text are gathered into rows before they are stored: it
// comes series by series, the store wants what shares a time together.

import ArgumentParser
import Bytes
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
        abstract: "Stores samples of OpenMetrics text or remote-write files in a data directory."
    )

    @Argument(help: "The data directory; created when missing.")
    var directory: String
    @Argument(help: "The files.")
    var files: [String]
    @Option(help: "openmetrics or remote-write; without it a file's first bytes decide.")
    var format: ExchangeFormat?
    @OptionGroup var key: StoreKeyOptions
    @OptionGroup var staging: StagingOptions

    func run() throws {
        let encryption = try key.encryption(acceptsPlaintext: false)
        let system = SystemFileStore()
        let store: Store
        let maxSeries: Int
        do {
            try system.createDirectory(directory)
            var options = try StoreOptions(foundIn: directory, files: system)
            options.encryption = encryption
            options.leftStagingPaths = StagingPlace.left(directory: directory, in: staging.staging)
            maxSeries = options.maxSeries
            store = try Store(
                options,
                files: system,
                clock: SystemClock(),
                telemetry: Telemetry(),
                logger: Logger(label: "edgewatch") { _ in SwiftLogNoOpLogHandler() }
            )
        } catch {
            throw DaemonError("\(directory): \(error)")
        }
        defer { store.close() }
        var total = AppendResult()
        var reasons: [String] = []
        var failure: (any Error)?
        for file in files where failure == nil {
            do {
                switch try format ?? ExchangeReader.format(of: file) {
                case .openmetrics:
                    var gatherer = ImportGatherer(store)
                    do { try ExchangeReader.readText(file) { try gatherer.add($0, $1, $2) } } catch {
                        failure = error
                    }
                    // What came before a fault is good.
                    try gatherer.flush()
                    total.appended += gatherer.result.appended
                    total.duplicate += gatherer.result.duplicate
                    total.outOfOrder += gatherer.result.outOfOrder
                case .remoteWrite:
                    try importMessages(file, store, maxSeries, &total, &reasons)
                }
            } catch {
                failure = error
            }
        }
        do { try store.sealAll() } catch { throw DaemonError("\(error)") }
        print("\(total.appended) samples stored, \(total.duplicate + total.outOfOrder) refused")
        if total.duplicate > 0 { print("refused: \(total.duplicate) that are there with another value") }
        if total.outOfOrder > 0, reasons.isEmpty { print("refused: \(total.outOfOrder) that are too old") }
        for reason in reasons { print("refused: \(reason)") }
        if let failure { throw failure }
    }

    private func importMessages(
        _ file: String,
        _ store: Store,
        _ maxSeries: Int,
        _ total: inout AppendResult,
        _ reasons: inout [String]
    ) throws {
        let receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job", "instance"], maxSeries: maxSeries),
            sink: store,
            clock: SystemClock(),
            telemetry: Telemetry()
        )
        try ExchangeReader.readMessages(file) { message, offset in
            let report = receiver.receive(message.span, .snappy, .v1)
            total.appended += report.samples + report.histograms
            total.outOfOrder += report.refused
            for reason in report.reasons where !reasons.contains(reason) && reasons.count < 10 {
                reasons.append(reason)
            }
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

/// Puts samples of many series into rows.
struct ImportGatherer {
    /// Samples held before they are stored: 64 MB.
    private static let limit = 2 << 20

    private struct Sample {
        let group: GroupID
        let time: Int64
        let series: SeriesID
        let value: Double
    }

    private let store: Store
    private var known: [Labels: (group: GroupID, series: SeriesID)] = [:]
    private var samples: [Sample] = []
    private(set) var result = AppendResult()

    init(_ store: Store) {
        self.store = store
    }

    mutating func add(_ labels: Labels, _ time: Int64, _ value: Double) throws {
        let place: (group: GroupID, series: SeriesID)
        if let found = known[labels] {
            place = found
        } else {
            var identity = LabelsBuilder()
            for name in ["instance", "job"] {
                if let value = labels[name] { identity.set(name, value) }
            }
            do {
                let group = try store.group(identity.labels())
                place = (group, try store.series(labels, in: group))
            } catch {
                throw DaemonError("\(error)")
            }
            known[labels] = place
        }
        samples.append(Sample(group: place.group, time: time, series: place.series, value: value))
        if samples.count >= ImportGatherer.limit { try flush() }
    }

    /// Stores what is held, a row at a time.
    mutating func flush() throws {
        samples.sort { ($0.group.rawValue, $0.time, $0.series) < ($1.group.rawValue, $1.time, $1.series) }
        var start = 0
        while start < samples.count {
            let first = samples[start]
            var batch = SampleBatch(group: first.group, timestamp: Timestamp(milliseconds: first.time))
            batch.acceptsOld = true
            while start < samples.count, samples[start].group == first.group,
                samples[start].time == first.time
            {
                batch.append(samples[start].series, samples[start].value)
                start += 1
            }
            do {
                let row = try store.append(batch)
                result.appended += row.appended
                result.duplicate += row.duplicate
                result.outOfOrder += row.outOfOrder
                // Nobody else seals here.
                if start % 4096 < batch.series.count { try? store.maintain() }
            } catch {
                throw DaemonError("\(error)")
            }
        }
        samples.removeAll(keepingCapacity: true)
    }
}

/// Reads files of samples in pieces.
enum ExchangeReader {
    private static let pieceBytes = 1 << 20
    private static let lineLimit = 1 << 20
    private static let messageLimit = 64 << 20

    /// By the fourth byte: a message's length has at most 4 there, text has something printable.
    static func format(of path: String) throws -> ExchangeFormat {
        do {
            let start = try open(path).read(at: 0, count: 4)
            return start.count == 4 && start[3] < 0x09 ? .remoteWrite : .openmetrics
        } catch let error as FileError {
            throw DaemonError("\(error)")
        }
    }

    private static func open(_ path: String) throws -> any StorageFile {
        do { return try SystemFileStore().open(path, .read) } catch { throw DaemonError("\(error)") }
    }

    /// The messages of a file, still compressed, with their places in it.
    static func readMessages(_ path: String, _ body: ([UInt8], Int64) throws -> Void) throws {
        let file = try open(path)
        var offset: Int64 = 0
        do {
            let size = try file.size()
            while offset < size {
                var head = ByteReader(try file.read(at: offset, count: 4))
                let count = Int64(try head.integer(UInt32.self))
                guard count <= Int64(messageLimit), offset + 4 + count <= size else {
                    throw CorruptionError("a message within the file", at: Int(clamping: offset))
                }
                try body(try file.read(at: offset + 4, count: Int(count)), offset)
                offset += 4 + count
            }
        } catch let error as DaemonError {
            throw error
        } catch {
            throw DaemonError("\(path): message at byte \(offset): \(error)")
        }
    }

    static func readText(_ path: String, _ body: (Labels, Int64, Double) throws -> Void) throws {
        let file = try open(path)
        var rest: [UInt8] = []
        var offset: Int64 = 0
        var line = 0
        while true {
            let piece: [UInt8]
            do { piece = try file.read(at: offset, count: pieceBytes) } catch {
                throw DaemonError("\(error)")
            }
            offset += Int64(piece.count)
            rest += piece
            var end = rest.count
            if !piece.isEmpty {
                guard let last = rest.lastIndex(of: UInt8(ascii: "\n")) else {
                    guard rest.count <= lineLimit else {
                        throw DaemonError("\(path):\(line + 1): a line of over 1 MB")
                    }
                    continue
                }
                end = last + 1
            }
            for text in rest[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                .dropLast(
                    piece.isEmpty ? 0 : 1
                )
            {
                line += 1
                try readLine(text, "\(path):\(line)", body)
            }
            rest.removeFirst(end)
            if piece.isEmpty { return }
        }
    }

    /// A line of OpenMetrics: the time is in seconds, which the parser of the older text does not take.
    private static func readLine(
        _ line: ArraySlice<UInt8>,
        _ place: String,
        _ body: (Labels, Int64, Double) throws -> Void
    ) throws {
        guard let first = line.first, first != UInt8(ascii: "#") else { return }
        let text = String(decoding: line, as: UTF8.self)
        guard let space = text.lastIndex(of: " "),
            let time = OpenMetricsText.milliseconds(text[text.index(after: space)...])
        else { throw DaemonError("\(place): expected `name{labels} value seconds`, found no time") }
        var parser = ExpositionParser(Array((text[..<space] + "\n").utf8), collectingMetadata: false)
        do {
            guard let sample = try parser.next() else { return }
            try body(try parser.labels(of: sample), time, sample.value)
        } catch let error as ExpositionError {
            throw DaemonError("\(place): \(error.reason)")
        }
    }
}
