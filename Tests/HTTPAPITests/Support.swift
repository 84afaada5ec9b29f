// SPDX-License-Identifier: Apache-2.0

import Alerts
import HTTPAPI
import Logging
import Platform
import PromQL
import Samples
import ServiceLifecycle
import Testing

/// A label set.
func pairs(_ pairs: [(String, String)]) -> Labels {
    Labels(pairs.map { (name: $0.0, value: $0.1) })
}

/// Series held in an array.
struct MemorySource: SeriesSource {
    struct Selection: SeriesSelection {
        let series: [(labels: Labels, samples: SampleColumns)]

        var count: Int { series.count }

        func labels(_ index: Int) -> Labels { series[index].labels }

        func read(_ index: Int, from: Timestamp, through: Timestamp, into columns: inout SampleColumns) {
            let samples = series[index].samples
            for row in 0..<samples.count
            where samples.timestamps[row] >= from.milliseconds
                && samples.timestamps[row] <= through.milliseconds
            {
                columns.append(samples.timestamps[row], samples.values[row])
            }
        }
    }

    var series: [(labels: Labels, samples: SampleColumns)] = []
    var families: [String: MetricMetadata] = [:]

    mutating func add(_ labels: [(String, String)], _ samples: [(Int64, Double)]) {
        var columns = SampleColumns()
        for (time, value) in samples { columns.append(time, value) }
        series.append((pairs(labels), columns))
        series.sort { $0.labels < $1.labels }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Selection(series: found(matchers, from, through))
    }

    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] {
        Set(found(matchers, from, through).flatMap { $0.labels.pairs.map(\.name) }).sorted()
    }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] {
        Set(found(matchers, from, through).compactMap { $0.labels[name] }).sorted()
    }

    func metadata() -> [String: MetricMetadata] { families }

    private func found(
        _ matchers: [LabelMatcher],
        _ from: Timestamp,
        _ through: Timestamp
    ) -> [(labels: Labels, samples: SampleColumns)] {
        series.filter { entry in
            guard let first = entry.samples.timestamps.first, let last = entry.samples.timestamps.last else {
                return false
            }
            return first <= through.milliseconds && last >= from.milliseconds
                && matchers.allSatisfy { $0.matches(entry.labels) }
        }
    }
}

/// The fixture's series, at 1 700 000 000 s and the minute after.
func sampleSource() -> MemorySource {
    var source = MemorySource()
    let start: Int64 = 1_700_000_000_000
    for (core, mode, slope) in [("0", "idle", 9.5), ("0", "user", 0.5), ("1", "idle", 8.0)] {
        let samples = (0...4).map { (start + Int64($0) * 15_000, Double($0) * 15 * slope) }
        source.add([("__name__", "cpu_seconds_total"), ("cpu", core), ("mode", mode)], samples)
    }
    source.add([("__name__", "load"), ("note", "a \"b\" <c> & d\n")], [(start + 30_000, 0.25)])
    source.families["cpu_seconds_total"] = MetricMetadata(
        family: "cpu_seconds_total",
        kind: .counter,
        help: "Seconds <per> mode."
    )
    source.families["load"] = MetricMetadata(family: "load", kind: .gauge, help: "")
    return source
}

/// Services over the fixture, with a clock that stands still one minute after its start.
func sampleServices(_ source: MemorySource = sampleSource()) -> APIServices {
    APIServices(
        engine: QueryEngine(source: source),
        source: source,
        telemetry: Telemetry(),
        clock: ManualClock(wallMilliseconds: 1_700_000_060_000),
        node: NodeView(
            name: "gw-17",
            version: "0.1.0",
            revision: "abc123",
            startTime: Timestamp(milliseconds: 1_700_000_000_000)
        )
    )
}

/// Runs a server on a port of the system's choice for as long as the body runs, then stops it gracefully.
func withServer(
    _ services: APIServices = sampleServices(),
    _ body: (RawClient) async throws -> Void
) async throws {
    let (addresses, continuation) = AsyncStream<ListenAddress>.makeStream()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = HTTPServer(
        address: ListenAddress(host: "127.0.0.1", port: 0),
        services: services,
        logger: logger
    ) { address in
        continuation.yield(address)
        continuation.finish()
    }
    let group = ServiceGroup(services: [server], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { continuation.finish() }
            try await group.run()
        }
        var iterator = addresses.makeAsyncIterator()
        let address = try #require(await iterator.next())
        do {
            try await body(RawClient(port: address.port))
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}
