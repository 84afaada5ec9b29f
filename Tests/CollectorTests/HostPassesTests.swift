// SPDX-License-Identifier: Apache-2.0
//
// Collectors with an interval of their own run in a pass of their own, beside the host's and without harm to it.

import Config
import Foundation
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

@Suite struct HostPassesTests {
    @Test func passesOfOneHostEndOnlyTheirOwnSeries() async throws {
        let fixture = try HostFixture(HostFixture.laptop)
        var config = HostCollectorConfig()
        config.interval = .seconds(15)
        config.procPath = fixture.roots.proc
        config.sysPath = fixture.roots.sys
        config.rootfsPath = fixture.roots.rootfs
        config.collectors = only(["loadavg", "stat"])
        config.collectors[.loadavg].interval = .seconds(5)
        let sink = RecordingSink()
        let telemetry = Telemetry()
        let identity = Labels([(name: "instance", value: "gw"), (name: "job", value: "node")])
        let definitions = config.passes.map { SourceDefinition.host($0, identity: identity) }
        #expect(definitions.map(\.name) == ["node", "node/5s"])
        #expect(definitions.map(\.interval) == [.seconds(15), .seconds(5)])
        #expect(definitions[1].samplingNames == ["node", "host", "node/5s"])
        let tally = PassTally(telemetry, kind: "node", sampling: SamplingTally(telemetry))
        let sources = config.passes.map {
            HostPassSource(
                $0,
                identity: identity,
                sink: sink,
                clock: ManualClock(wallMilliseconds: 0),
                tally: tally,
                logger: Logger(label: "test")
            )
        }
        func names(_ index: Int, at seconds: Int64) async -> Set<String> {
            await sources[index].pass(
                PassOrder(time: Timestamp(milliseconds: seconds * 1000), interval: .seconds(5), classes: .all)
            )
            return Set(sink.newestValues().keys.map { String($0.prefix { $0 != "{" }) })
        }
        let own = await names(0, at: 0)
        #expect(own.contains("up"))
        #expect(own.contains("node_boot_time_seconds"))
        #expect(!own.contains("node_load1"))
        let further = await names(1, at: 5)
        #expect(further.contains("node_load1"))
        #expect(!further.contains("up"))
        _ = await names(0, at: 15)
        let isAnyStale = { sink.state.withLock { $0.batches.contains { $0.values.contains { $0.isStale } } } }
        #expect(!isAnyStale())
        await sources[1].end(at: Timestamp(milliseconds: 20_000))
        let ended = sink.state.withLock { state in
            Set((state.batches.last?.series ?? []).map { state.series[Int($0.rawValue)].description })
        }
        #expect(ended.count == 5)
        #expect(ended.allSatisfy { $0.contains("node_load") || $0.contains(#"collector="loadavg""#) })
    }

    /// What a pass over this machine costs, printed.
    ///
    /// `EDGEWATCH_HOST_PASSES=1000` and a release build give the figures of docs/PERFORMANCE.md. Asserted is what does not
    /// depend on the machine: after the first passes nothing is asked of the store but to take the batch.
    @Test func aPassOfTheMachine() throws {
        let passes = ProcessInfo.processInfo.environment["EDGEWATCH_HOST_PASSES"].flatMap { Int($0) } ?? 20
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let host = HostCollector(clock: SystemClock(), logger: logger)
        let sink = RecordingSink()
        var pass = PassBuffer(group: Labels(), sink: sink)
        func run(_ count: Int) throws {
            for time in 1...count {
                pass.begin()
                host.collect(into: &pass)
                _ = try pass.finish(at: Timestamp(milliseconds: Int64(time)))
                sink.state.withLock { $0.batches.removeAll() }
            }
        }
        try run(5)
        let known = sink.state.withLock { $0.series.count }
        let start = ThreadTime.nanoseconds()
        try run(passes)
        let spent = Double(ThreadTime.nanoseconds() - start) / 1e6 / Double(passes)
        print("a pass of \(pass.statistics.values) series takes \(spent) ms of CPU over \(passes) passes")
        #expect(pass.statistics.values > 200)
        #expect(pass.statistics.refused == 0 && pass.statistics.duplicate == 0)
        // A device may come while the test runs; every pass asking anew would be thousands.
        #expect(sink.state.withLock { $0.series.count } <= known + 100)
    }
}
