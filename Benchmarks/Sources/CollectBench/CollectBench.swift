// SPDX-License-Identifier: Apache-2.0
//
// CollectBench [FILE]: what a scrape or a push costs between the bytes of the body and the store's log, in processor time
// of the one thread that works. Bodies are those of targets with 500 series, a tenth of which change by fractions, half by
// whole numbers, and the rest not; with FILE, an exposition captured from a real one is read as well. And what the pods of
// a large cluster cost to know.
//
// Parts of the collector that are no public matter are measured from inside, so this is built with -enable-testing:
// `swift run -c release -Xswiftc -enable-testing CollectBench`.

import Config
import Logging
import Platform
import Samples
import TSDB
import Wire

@testable import Collector

@main
enum CollectBench {
    private static let series = 500

    static func main() throws {
        Console.flushEachLine()
        // First, while the heap is clean.
        try Pods.measure()
        for path in CommandLine.arguments.dropFirst() {
            try parse("text, \(path)", try TextFile.read(path), .text)
        }
        for (name, format) in [("text", ExpositionFormat.text), ("OpenMetrics", .openMetrics)] {
            try parse(name, body(0, format), format)
            try store(name, format)
        }
        try Pushes.measure()
    }

    /// The n-th body of a target with some histograms and many gauges.
    private static func body(_ number: Int, _ format: ExpositionFormat) -> [UInt8] {
        var text = ""
        for family in 0..<(series / 20) {
            text += "# HELP family_\(family)_seconds A family of the benchmark, described in a sentence.\n"
            text += "# TYPE family_\(family)_seconds gauge\n"
            for member in 0..<20 {
                let index = family * 20 + member
                let value: String
                switch index % 10 {
                case 0: value = "\(Double(index) * 1.37 + Double(number) * 0.0625)"
                case 1...5: value = "\(index * 1000 + number)"
                default: value = "\(index)"
                }
                text +=
                    "family_\(family)_seconds{device=\"sda\(member)\",mode=\"user\",zone=\"north\"} \(value)\n"
            }
        }
        return Array((format == .openMetrics ? text + "# EOF\n" : text).utf8)
    }

    private static func parse(_ name: String, _ body: [UInt8], _ format: ExpositionFormat) throws {
        var best = UInt64.max
        var samples = 0
        let rounds = max(1, 20_000_000 / body.count)
        for _ in 0..<5 {
            let began = ThreadTime.nanoseconds()
            samples = 0
            for _ in 0..<rounds {
                if format == .text {
                    var parser = ExpositionParser(body, collectingMetadata: false)
                    while try parser.next() != nil { samples += 1 }
                } else {
                    var parser = OpenMetricsScrapeParser(body, collectingMetadata: false)
                    while try parser.next() != nil { samples += 1 }
                }
            }
            best = min(best, ThreadTime.nanoseconds() - began)
        }
        let megabytes = Double(body.count * rounds) * 1000 / Double(best)
        print(
            "parse \(name): \(body.count) bytes, \(samples / rounds) samples, \(Int(megabytes)) MB/s, "
                + "\(best / UInt64(max(1, samples))) ns a sample"
        )
    }

    private static func store(_ name: String, _ format: ExpositionFormat) throws {
        let first = SystemClock().wallMilliseconds() - 24 * 3_600_000
        let clock = ManualClock(wallMilliseconds: first)
        let directory = "benchmark-scrape"
        let store = try openStore(directory, clock)
        defer { empty(directory) }
        var job = ScrapeConfig(jobName: "bench")
        job.staticConfigs = [TargetGroup(targets: ["gateway:9100"])]
        guard let target = TargetList([job]).targets.first else { return }
        var scraper = ScrapeStore(target, sink: store)
        var nanoseconds: UInt64 = 0
        var reading: UInt64 = 0
        let rounds = 2000
        for round in 0..<rounds {
            let body = body(round, format)
            let time = Timestamp(milliseconds: first + Int64(round) * 15_000)
            clock.advance(milliseconds: 15_000)
            var counts = ScrapeCounts()
            let began = ThreadTime.nanoseconds()
            try scraper.read(body, as: format, at: time, keeping: .all, counts: &counts)
            let read = ThreadTime.nanoseconds()
            try scraper.commit(at: time, duration: .milliseconds(3), counts: &counts)
            let ended = ThreadTime.nanoseconds()
            // The first scrapes learn the names.
            if round >= 100 {
                reading += read - began
                nanoseconds += ended - began
            }
            if round % 20 == 0 { try store.maintain() }
        }
        let each = UInt64(rounds - 100)
        print(
            "scrape \(name): \(nanoseconds / each / 1000) us from bytes to stored, of it \(reading / each / 1000) us reading"
        )
    }

    /// A new store.
    static func openStore(_ directory: String, _ clock: ManualClock) throws -> Store {
        empty(directory)
        return try Store(
            StoreOptions(directory: directory, ringBytes: 64 << 20),
            files: SystemFileStore(),
            clock: clock,
            telemetry: Telemetry(),
            logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    static func empty(_ directory: String) {
        let files = SystemFileStore()
        for file in (try? files.list(directory)) ?? [] { try? files.remove("\(directory)/\(file)") }
    }
}
