// SPDX-License-Identifier: Apache-2.0
//
// The real store as outbox: rows that sit in the log, in sealed segments, and that come back after a restart without a
// clean end, all reach a receiver that fails at random, each exactly once in content.

import Conditions
import Foundation
import Logging
import Platform
import Samples
import StateStore
import Synchronization
import TSDB
import TestServer
import Testing

@testable import Sync

@Suite struct StoreAsOutboxTests {
    private let directory = FileManager.default.temporaryDirectory.appending(
        path: "outbox-\(UUID().uuidString)"
    ).path

    private func open(_ clock: any EdgeClock) throws -> Store {
        try Store(
            StoreOptions(directory: directory, ringBytes: 32 << 20, ringFiles: 4, logBytes: 1 << 20),
            files: SystemFileStore(),
            clock: clock,
            telemetry: Telemetry(),
            logger: Logger(label: "store") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test func everyRowArrivesThroughSealsAndRestarts() async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let clock = ImpatientClock()
        let state = try StateStore(path: ":memory:")
        let http = Bench.http
        let receiver = try Receiver { call in
            switch call.number % 7 {
            case 2: .status(503, "", [])
            case 4: .storeThenReset
            case 5: .resetBeforeStoring
            default: .store
            }
        }
        defer { receiver.stop() }
        var expected: Set<Received> = []
        let start = clock.wallMilliseconds() - 3_600_000
        for run in 0..<5 {
            let store = try open(clock)
            let telemetry = Telemetry()
            let service = SyncService(
                log: store,
                state: state,
                http: http,
                signals: SignalBoard(clock: clock),
                clock: clock,
                random: SeededGenerator(seed: UInt64(run)),
                telemetry: telemetry,
                logger: Logger(label: "sync") { _ in SwiftLogNoOpLogHandler() }
            )
            for group in 0..<3 {
                let id = try store.group(Labels().setting("instance", "g\(group)"))
                let labels = (0..<10).map {
                    Labels().setting("__name__", "m").setting("instance", "g\(group)").setting("i", "\($0)")
                }
                let series = try labels.map { try store.series($0, in: id) }
                for row in 0..<200 {
                    let time = start + Int64(run * 200 + row) * 1000 + Int64(group)
                    var batch = SampleBatch(group: id, timestamp: Timestamp(milliseconds: time), capacity: 10)
                    for (index, one) in series.enumerated() {
                        let value =
                            row % 50 == 49 && index == 3
                            ? StaleMarker.value : Double(run * 1000 + row * 10 + index)
                        batch.append(one, value)
                        expected.insert(
                            Received(labels: labels[index], timestamp: time, bits: value.bitPattern)
                        )
                    }
                    #expect(try store.append(batch) == AppendResult(appended: 10))
                }
                if group == run % 3 { try store.sealAll() }
            }
            service.configure(
                [Bench.destination(receiver.server.url(), samplesPerRequest: 700)],
                externalLabels: Labels(),
                sync: Bench.sync(samplesPerRequest: 1500)
            )
            let end = store.end.sequence
            let calls = receiver.calls.count + 3
            let cursor: @Sendable () throws -> UInt64? = {
                try state.cursor("d")
            }
            try await Bench.run(service) { try cursor() == end || (run < 4 && receiver.calls.count >= calls) }
            #expect(
                telemetry.families().first { $0.name == "edgewatch_sync_lost_rows_total" }?.samples[0].value
                    == 0
            )
            // Odd runs end as if killed: the store is dropped without being closed.
            if run % 2 == 0 { store.close() }
        }
        #expect(Set(receiver.stored) == expected)
        #expect(expected.count == 5 * 3 * 200 * 10)
    }
}
