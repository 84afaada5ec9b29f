// SPDX-License-Identifier: Apache-2.0
//
// The store as a gateway has it: ten targets of 507 series every 15 seconds for 24 hours, appended as decoded batches
// to a directory of its own: log, head, seals and segments included. Then the start on that directory, and a query of
// one series over the whole day.

import Logging
import Platform
import Samples
import TSDB

/// Appends a day, starts again, queries.
struct StoreBenchmark {
    private static let groups = 10
    private static let series = 507
    private static let rows = 24 * 240

    /// What everything is encrypted with; nil leaves it plain.
    var key: StoreKey?
    private let directory = "benchmark-data"
    private let telemetry = Telemetry()
    private let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

    init(key: StoreKey? = nil) {
        self.key = key
    }

    func run() throws {
        if key != nil { print("encrypted") }
        try remove()
        try fill()
        try start()
        try remove()
    }

    /// A wall clock that follows the samples, so that upkeep does what it does in a day.
    private func open(_ clock: any EdgeClock) throws -> Store {
        var options = StoreOptions(directory: directory, ringBytes: 256 << 20)
        options.encryption = key.map { StoreEncryption(key: $0) }
        return try Store(
            options,
            files: SystemFileStore(),
            clock: clock,
            telemetry: telemetry,
            logger: logger
        )
    }

    private func fill() throws {
        // Not older than the program, whose age bounds what a clock is believed to say.
        let first = SystemClock().wallMilliseconds() - 24 * 3_600_000
        let clock = ManualClock(wallMilliseconds: first)
        let store = try open(clock)
        var groups: [(id: GroupID, series: [SeriesID])] = []
        for number in 0..<StoreBenchmark.groups {
            let group = try store.group(
                Labels([(name: "instance", value: "gateway\(number):9100"), (name: "job", value: "node")])
            )
            let ids = try (0..<StoreBenchmark.series).map { try store.series(labels($0, number), in: group) }
            groups.append((group, ids))
        }
        var model = GatewayModel(series: StoreBenchmark.series, groups: StoreBenchmark.groups)
        var nanoseconds: UInt64 = 0
        for row in 0..<StoreBenchmark.rows {
            for (number, group) in groups.enumerated() {
                let time = first + Int64(row) * 15_000 + Int64(number) * 1371
                var batch = SampleBatch(
                    group: group.id,
                    timestamp: Timestamp(milliseconds: time),
                    capacity: group.series.count
                )
                model.step(number)
                for (place, id) in group.series.enumerated() { batch.append(id, model.values[number][place]) }
                let began = ThreadTime.nanoseconds()
                _ = try store.append(batch)
                nanoseconds += ThreadTime.nanoseconds() - began
            }
            clock.advance(milliseconds: 15_000)
            let began = ThreadTime.nanoseconds()
            try store.maintain()
            nanoseconds += ThreadTime.nanoseconds() - began
        }
        let samples = StoreBenchmark.rows * StoreBenchmark.groups * StoreBenchmark.series
        let sealing = ThreadTime.nanoseconds()
        try store.sealAll()
        nanoseconds += ThreadTime.nanoseconds() - sealing
        let bytes = store.statistics.ringBytesUsed
        store.close()
        print(
            "append   \(samples / 1_000_000) M samples in batches of \(StoreBenchmark.series): "
                + "\(Benchmarks.number(Double(samples) * 1000 / Double(nanoseconds), 2)) M samples/s of processor time, "
                + "\(Benchmarks.number(Double(bytes) / Double(samples), 3)) B/sample in segments, "
                + "\(Benchmarks.number(logBytes / Double(samples), 3)) in the log"
        )
    }

    /// Bytes added to the log's pages.
    private var logBytes: Double {
        telemetry.families().first { $0.name == "edgewatch_storage_log_written_bytes_total" }?.samples.first?
            .value
            ?? 0
    }

    private func start() throws {
        let clock = SystemClock()
        var store: Store?
        var best = UInt64.max
        for _ in 0..<3 {
            store?.close()
            store = nil
            let began = clock.monotonicNanoseconds()
            store = try open(clock)
            best = min(best, clock.monotonicNanoseconds() - began)
        }
        guard let store else { return }
        print(
            "start    \(store.statistics.segmentSamples / 1_000_000) M samples in "
                + "\(store.statistics.segments) segments: \(Benchmarks.number(Double(best) / 1e6, 1)) ms"
        )
        try query(store, clock)
        store.close()
    }

    private func query(_ store: Store, _ clock: SystemClock) throws {
        let matchers = [
            LabelMatcher("__name__", equals: "node_series_0007"),
            LabelMatcher("instance", equals: "gateway3:9100"),
        ]
        var columns = SampleColumns()
        var times: [UInt64] = []
        for _ in 0..<50 {
            let began = clock.monotonicNanoseconds()
            let selection = try store.select(matchers, from: .min, through: .max)
            for number in 0..<selection.count {
                columns.removeAll()
                try selection.read(number, from: .min, through: .max, into: &columns)
            }
            times.append(clock.monotonicNanoseconds() - began)
        }
        print(
            "query    one series, \(columns.count) samples: first \(Benchmarks.number(Double(times[0]) / 1000, 0)) µs, "
                + "then \(Benchmarks.number(Double(times.min() ?? 0) / 1000, 0)) µs"
        )
    }

    private func labels(_ series: Int, _ group: Int) -> Labels {
        let digits = String(series)
        let name = "node_series_" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        return Labels([
            (name: "__name__", value: name), (name: "cpu", value: "\(series % 8)"),
            (name: "instance", value: "gateway\(group):9100"), (name: "job", value: "node"),
        ])
    }

    private func remove() throws {
        let files = SystemFileStore()
        for name in (try? files.list(directory)) ?? [] { try files.remove("\(directory)/\(name)") }
    }
}

/// Values as a machine has them: most stand still, some count, some are measured.
struct GatewayModel {
    private(set) var values: [[Double]]
    private var random = LinearGenerator()

    init(series: Int, groups: Int) {
        values = (0..<groups).map { group in (0..<series).map { Double($0 * 100 + group) } }
    }

    mutating func step(_ group: Int) {
        for place in values[group].indices {
            switch place % 10 {
            case 0, 1, 2: values[group][place] += Double(random.next(1000))
            case 3: values[group][place] = Double(random.next(100_000)) / 100
            default: break
            }
        }
    }
}
