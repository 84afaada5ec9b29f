// SPDX-License-Identifier: Apache-2.0
//
// The whole service against a scripted receiver: every answer a receiver can give, kills, losses, reconfiguration.

import Conditions
import Config
import Foundation
import HTTPClient
import Platform
import Samples
import StateStore
import Synchronization
import TestServer
import Testing

@testable import Sync

@Suite struct SyncServiceTests {
    private let bench: Bench

    init() throws {
        bench = try Bench()
    }

    /// Delivers everything in the log to a receiver with this script.
    private func deliver(
        _ script: @escaping @Sendable (Receiver.Call) -> Receiver.Answer,
        samplesPerRequest: Int = 20,
        timeout: Duration = .seconds(30),
        ageLimit: Duration = .zero
    ) async throws -> (receiver: Receiver, service: SyncService) {
        let receiver = try Receiver(script)
        defer { receiver.stop() }
        let service = bench.service()
        var config = Bench.destination(receiver.server.url("/w"), samplesPerRequest: samplesPerRequest)
        config.remoteTimeout = timeout
        config.queue.sampleAgeLimit = ageLimit
        service.configure(
            [config],
            externalLabels: Labels(),
            sync: Bench.sync(samplesPerRequest: samplesPerRequest)
        )
        let end = bench.log.end.sequence
        let bench = bench
        try await bench.run(service) { try bench.savedCursor() == end }
        #expect(receiver.failures.isEmpty)
        return (receiver, service)
    }

    private func labels(_ name: String, site: String = "") -> Labels {
        Labels().setting("__name__", name).setting("site", site)
    }

    // MARK: - The normal way

    @Test func deliversEverySampleOnceWithLabelsAndHeaders() async throws {
        bench.log.append(rows: 50)
        bench.log.append(
            MemoryLog.Row(
                timestamp: 1_700_000_100_000,
                samples: [
                    (labels("gone", site: "own"), StaleMarker.value),
                    (labels("nan"), Double(bitPattern: 0x7ff8_0000_0000_0001)),
                    (labels("inf"), -.infinity), (labels("zero"), -0.0),
                ]
            )
        )
        let receiver = try Receiver { _ in .store }
        defer { receiver.stop() }
        let service = bench.service()
        service.configure(
            [Bench.destination(receiver.server.url("/w"))],
            externalLabels: Labels().setting("site", "plant").setting("node", "n1"),
            sync: Bench.sync()
        )
        let bench = bench
        try await bench.run(service) { try bench.savedCursor() == 51 }

        let expected = Set(
            bench.log.contents.map { sample in
                var labels = sample.labels.setting("node", "n1")
                if labels["site"] == nil { labels = labels.setting("site", "plant") }
                return Received(labels: labels, timestamp: sample.timestamp, bits: sample.bits)
            }
        )
        #expect(receiver.stored.count == 154)
        #expect(Set(receiver.stored) == expected)
        #expect(receiver.stored.contains { $0.bits == StaleMarker.bits && $0.labels["site"] == "own" })
        let first = try #require(receiver.calls.first)
        #expect(first.headers["content-encoding"] == "snappy")
        #expect(first.headers["content-type"] == "application/x-protobuf")
        #expect(first.headers["x-prometheus-remote-write-version"] == "0.1.0")
        #expect(first.headers["user-agent"] == "edgewatch-test/1")
        #expect(first.headers["retry-attempt"] == nil)

        let status = try #require(service.status().first)
        #expect(status.state == .idle)
        #expect(status.backlogRows == 0)
        #expect(status.backlogSeconds == 0)
        #expect(status.sentSamples == 154)
        #expect(status.lastSuccess != nil)
        #expect(status.lastError == nil)
        #expect(bench.counter("edgewatch_sync_sent_samples_total") == 154)
        #expect(bench.counter("edgewatch_sync_lost_rows_total") == 0)
        #expect(bench.counter("edgewatch_sync_retries_total") == 0)
        #expect(bench.counter("edgewatch_sync_backlog_rows") == 0)
        #expect((bench.counter("edgewatch_sync_sent_bytes_total") ?? 0) > 1000)
        #expect((bench.counter("edgewatch_sync_last_success_timestamp_seconds") ?? 0) > 1_700_000_000)
    }

    @Test func samplesOfASeriesArriveInTimeOrder() async throws {
        bench.log.append(rows: 200)
        let (receiver, _) = try await deliver { $0.number % 3 == 0 ? .status(500, "", []) : .store }
        for (_, samples) in Dictionary(grouping: receiver.stored, by: \.labels) {
            let times = samples.map(\.timestamp)
            #expect(times == times.sorted())
            #expect(Set(times).count == times.count)
        }
    }

    @Test func twoDestinationsHaveTheirOwnPace() async throws {
        bench.log.append(rows: 40)
        let good = try Receiver { _ in .store }
        let bad = try Receiver { _ in .status(503, "later", []) }
        defer {
            good.stop()
            bad.stop()
        }
        let service = bench.service()
        service.configure(
            [
                Bench.destination(good.server.url(), name: "good"),
                Bench.destination(bad.server.url(), name: "bad"),
            ],
            externalLabels: Labels(),
            sync: Bench.sync()
        )
        let bench = bench
        let observed = Mutex<[DestinationStatus]>([])
        try await bench.run(service) {
            guard try bench.savedCursor("good") == 40, bad.calls.count > 5 else { return false }
            observed.withLock { $0 = service.status() }
            return true
        }
        #expect(Set(good.stored) == bench.log.contents)
        #expect(bad.stored.isEmpty)
        let statuses = observed.withLock { $0 }
        #expect(statuses.map(\.name) == ["good", "bad"])
        #expect(statuses.map(\.state) == [.idle, .retrying])
        #expect(statuses[1].lastError == "status 503: later")
        #expect(statuses[1].backlogRows == 40)
        #expect(statuses[1].backlogSeconds > 0)
        // The same bytes every time.
        #expect(Set(bad.calls.map(\.body)).count == 1)
    }

    // MARK: - Every answer

    @Test(arguments: [500, 502, 503, 504, 429, 408])
    func temporaryStatusesRepeatTheSameBytes(status: Int) async throws {
        bench.log.append(rows: 30)
        let (receiver, _) = try await deliver { $0.number < 4 ? .status(status, "busy", []) : .store }
        #expect(receiver.stored.count == 90)
        #expect(Set(receiver.stored) == bench.log.contents)
        let calls = receiver.calls
        #expect(Set(calls[...4].map(\.body)).count == 1)
        #expect(calls[...4].map { $0.headers["retry-attempt"] } == [nil, "1", "2", "3", "4"])
        #expect(calls[5].headers["retry-attempt"] == nil)
        #expect(bench.counter("edgewatch_sync_retries_total") == 4)
    }

    @Test func retryAfterIsHonouredAndCapped() async throws {
        bench.log.append(rows: 3)
        let (receiver, _) = try await deliver { call in
            switch call.number {
            case 0: .status(429, "", [("Retry-After", "7")])
            case 1: .status(503, "", [("Retry-After", "1000000000000")])
            case 2: .status(503, "", [("Retry-After", "-3")])
            default: .store
            }
        }
        #expect(Set(receiver.stored) == bench.log.contents)
        let long = bench.clock.sleeps.filter { $0 > .seconds(2) }
        #expect(long.count == 2)
        #expect(long[0] >= .seconds(7) && long[0] <= .milliseconds(7700))
        #expect(long[1] >= .seconds(300) && long[1] <= .seconds(330))
    }

    @Test(arguments: [401, 403, 404, 301])
    func refusalsCostNoData(status: Int) async throws {
        bench.log.append(rows: 30)
        let (receiver, _) = try await deliver { $0.number < 3 ? .status(status, "go away", []) : .store }
        #expect(receiver.stored.count == 90)
        #expect(Set(receiver.stored) == bench.log.contents)
        let pauses = bench.clock.sleeps.filter { $0 > .seconds(2) }
        #expect(pauses.count == 3)
        #expect(pauses.allSatisfy { $0 >= .seconds(15) && $0 <= .seconds(300) })
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 0)
    }

    @Test func tooLargeRequestsAreHalvedUntilTheyFit() async throws {
        bench.log.append(rows: 100)
        let (receiver, _) = try await deliver(
            { $0.samples.count > 7 ? .status(413, "too large", []) : .store },
            samplesPerRequest: 100
        )
        #expect(receiver.stored.count == 300)
        #expect(Set(receiver.stored) == bench.log.contents)
    }

    @Test func aPoisonSeriesIsGivenUpAndAllElseArrives() async throws {
        bench.log.append(rows: 60, series: 10)
        let isPoison: @Sendable (Received) -> Bool = { $0.labels["i"] == "6" && $0.timestamp % 7000 == 0 }
        let (receiver, service) = try await deliver(
            { $0.samples.contains(where: isPoison) ? .status(400, "label value too long", []) : .store },
            samplesPerRequest: 100
        )
        let poison = bench.log.contents.filter(isPoison)
        #expect(poison.count > 5)
        #expect(receiver.stored.count == 600 - poison.count)
        #expect(Set(receiver.stored) == bench.log.contents.subtracting(poison))
        #expect(
            bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"])
                == Double(poison.count)
        )
        #expect(service.status().first?.droppedSamples == UInt64(poison.count))
    }

    @Test func aReceiverThatRejectsEverythingDoesNotBlockTheLine() async throws {
        bench.log.append(rows: 100)
        let old = bench.log.timestamp(at: LogPosition(sequence: 60))?.milliseconds ?? 0
        let (receiver, _) = try await deliver { call in
            call.samples.contains { $0.timestamp < old } ? .status(400, "too old sample", []) : .store
        }
        let dropped = bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "out_of_order"]) ?? 0
        // Exactly what is too old is given up, in few requests.
        #expect(receiver.stored.count == 120)
        #expect(dropped == 180)
        #expect(receiver.calls.count < 100)
    }

    @Test func connectionsThatBreakAreTriedAgain() async throws {
        bench.log.append(rows: 30)
        let (receiver, _) = try await deliver { $0.number % 2 == 0 ? .resetBeforeStoring : .store }
        #expect(receiver.stored.count == 90)
        #expect(Set(receiver.stored) == bench.log.contents)
    }

    @Test func aLostAnswerRepeatsTheSameBytes() async throws {
        bench.log.append(rows: 30)
        let (receiver, _) = try await deliver { $0.number == 1 ? .storeThenReset : .store }
        #expect(Set(receiver.stored) == bench.log.contents)
        let calls = receiver.calls
        #expect(calls[1].body == calls[2].body)
        #expect(receiver.stored.count == 90 + calls[1].samples.count)
    }

    @Test func anEndlessAnswerIsCutAndCounts() async throws {
        bench.log.append(rows: 10)
        let (receiver, _) = try await deliver { $0.number == 0 ? .storeThenHugeBody : .store }
        #expect(receiver.stored.count == 30)
        #expect(Set(receiver.stored) == bench.log.contents)
    }

    @Test func silenceTimesOutAndHalves() async throws {
        bench.log.append(rows: 100)
        let (receiver, _) = try await deliver(
            { $0.number < 2 ? .silence : .store },
            samplesPerRequest: 300,
            timeout: .seconds(1)
        )
        #expect(receiver.stored.count == 300)
        #expect(Set(receiver.stored) == bench.log.contents)
        #expect(receiver.calls.map(\.samples.count) == [300, 300, 100, 200])
    }

    // MARK: - The log

    @Test func overwrittenRowsAreCountedAndPassedOver() async throws {
        bench.log.append(rows: 50)
        _ = try await deliver { _ in .store }
        bench.log.append(rows: 50)
        bench.log.drop(before: 70)
        let (receiver, service) = try await deliver { _ in .store }
        #expect(Set(receiver.stored) == bench.log.contents)
        #expect(receiver.stored.count == 90)
        #expect(service.status().first?.lostRows == 20)
        #expect(bench.counter("edgewatch_sync_lost_rows_total") == 20)
    }

    @Test func aNewDestinationBeginsAtTheOldestRow() async throws {
        bench.log.append(rows: 50)
        bench.log.drop(before: 30)
        let (receiver, service) = try await deliver { _ in .store }
        #expect(Set(receiver.stored) == bench.log.contents)
        #expect(receiver.stored.count == 60)
        #expect(service.status().first?.lostRows == 0)
    }

    @Test func aCursorBeyondTheLogGoesBackToItsEnd() async throws {
        // A power cut took rows 20 to 39; their numbers are given again.
        let record = CursorRecord(position: LogPosition(sequence: 40), lastSuccess: nil)
        try bench.state.put(CursorRecord.table, "d", record.bytes)
        bench.log.append(rows: 20)
        let receiver = try Receiver { _ in .store }
        defer { receiver.stop() }
        let service = bench.service()
        let before = bench.log.contents
        bench.log.append(rows: 30)
        service.configure(
            [Bench.destination(receiver.server.url())],
            externalLabels: Labels(),
            sync: Bench.sync()
        )
        let bench = bench
        try await bench.run(service) { try bench.savedCursor() == 50 }
        #expect(Set(receiver.stored) == bench.log.contents.subtracting(before))
    }

    @Test func unreadableRowsAreSkippedAndCounted() async throws {
        bench.log.append(rows: 60)
        bench.log.makeUnreadable([20, 21, 22])
        let (receiver, _) = try await deliver { _ in .store }
        // Steps of 1 and 2 rows reach row 23.
        #expect(receiver.stored.count == 57 * 3)
        #expect(bench.counter("edgewatch_sync_lost_rows_total") == 3)
    }

    @Test func samplesBeyondTheAgeLimitStayHere() async throws {
        let now = bench.clock.wallMilliseconds()
        bench.log.append(rows: 10, from: now - 7_200_000)
        bench.log.append(rows: 10, from: now)
        let (receiver, _) = try await deliver({ _ in .store }, ageLimit: .seconds(3600))
        #expect(receiver.stored.count == 30)
        #expect(receiver.stored.allSatisfy { $0.timestamp >= now })
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "too_old"]) == 30)
    }

    @Test func relabelingSeesExternalLabelsAndDropsSeries() async throws {
        bench.log.append(rows: 5, series: 4)
        let receiver = try Receiver { _ in .store }
        defer { receiver.stop() }
        var drop = try RelabelConfig(action: .drop, regex: "2;n1")
        drop.sourceLabels = ["i", "node"]
        let rename = try RelabelConfig(action: .labeldrop, regex: "node")
        var config = Bench.destination(receiver.server.url())
        config.writeRelabelConfigs = [drop, rename]
        let service = bench.service()
        service.configure([config], externalLabels: Labels().setting("node", "n1"), sync: Bench.sync())
        let bench = bench
        try await bench.run(service) { try bench.savedCursor() == 5 }
        #expect(Set(receiver.stored) == bench.log.contents.filter { $0.labels["i"] != "2" })
        #expect(receiver.stored.count == 15)
        #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "relabelled"]) == 5)
        // Dropped on purpose: not what the status warns of.
        #expect(service.status().first?.droppedSamples == 0)
    }

    // MARK: - Kills and changes

    @Test func killsAndRandomFailuresLoseAndInventNothing() async throws {
        var generator = SeededGenerator(seed: 20_261_121)
        for round in 0..<12 {
            let bench = try Bench()
            let seed = generator.next()
            let script: @Sendable (Receiver.Call) -> Receiver.Answer = { call in
                var random = SeededGenerator(seed: seed &+ UInt64(call.number))
                switch UInt64.random(in: 0..<12, using: &random) {
                case 0: return .status(500, "", [])
                case 1: return .status(429, "", [("Retry-After", "1")])
                case 2: return .resetBeforeStoring
                case 3: return .storeThenReset
                case 4: return .status(401, "", [])
                case 5 where call.samples.count > 5: return .status(413, "", [])
                default: return .store
                }
            }
            let receiver = try Receiver(script)
            defer { receiver.stop() }
            var cursors: [UInt64] = [0]
            for run in 0..<6 {
                bench.log.append(rows: Int.random(in: 5...40, using: &generator), series: 4)
                let service = bench.service(seed: seed &+ UInt64(run))
                service.configure(
                    [Bench.destination(receiver.server.url())],
                    externalLabels: Labels(),
                    sync: Bench.sync()
                )
                let end = bench.log.end.sequence
                let calls = receiver.calls.count + Int.random(in: 1...6, using: &generator)
                // Killed after some requests, but for the last run.
                try await bench.run(service) {
                    let isDone = try bench.savedCursor() == end
                    return isDone || run < 5 && receiver.calls.count >= calls
                }
                cursors.append(try bench.savedCursor() ?? 0)
            }
            #expect(Set(receiver.stored) == bench.log.contents, "round \(round)")
            #expect(cursors == cursors.sorted(), "round \(round)")
            #expect(bench.counter("edgewatch_sync_dropped_samples_total", ["reason": "rejected"]) == 0)
            #expect(bench.counter("edgewatch_sync_lost_rows_total") == 0)
        }
    }

    @Test func aQuietRestartSendsNothingTwice() async throws {
        bench.log.append(rows: 50)
        let (first, _) = try await deliver { _ in .store }
        bench.log.append(rows: 50)
        let (second, _) = try await deliver { _ in .store }
        #expect(first.stored.count == 150)
        #expect(second.stored.count == 150)
        #expect(Set(first.stored + second.stored) == bench.log.contents)
    }

    @Test func anOutageEndsWithEverythingDelivered() async throws {
        bench.log.append(rows: 20)
        let first = try Receiver { _ in .store }
        let port = first.server.port
        let service = bench.service()
        service.configure(
            [Bench.destination(first.server.url())],
            externalLabels: Labels(),
            sync: Bench.sync()
        )
        let second = Mutex<Receiver?>(nil)
        let step = Mutex(0)
        let bench = bench
        try await bench.run(service) {
            try step.withLock { step in
                switch step {
                case 0 where try bench.savedCursor() == 20:
                    first.stop()
                    bench.log.append(rows: 500)
                    step = 1
                case 1 where (bench.counter("edgewatch_sync_retries_total") ?? 0) > 20:
                    guard let receiver = try? Receiver(port: port, { _ in .store }) else { return false }
                    second.withLock { $0 = receiver }
                    step = 2
                case 2: return try bench.savedCursor() == 520
                default: break
                }
                return false
            }
        }
        let rest = second.withLock { $0 }
        defer { rest?.stop() }
        #expect(first.stored.count == 60)
        #expect(rest?.stored.count == 1500)
        #expect(Set(first.stored + (rest?.stored ?? [])) == bench.log.contents)
    }

    @Test func reconfigurationKeepsUnchangedDestinations() async throws {
        bench.log.append(rows: 10)
        let receivers = try (0..<3).map { _ in try Receiver { _ in .store } }
        defer { for receiver in receivers { receiver.stop() } }
        let configs = receivers.enumerated().map { Bench.destination($1.server.url(), name: "d\($0)") }
        let service = bench.service()
        service.configure(Array(configs[..<2]), externalLabels: Labels(), sync: Bench.sync())
        let step = Mutex(0)
        let bench = bench
        try await bench.run(service) {
            try step.withLock { step in
                switch step {
                case 0 where try bench.savedCursor("d0") == 10 && bench.savedCursor("d1") == 10:
                    // d0 stays, d1 goes, d2 comes.
                    service.configure([configs[0], configs[2]], externalLabels: Labels(), sync: Bench.sync())
                    step = 1
                case 1 where try bench.savedCursor("d2") == 10:
                    bench.log.append(rows: 10)
                    step = 2
                case 2: return try bench.savedCursor("d0") == 20 && bench.savedCursor("d2") == 20
                default: break
                }
                return false
            }
        }
        #expect(receivers[0].stored.count == 60)
        #expect(receivers[1].stored.count == 30)
        #expect(receivers[2].stored.count == 60)
        #expect(service.status().map(\.name) == ["d0", "d2"])
    }

    // MARK: - Signals

    @Test func transfersTellLatencyAndBandwidth() async throws {
        #expect(bench.signals.value(SignalName.networkLatency) == nil)
        bench.log.append(rows: 2000, series: 20)
        _ = try await deliver({ _ in .store }, samplesPerRequest: 10_000)
        guard case .number(let latency) = bench.signals.value(SignalName.networkLatency)?.value,
            case .number(let bandwidth) = bench.signals.value(SignalName.bandwidth)?.value
        else {
            Issue.record("a signal is missing: \(bench.signals.all())")
            return
        }
        #expect(latency > 0 && latency < 1)
        #expect(bandwidth > 1000)
    }

    @Test func smallAndIdleTransfersSayNothingOfTheBandwidth() throws {
        let meter = LinkMeter(signals: bench.signals)
        var transfer = TransferStatistics()
        transfer.bytesSent = 1000
        transfer.exchange = .milliseconds(10)
        meter.observe(transfer)
        #expect(bench.signals.all().isEmpty)
        transfer.roundTrip = .milliseconds(200)
        meter.observe(transfer)
        #expect(bench.signals.value(SignalName.networkLatency)?.value == .number(0.2))
        #expect(bench.signals.value(SignalName.bandwidth) == nil)
        // 100 000 bytes in 1 s beyond one round trip.
        transfer.bytesSent = 100_000
        transfer.exchange = .milliseconds(1200)
        meter.observe(transfer)
        #expect(bench.signals.value(SignalName.bandwidth)?.value == .number(800_000))
        transfer.roundTrip = .milliseconds(100)
        transfer.exchange = .milliseconds(600)
        meter.observe(transfer)
        #expect(bench.signals.value(SignalName.networkLatency)?.value == .number(0.2 + 0.2 * (0.1 - 0.2)))
        #expect(
            bench.signals.value(SignalName.bandwidth)?.value == .number(800_000 + 0.2 * (1_600_000 - 800_000))
        )
    }
}
