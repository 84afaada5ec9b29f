// SPDX-License-Identifier: Apache-2.0
//
// A log in memory, a clock that does not wait, and a remote-write receiver that follows a script.

import Bytes
import Conditions
import Config
import Foundation
import HTTPClient
import Logging
import Platform
import Samples
import StateStore
import Synchronization
import TestServer
import Wire

@testable import Sync

/// Rows in memory, with the guarantees of `SampleLog`.
final class MemoryLog: SampleLog {
    struct Row: Sendable {
        var timestamp: Int64
        var samples: [(labels: Labels, value: Double)]
    }

    private struct State {
        var rows: [Row] = []
        var oldest = 0
        var unreadable: Set<Int> = []
        var reads: [UInt64] = []
        var held: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Appends rows of `series` samples, one a second from a start on, values counting up.
    func append(rows: Int, series: Int = 3, from start: Int64 = 1_700_000_000_000) {
        state.withLock { state in
            let base = state.rows.count
            for row in 0..<rows {
                let samples = (0..<series).map { index in
                    (
                        Labels().setting("__name__", "m").setting("i", "\(index)"),
                        Double((base + row) * series + index)
                    )
                }
                state.rows.append(Row(timestamp: start + Int64(base + row) * 1000, samples: samples))
            }
        }
    }

    func append(_ row: Row) { state.withLock { $0.rows.append(row) } }
    /// Overwrites the oldest rows, as the ring does.
    func drop(before sequence: Int) { state.withLock { $0.oldest = sequence } }
    func makeUnreadable(_ sequences: Set<Int>) { state.withLock { $0.unreadable = sequences } }

    /// The newest rows so many cannot be shipped yet.
    func hold(_ rows: UInt64) { state.withLock { $0.held = rows } }
    fileprivate var held: UInt64 { state.withLock { $0.held } }
    fileprivate var unreadable: Set<Int> { state.withLock { $0.unreadable } }
    fileprivate func noteRead(_ position: UInt64) { state.withLock { $0.reads.append(position) } }

    /// The rows at or after a place that are still there, and the number of the first.
    fileprivate func stored(from start: Int) -> (rows: ArraySlice<Row>, first: Int) {
        state.withLock { state in
            let first = min(max(start, state.oldest), max(start, state.rows.count))
            return (first < state.rows.count ? state.rows[first...] : [], first)
        }
    }

    /// Every row ever stored, in commit order.
    var rows: [Row] { state.withLock { $0.rows } }

    /// All samples still in the ring.
    var contents: Set<Received> {
        state.withLock { state in
            Set(
                state.rows[state.oldest...].flatMap { row in
                    row.samples.map {
                        Received(labels: $0.labels, timestamp: row.timestamp, bits: $0.value.bitPattern)
                    }
                }
            )
        }
    }

    var oldest: LogPosition { LogPosition(sequence: UInt64(state.withLock { $0.oldest })) }
    var end: LogPosition { LogPosition(sequence: UInt64(state.withLock { $0.rows.count })) }
    /// Where reads began, in order.
    var reads: [UInt64] { state.withLock { $0.reads } }

    func timestamp(at position: LogPosition) -> Timestamp? {
        state.withLock { state in
            let index = max(Int(position.sequence), state.oldest)
            return index < state.rows.count ? Timestamp(milliseconds: state.rows[index].timestamp) : nil
        }
    }

    func read(from position: LogPosition, sampleLimit: Int) throws(SourceError) -> LogChunk {
        let result = state.withLock { state -> LogChunk? in
            state.reads.append(position.sequence)
            let asked = Int(position.sequence)
            var index = max(asked, state.oldest)
            let lost = index - asked
            var columns: [Labels: SampleColumns] = [:]
            var order: [Labels] = []
            var count = 0
            while index < state.rows.count, count < sampleLimit {
                if state.unreadable.contains(index) {
                    if count == 0 { return nil }
                    break
                }
                let row = state.rows[index]
                for (labels, value) in row.samples {
                    if columns[labels] == nil { order.append(labels) }
                    columns[labels, default: SampleColumns()].append(row.timestamp, value)
                }
                count += row.samples.count
                index += 1
            }
            return LogChunk(
                series: order.map { LogChunk.Series(labels: $0, samples: columns[$0] ?? SampleColumns()) },
                next: LogPosition(sequence: UInt64(index)),
                lostRows: UInt64(lost)
            )
        }
        guard let result else { throw .unreadable("block 7") }
        return result
    }
}

extension MemoryLog {
    var readableEnd: LogPosition { LogPosition(sequence: end.sequence - min(end.sequence, held)) }

    func span(
        from position: LogPosition,
        _ limits: SpanLimits,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        let start = Int(position.sequence)
        let (all, first) = stored(from: start)
        let rows = all.prefix(max(0, Int(readableEnd.sequence) - first))
        var (taken, samples) = (0, 0)
        var (low, high) = (Int64.max, Int64.min)
        for row in rows {
            (low, high) = (min(low, row.timestamp), max(high, row.timestamp))
            if taken > 0, let extent = limits.extent, .milliseconds(high - low) > extent { break }
            taken += 1
            samples += row.samples.count
            if taken >= limits.rows || samples >= limits.samples { break }
        }
        return try span(UInt64(start)..<UInt64(max(start, first + taken)), times: nil, where: wanted)
    }

    func span(
        _ positions: Range<UInt64>,
        times: ClosedRange<Int64>?,
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        let (rows, first) = stored(from: Int(positions.lowerBound))
        let kept = rows.prefix(max(0, Int(clamping: positions.upperBound) - first))
        noteRead(positions.lowerBound)
        let bad = unreadable
        return MemorySpan(
            positions,
            rows: kept.enumerated().filter { !bad.contains(first + $0.offset) }.map(\.element)
                .filter { times?.contains($0.timestamp) ?? true },
            lost: UInt64(max(0, min(positions.count, first - Int(positions.lowerBound))))
                + UInt64(kept.indices.filter { bad.contains($0 - kept.startIndex + first) }.count),
            isDamaged: kept.indices.contains { bad.contains($0 - kept.startIndex + first) },
            where: wanted
        )
    }

    func span(
        times: ClosedRange<Int64>,
        before position: LogPosition,
        _ matchers: [LabelMatcher],
        where wanted: (Labels) -> Bool
    ) throws(SourceError) -> any LogSpan {
        try span(oldest.sequence..<max(oldest.sequence, position.sequence), times: times) { labels in
            matchers.allSatisfy { $0.matches(labels[$0.name] ?? "") } && wanted(labels)
        }
    }
}

/// Rows in memory by series.
private struct MemorySpan: LogSpan {
    let positions: Range<UInt64>
    let rows: UInt64
    let lostRows: UInt64
    let times: ClosedRange<Int64>?
    let isDamaged: Bool
    private var columns: [(labels: Labels, samples: SampleColumns)]

    init(
        _ positions: Range<UInt64>,
        rows: [MemoryLog.Row],
        lost: UInt64,
        isDamaged: Bool,
        where wanted: (Labels) -> Bool
    ) {
        self.positions = positions
        self.rows = UInt64(rows.count)
        self.isDamaged = isDamaged
        lostRows = lost
        let stamps = rows.map(\.timestamp)
        times = stamps.min().flatMap { low in stamps.max().map { low...$0 } }
        var found: [Labels: SampleColumns] = [:]
        // As the store does, a late sample comes where its time says.
        for row in rows.sorted(by: { $0.timestamp < $1.timestamp }) {
            for (labels, value) in row.samples where wanted(labels) {
                found[labels, default: SampleColumns()].append(row.timestamp, value)
            }
        }
        columns = found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    var count: Int { columns.count }
    func labels(_ index: Int) -> Labels { columns[index].labels }
    func samples(_ index: Int) -> Int { columns[index].samples.count }

    func read(_ indices: Range<Int>, into series: inout [LogChunk.Series]) throws(SourceError) {
        for index in indices {
            series.append(LogChunk.Series(labels: columns[index].labels, samples: columns[index].samples))
        }
        if isDamaged { throw .unreadable("block 7") }
    }
}

/// A sample as a receiver sees it, values by their bits.
struct Received: Hashable, Sendable {
    var labels: Labels
    var timestamp: Int64
    var bits: UInt64
}

/// Real time, but sleeping takes no time; what was asked for is written down.
final class ImpatientClock: EdgeClock {
    func isSynchronized() -> Bool { true }
    func bootIdentifier() -> UInt64 { 1 }
    private let system = SystemClock()
    private let asked = Mutex<[Duration]>([])

    var sleeps: [Duration] { asked.withLock { $0 } }

    func wallMilliseconds() -> Int64 { system.wallMilliseconds() }
    func monotonicNanoseconds() -> UInt64 { system.monotonicNanoseconds() }

    func sleep(for duration: Duration) async throws {
        asked.withLock { if $0.count < 10_000 { $0.append(duration) } }
        try await Task.sleep(for: min(duration, .milliseconds(1)))
    }
}

/// A receiver that decodes what it gets and answers as a script says.
final class Receiver: Sendable {
    enum Answer: Sendable {
        case store
        case status(Int, String, [(String, String)])
        case resetBeforeStoring
        case storeThenReset
        case storeThenHugeBody
        case silence
    }

    struct Call: Sendable {
        var samples: [Received]
        var headers: [String: String]
        var body: [UInt8]
        var number: Int
    }

    private struct State {
        var stored: [Received] = []
        var calls: [Call] = []
        var failures: [String] = []
    }

    let server: TestServer
    private let state: SharedState

    private final class SharedState: Sendable {
        let state = Mutex(State())
    }

    init(port: Int = 0, _ script: @escaping @Sendable (Call) -> Answer) throws {
        let shared = SharedState()
        state = shared
        server = try TestServer(port: port) { request, connection in
            let samples: [Received]
            do {
                samples = try RemoteWriteV1.decode(Snappy.decompress(request.body, limit: 1 << 26))
                    .flatMap { series in
                        zip(series.samples.timestamps, series.samples.values).map {
                            Received(labels: series.labels, timestamp: $0, bits: $1.bitPattern)
                        }
                    }
            } catch {
                shared.state.withLock { $0.failures.append("\(error)") }
                connection.respond(400, "unreadable: \(error)")
                return
            }
            let call = shared.state.withLock { state -> Call in
                let call = Call(
                    samples: samples,
                    headers: request.headers,
                    body: request.body,
                    number: state.calls.count
                )
                state.calls.append(call)
                return call
            }
            func store() { shared.state.withLock { $0.stored += samples } }
            switch script(call) {
            case .store:
                store()
                connection.respond(204)
            case .status(let status, let text, let headers):
                connection.respond(status, text, headers: headers)
            case .resetBeforeStoring: connection.reset()
            case .storeThenReset:
                store()
                connection.reset()
            case .storeThenHugeBody:
                store()
                connection.write("HTTP/1.1 200 OK\r\n\r\n")
                while connection.write([UInt8](repeating: 0x61, count: 65536)) {}
            case .silence: connection.waitForEnd()
            }
        }
    }

    /// Everything stored, repetitions included, in order of arrival.
    var stored: [Received] { state.state.withLock { $0.stored } }
    var calls: [Call] { state.state.withLock { $0.calls } }
    var failures: [String] { state.state.withLock { $0.failures } }

    func stop() { server.stop() }
}

/// One edgewatch's worth of sync around a log, restartable.
struct Bench {
    let log = MemoryLog()
    let state: StateStore
    let clock = ImpatientClock()
    let telemetry = Telemetry()
    let signals: SignalBoard
    static let http = HTTPClient(userAgent: "edgewatch-test/1")
    var http: HTTPClient { Self.http }

    init() throws {
        state = try StateStore(path: ":memory:")
        signals = SignalBoard(clock: clock)
    }

    func service(seed: UInt64 = 1) -> SyncService {
        var logger = Logger(label: "sync") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return SyncService(
            log: log,
            state: state,
            http: http,
            signals: signals,
            clock: clock,
            random: SeededGenerator(seed: seed),
            telemetry: telemetry,
            logger: logger
        )
    }

    static func destination(
        _ url: String,
        name: String = "d",
        samplesPerRequest: Int = 20
    ) -> RemoteWriteConfig {
        var config = RemoteWriteConfig(name: name, url: url)
        config.queue.maxSamplesPerSend = samplesPerRequest
        config.queue.batchSendDeadline = .zero
        config.queue.minBackoff = .milliseconds(1)
        config.queue.maxBackoff = .milliseconds(5)
        return config
    }

    static func sync(samplesPerRequest: Int = 20) -> SyncConfig {
        var sync = SyncConfig()
        sync.catchUpBatchSamples = samplesPerRequest
        return sync
    }

    /// The cursor as it would be found after a kill.
    func savedCursor(_ name: String = "d") throws -> UInt64? {
        try state.cursor(name)
    }

    func run(
        _ service: SyncService,
        until condition: @escaping @Sendable () throws -> Bool
    ) async throws {
        try await Self.run(service, until: condition)
    }

    /// Runs a service until a condition holds, then ends it.
    static func run(
        _ service: SyncService,
        until condition: @escaping @Sendable () throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask { try await eventually(condition) }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    func counter(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        telemetry.families().first { $0.name == name }?.samples.first { sample in
            labels.allSatisfy { wanted in
                sample.labels.contains { $0.name == wanted.key && $0.value == wanted.value }
            }
        }?.value
    }
}

extension StateStore {
    /// The oldest position a destination is owed, as it would be found after a kill.
    func cursor(_ destination: String) throws -> UInt64? {
        try get(StreamRecord.table, StreamRecord.key(destination: destination, rule: .everything))
            .flatMap { StreamRecord($0) }?.position
    }
}

struct NeverHappened: Error {}

/// Waits for a condition; a minute is far beyond anything expected.
func eventually(_ condition: @Sendable () throws -> Bool) async throws {
    for _ in 0..<60_000 {
        if try condition() { return }
        try await Task.sleep(for: .milliseconds(1))
    }
    throw NeverHappened()
}
