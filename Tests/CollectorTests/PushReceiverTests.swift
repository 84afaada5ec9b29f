// SPDX-License-Identifier: Apache-2.0
//
// A pushed body to what the store was given and what the sender is told.

import Bytes
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private let now: Int64 = 1_700_000_000_000

private func labels(_ pairs: (String, String)...) -> Labels {
    Labels(pairs.map { (name: $0.0, value: $0.1) })
}

private func series(_ labels: Labels, _ samples: (Int64, Double)...) -> LogChunk.Series {
    var columns = SampleColumns()
    for (time, value) in samples { columns.append(time, value) }
    return LogChunk.Series(labels: labels, samples: columns)
}

private let loadA = labels(("__name__", "load"), ("instance", "a"), ("job", "node"))
private let upA = labels(("__name__", "up"), ("instance", "a"), ("job", "node"))
private let upB = labels(("__name__", "up"), ("instance", "b"), ("job", "node"))

/// A receiver before a store of its own, at a time that stands still.
private struct Bench {
    let store = PushedStore()
    let clock = ManualClock(wallMilliseconds: now)
    let telemetry = Telemetry()
    let receiver: PushReceiver

    init(groupLabels: [String] = ["job", "instance"], maxSeries: Int = 1000) {
        receiver = PushReceiver(
            PushReceiver.Options(groupLabels: groupLabels, maxSeries: maxSeries),
            sink: store,
            clock: clock,
            telemetry: telemetry
        )
    }

    @discardableResult
    func push(_ series: LogChunk.Series...) -> RemoteWriteReport {
        push(message: RemoteWriteV1.encode(series), .v1)
    }

    func push(message: [UInt8], _ version: RemoteWriteVersion) -> RemoteWriteReport {
        receiver.receive(Snappy.compress(message).span, .snappy, version)
    }

    func refused(_ reason: String) -> Double? {
        telemetry.families().first { $0.name == "edgewatch_receiver_rejected_samples_total" }?
            .samples.first { $0.labels.contains { $0.value == reason } }?.value
    }
}

struct PushReceiverTests {
    @Test func aRequestBecomesRowsOfGroups() {
        let bench = Bench()
        let report = bench.push(
            series(loadA, (now - 5, 1.5)),
            series(upA, (now - 5, 1)),
            series(upB, (now - 3, 0)),
            series(labels(("__name__", "lone"), ("x", "1")), (now, .nan)),
            series(labels(("__name__", "lone"), ("x", "2")), (now, StaleMarker.value))
        )
        #expect(report.verdict == .stored && report.samples == 5 && report.refused == 0)
        let batches = bench.store.state.withLock {
            $0.batches.map { "\($0.group) \($0.time - now) \($0.count)" }
        }
        #expect(
            batches == [
                #"{instance="a", job="node"} -5 2"#, #"{instance="b", job="node"} -3 1"#, "lone 0 2",
            ]
        )
        let stale = bench.store.state.withLock { state in
            state.samples.values.contains { $0[now] == StaleMarker.bits }
        }
        #expect(stale)
    }

    @Test func knownKeysAreNotLookedUpAgain() {
        let bench = Bench()
        for time in 0..<10 {
            let report = bench.push(
                series(loadA, (now + Int64(time), 1)),
                series(upB, (now + Int64(time), 1))
            )
            #expect(report.samples == 2)
        }
        #expect(bench.store.state.withLock { $0.lookups } == 2)
        #expect(bench.store.lines.count == 20)
    }

    @Test func whatNobodyPushesAnyMoreIsGivenBack() {
        let bench = Bench()
        let gone = (0..<3).map { labels(("__name__", "gone"), ("instance", "g"), ("n", "\($0)")) }
        let kept = labels(("__name__", "kept"), ("instance", "k"))
        for labels in gone { bench.push(series(labels, (now, 1)), series(kept, (now, 1))) }
        #expect(bench.store.used == (gone + [kept]).map { "\($0)" }.sorted())
        for sweep in 1...3 {
            bench.clock.advance(milliseconds: 600_000)
            bench.push(series(kept, (now + Int64(sweep), 1)))
        }
        #expect(bench.store.used == ["\(kept)"])
        #expect(bench.store.state.withLock { $0.uses.groups.map { "\($0) \($1)" }.count } == 1)
        // And asked for anew when it is back.
        #expect(bench.push(series(gone[0], (now + 9, 2))).samples == 1)
        #expect(bench.store.used == ["\(gone[0])", "\(kept)"].sorted())
    }

    /// A request with more series than are remembered throws out what it found itself: the store must not get it back before
    /// the rows are stored.
    @Test func aRequestKeepsWhatItFoundUntilItIsStored() {
        let bench = Bench(maxSeries: 16)
        for round in 0..<20 {
            let all = (0..<60).map { number in
                series(
                    labels(("__name__", "m\(number)"), ("job", "j\((number + round) % 7)")),
                    (now + Int64(round), 1)
                )
            }
            let report = bench.push(message: RemoteWriteV1.encode(all), .v1)
            #expect(report.samples == 60)
            #expect(bench.store.state.withLock { $0.uses.series.count } <= 16)
        }
    }

    @Test func whatTheStoreRefusesIsGivenBack() {
        let bench = Bench()
        bench.store.state.withLock { $0.limit = 1 }
        let report = bench.push(series(upA, (now, 1)), series(upB, (now, 1)))
        #expect(report.samples == 1 && report.refused == 1)
        #expect(bench.store.used == ["\(upA)"])
        #expect(bench.store.state.withLock { $0.uses.groups.count } == 1)
    }

    @Test func otherGroupLabels() {
        let bench = Bench(groupLabels: ["plant"])
        bench.push(
            series(labels(("__name__", "a"), ("plant", "p"), ("job", "x")), (now, 1)),
            series(labels(("__name__", "b"), ("plant", "p")), (now, 1))
        )
        #expect(bench.store.state.withLock { $0.groups } == [labels(("plant", "p"))])
    }

    /// As Prometheus catches up: several samples of each series, the series one after the other.
    @Test func samplesOfManyTimesAreRowsInOrder() {
        let bench = Bench()
        var request: [LogChunk.Series] = []
        for name in 0..<20 {
            var columns = SampleColumns()
            for time in 0..<50 { columns.append(now - 1000 + Int64(time), Double(name * 100 + time)) }
            request.append(
                LogChunk.Series(
                    labels: labels(("__name__", "m\(name)"), ("job", "j\(name % 2)")),
                    samples: columns
                )
            )
        }
        let report = bench.push(message: RemoteWriteV1.encode(request), .v1)
        #expect(report.samples == 1000 && report.refused == 0)
        let batches = bench.store.state.withLock { $0.batches }
        #expect(batches.count == 100 && batches.allSatisfy { $0.count == 10 })
        for group in Set(batches.map(\.group)) {
            let times = batches.filter { $0.group == group }.map(\.time)
            #expect(times == times.sorted() && Set(times).count == 50)
        }
        #expect(bench.store.lines.count == 1000)
        #expect(bench.store.lines.contains("m3{job=\"j1\"} \(now - 990) 310"))
    }

    // MARK: - Refusals

    @Test func sentTwiceIsStoredOnce() {
        let bench = Bench()
        let first = bench.push(series(upA, (now, 1)), series(loadA, (now, 2)))
        let again = bench.push(series(upA, (now, 1)), series(loadA, (now, 2)))
        #expect(first == again)
        #expect(again.samples == 2 && again.reasons.isEmpty)
        let conflict = bench.push(series(upA, (now, 5)), series(loadA, (now, 2)))
        #expect(conflict.samples == 1 && conflict.refused == 1)
        #expect(conflict.reasons == ["duplicate sample for timestamp: 1 sample at \(now)"])
        #expect(bench.refused("duplicate") == 1)
        #expect(bench.store.lines == ["\(loadA) \(now) 2", "\(upA) \(now) 1"])
    }

    @Test func aSeriesTwiceInOneRequest() {
        let bench = Bench()
        for round in 0..<2 {
            let time = now + Int64(round)
            let report = bench.push(
                series(upA, (time, 1)),
                series(loadA, (time, 7)),
                series(upA, (time, 1)),
                series(upA, (time, 3)),
                series(upA, (time - 10, 4))
            )
            #expect(report.samples == 4 && report.refused == 1)
        }
        #expect(bench.store.lines.filter { $0.hasPrefix("\(upA)") }.count == 4)
        #expect(bench.store.lines.contains("\(upA) \(now) 1"))
    }

    /// Prometheus sorts; so the same series may come under two keys, even in one request.
    @Test func labelsInAnotherOrderAreTheSameSeries() {
        func unsorted(_ time: Int64, _ value: Double) -> [UInt8] {
            var label: [UInt8] = []
            for (name, text) in [("job", "node"), ("instance", "a"), ("__name__", "up")] {
                var content: [UInt8] = [0x0a]
                content.append(prefixed: Array(name.utf8))
                content.append(0x12)
                content.append(prefixed: Array(text.utf8))
                label.append(0x0a)
                label.append(prefixed: content)
            }
            var sample: [UInt8] = [0x09]
            sample.append(double: value)
            sample.append(0x10)
            sample.append(varint: UInt64(time))
            label.append(0x12)
            label.append(prefixed: sample)
            var out: [UInt8] = [0x0a]
            out.append(prefixed: label)
            return out
        }
        let bench = Bench()
        for time in [now, now + 1, now + 2] {
            let message = RemoteWriteV1.encode([series(upA, (time, 1))]) + unsorted(time, 2)
            let report = bench.push(message: message, .v1)
            #expect(report.samples == 1 && report.refused == 1)
        }
        #expect(bench.store.lines == [now, now + 1, now + 2].map { "\(upA) \($0) 1" })
    }

    @Test func aTimeThatWasNotSetIsOutOfBounds() {
        let bench = Bench()
        let report = bench.push(series(upA, (.min, 1), (-1, 2), (0, 3), (1, 4)))
        #expect(report.samples == 1 && report.refused == 3)
        #expect(report.reasons == ["out of bounds"])
        #expect(bench.store.lines == ["\(upA) 1 4"])
    }

    @Test func theFutureIsOutOfBounds() {
        let bench = Bench()
        let report = bench.push(
            series(upA, (now, 1), (now + 600_000, 2), (now + 600_001, 3), (Int64.max, 4))
        )
        #expect(report.samples == 2 && report.refused == 2)
        #expect(report.reasons == ["out of bounds"])
        #expect(bench.refused("out_of_bounds") == 2)
    }

    @Test func whatIsTooOldIsSaidAndTheRestStored() {
        let bench = Bench()
        bench.store.state.withLock { $0.oldest = now - 100 }
        let report = bench.push(series(upA, (now - 200, 1), (now, 2)), series(upB, (now - 101, 3)))
        #expect(report.samples == 1 && report.refused == 2)
        #expect(
            report.reasons == [
                "out of order sample: 1 sample at \(now - 200)",
                "out of order sample: 1 sample at \(now - 101)",
            ]
        )
        #expect(bench.refused("out_of_order") == 2)
        #expect(bench.store.lines == ["\(upA) \(now) 2"])
    }

    @Test func seriesBeyondTheLimitAreRefusedAlone() {
        let bench = Bench()
        bench.store.state.withLock { $0.limit = 1 }
        let report = bench.push(series(upA, (now, 1)), series(upB, (now, 2), (now + 1, 3)))
        #expect(report.verdict == .stored && report.samples == 1 && report.refused == 2)
        #expect(report.reasons == ["storage.max_series (1) is reached"])
        bench.store.state.withLock { $0.limit = 2 }
        #expect(bench.push(series(upB, (now, 2))).samples == 1)
    }

    @Test func aStoreThatTakesNothingIsSaidOnce() {
        let bench = Bench()
        bench.push(series(upA, (now, 1)))
        bench.store.state.withLock { $0.failure = .unavailable("the disk is gone") }
        #expect(bench.push(series(upA, (now + 1, 1))).verdict == .unavailable("the disk is gone"))
        #expect(bench.push(series(upB, (now + 1, 1))).verdict == .unavailable("the disk is gone"))
        bench.store.state.withLock { $0.failure = nil }
        #expect(bench.push(series(upA, (now + 1, 1)), series(upB, (now + 1, 1))).samples == 2)
        #expect(bench.store.lines.count == 3)
    }

    @Test func reasonsAreFew() {
        let bench = Bench()
        bench.store.state.withLock { $0.oldest = now }
        var columns = SampleColumns()
        for time in 1...1000 { columns.append(Int64(time), 1) }
        let report = bench.push(LogChunk.Series(labels: upA, samples: columns))
        #expect(report.refused == 1000 && report.reasons.count == 10)
    }

    // MARK: - Bodies

    @Test func bombsAreRefusedBeforeTheyAreUnpacked() {
        let bench = Bench()
        // Varints of 4 GiB - 1 and of 32 MiB + 1, each with nothing behind.
        let claims: [[UInt8]] = [[0xff, 0xff, 0xff, 0xff, 0x0f], [0x81, 0x80, 0x80, 0x10]]
        for body in claims {
            #expect(
                bench.receiver.receive(body.span, .snappy, .v1).verdict
                    == .tooLarge("snappy: the request decodes to more than 33554432 bytes")
            )
        }
        // Within the limit, but five bytes cannot stand for 16 MiB.
        let thin: [UInt8] = [0x80, 0x80, 0x80, 0x08, 0x00]
        let corrupt = RemoteWriteReport.Verdict.malformed("snappy: corrupt input")
        #expect(bench.receiver.receive(thin.span, .snappy, .v1).verdict == corrupt)
        #expect(bench.receiver.receive([UInt8]().span, .snappy, .v1).verdict == corrupt)
        let framed: [UInt8] = [0xff, 0x06, 0x00, 0x00] + Array("sNaPpY".utf8)
        #expect(bench.receiver.receive(framed.span, .snappy, .v1).verdict == corrupt)
        let zstd = Zstd.compress([UInt8](repeating: 0, count: 33_554_433)) ?? []
        #expect(
            bench.receiver.receive(zstd.span, .zstd, .v1).verdict
                == .tooLarge("zstd: the request decodes to more than 33554432 bytes")
        )
    }

    @Test func zstdIsTaken() {
        let bench = Bench()
        let body = Zstd.compress(RemoteWriteV1.encode([series(upA, (now, 1))])) ?? []
        #expect(bench.receiver.receive(body.span, .zstd, .v1).samples == 1)
        #expect(
            bench.receiver.receive(Array(body.dropLast()).span, .zstd, .v1).verdict
                == .malformed("zstd: corrupt input")
        )
    }

    @Test func anEmptyMessageIsNothing() {
        let bench = Bench()
        #expect(bench.push(message: [], .v1) == RemoteWriteReport())
        #expect(bench.push(message: [], .v2) == RemoteWriteReport())
    }

    @Test func everyFlippedByteOfABodyIsSurvived() {
        let bench = Bench()
        let body = Snappy.compress(
            RemoteWriteV1.encode([
                series(upA, (now, 1)), series(loadA, (now, 2)), series(upB, (now - 1, 3)),
            ])
        )
        for place in body.indices {
            for bit in 0..<8 {
                var damaged = body
                damaged[place] ^= 1 << UInt8(bit)
                _ = bench.receiver.receive(damaged.span, .snappy, .v1)
                _ = bench.receiver.receive(damaged.span, .snappy, .v2)
            }
            _ = bench.receiver.receive(Array(body[..<place]).span, .snappy, .v1)
        }
        #expect(bench.push(series(labels(("__name__", "after")), (now, 1))).samples == 1)
    }
}
