// SPDX-License-Identifier: Apache-2.0
//
// What reaches the store from a pass: interning, stale markers, kept classes, refusals.

import Samples
import Synchronization
import Testing

@testable import Collector

/// A store that remembers what it was given.
final class RecordingSink: SampleSink {
    struct State {
        var series: [Labels] = []
        var groups: [Labels] = []
        var batches: [SampleBatch] = []
        var metadata: [MetricMetadata] = []
        var exemplars: [ExemplarSample] = []
        var limit = Int.max
        var appendFailure: SinkError?
        var seriesCalls = 0
        var uses = SinkUses()
    }

    let state = Mutex(State())

    func group(_ identity: Labels) throws(SinkError) -> GroupID {
        state.withLock { state in
            state.groups.append(identity)
            let group = GroupID(rawValue: UInt32(state.groups.count - 1))
            state.uses.take(group)
            return group
        }
    }

    func series(_ labels: Labels, in group: GroupID) throws(SinkError) -> SeriesID {
        let result: Result<SeriesID, SinkError> = state.withLock { state in
            state.seriesCalls += 1
            let known = state.series.firstIndex(of: labels)
            if known == nil {
                guard state.series.count < state.limit else { return .failure(.seriesLimit(state.limit)) }
                state.series.append(labels)
            }
            let id = SeriesID(rawValue: UInt32(known ?? state.series.count - 1))
            state.uses.take(id)
            return .success(id)
        }
        return try result.get()
    }

    func release(_ group: GroupID) { state.withLock { $0.uses.giveBack(group) } }
    func release(_ series: [SeriesID]) { state.withLock { $0.uses.giveBack(series) } }

    func append(_ batch: SampleBatch) throws(SinkError) -> AppendResult {
        let failure: SinkError? = state.withLock { state in
            state.uses.check(batch)
            if state.appendFailure == nil { state.batches.append(batch) }
            return state.appendFailure
        }
        if let failure { throw failure }
        return AppendResult(appended: batch.series.count)
    }

    func append(exemplars: [ExemplarSample]) throws(SinkError) -> AppendResult {
        state.withLock { state in
            let areKnown = exemplars.allSatisfy { state.uses.series[$0.series] != nil }
            #expect(areKnown, "exemplars of series nobody has")
            state.exemplars += exemplars
        }
        return AppendResult(appended: exemplars.count)
    }

    func describe(_ metadata: [MetricMetadata]) {
        state.withLock { $0.metadata += metadata }
    }

    /// The newest batch as `series notation` → value, stale markers as "stale".
    func newest() -> [String: String] {
        state.withLock { state in
            guard let batch = state.batches.last else { return [:] }
            var result: [String: String] = [:]
            for (id, value) in zip(batch.series, batch.values) {
                let name = state.series[Int(id.rawValue)].description
                #expect(result[name] == nil, "series twice in a batch")
                result[name] = value.isStale ? "stale" : "\(value)"
            }
            return result
        }
    }
}

private let plain = Family("plain", .gauge, "A plain value.", class: .health)
private let labelled = Family("labelled_total", .counter, "Labelled.", labels: ["a", "b"])
private let noisy = Family("noisy", .gauge, "Noise.", labels: ["a"], class: .debug)
private let identity = Labels([(name: "job", value: "node"), (name: "instance", value: "here")])

@Test func passBecomesOneBatchWithIdentityLabels() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: identity, sink: sink)
    buffer.begin()
    buffer.add(plain, 1.5)
    buffer.add(labelled, 2, "x", "")
    buffer.add(labelled, 3, Array("x".utf8)[...], "y")
    let result = try buffer.finish(at: Timestamp(milliseconds: 42))
    #expect(result == AppendResult(appended: 3))
    #expect(
        sink.newest() == [
            #"plain{instance="here", job="node"}"#: "1.5",
            #"labelled_total{a="x", instance="here", job="node"}"#: "2.0",
            #"labelled_total{a="x", b="y", instance="here", job="node"}"#: "3.0",
        ]
    )
    sink.state.withLock { state in
        #expect(state.batches.map(\.timestamp) == [Timestamp(milliseconds: 42)])
        #expect(state.groups == [identity])
        #expect(state.metadata.map(\.family) == ["plain", "labelled_total"])
        #expect(state.metadata.map(\.kind) == [.gauge, .counter])
    }
}

@Test func secondPassAsksTheStoreForNothing() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: identity, sink: sink)
    for pass in 0..<3 {
        buffer.begin()
        for index in 0..<300 { buffer.add(labelled, Double(pass), "\(index)", "b") }
        _ = try buffer.finish(at: Timestamp(milliseconds: Int64(pass)))
    }
    sink.state.withLock { state in
        #expect(state.seriesCalls == 300)
        #expect(state.groups.count == 1)
        #expect(state.batches.map(\.series.count) == [300, 300, 300])
        #expect(state.batches[2].series == state.batches[0].series)
        #expect(state.metadata.count == 1)
    }
}

@Test func vanishedSeriesEndsOnce() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    buffer.begin()
    buffer.add(plain, 1)
    buffer.add(noisy, 1, "q")
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    buffer.begin()
    buffer.add(plain, 2)
    _ = try buffer.finish(at: Timestamp(milliseconds: 2))
    #expect(sink.newest() == ["plain": "2.0", #"noisy{a="q"}"#: "stale"])
    #expect(buffer.statistics == PassBuffer.Statistics(values: 1, ended: 1))
    buffer.begin()
    buffer.add(plain, 3)
    _ = try buffer.finish(at: Timestamp(milliseconds: 3))
    #expect(sink.newest() == ["plain": "3.0"])
    buffer.begin()
    buffer.add(noisy, 4, "q")
    _ = try buffer.finish(at: Timestamp(milliseconds: 4))
    #expect(sink.newest() == ["plain": "stale", #"noisy{a="q"}"#: "4.0"])
    sink.state.withLock { #expect($0.seriesCalls == 2) }
    buffer.begin()
    _ = try buffer.finish(at: Timestamp(milliseconds: 5))
    #expect(sink.newest() == [#"noisy{a="q"}"#: "stale"])
    buffer.begin()
    #expect(try buffer.finish(at: Timestamp(milliseconds: 6)) == AppendResult())
    sink.state.withLock { #expect($0.batches.count == 5) }
}

@Test func classNotKeptEndsItsSeriesAndIsCounted() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    func fill(_ value: Double) {
        buffer.begin()
        buffer.add(plain, value)
        buffer.add(noisy, value, "q")
        buffer.add(noisy, value, "r")
    }
    fill(1)
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    buffer.metricClassFilter = [MetricClasses(.health), MetricClasses(.critical)]
    fill(2)
    _ = try buffer.finish(at: Timestamp(milliseconds: 2))
    #expect(sink.newest() == ["plain": "2.0", #"noisy{a="q"}"#: "stale", #"noisy{a="r"}"#: "stale"])
    #expect(
        buffer.statistics
            == PassBuffer.Statistics(values: 1, ended: 2, notKept: 2, notKeptByClass: [.debug: 2])
    )
    fill(3)
    _ = try buffer.finish(at: Timestamp(milliseconds: 3))
    #expect(sink.newest() == ["plain": "3.0"])
    buffer.metricClassFilter = .all
    fill(4)
    _ = try buffer.finish(at: Timestamp(milliseconds: 4))
    #expect(sink.newest() == ["plain": "4.0", #"noisy{a="q"}"#: "4.0", #"noisy{a="r"}"#: "4.0"])
}

@Test func seriesLimitLeavesKnownSeriesAlone() throws {
    let sink = RecordingSink()
    sink.state.withLock { $0.limit = 2 }
    var buffer = PassBuffer(group: Labels(), sink: sink)
    buffer.begin()
    for index in 0..<5 { buffer.add(noisy, 1, "\(index)") }
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    #expect(sink.newest() == [#"noisy{a="0"}"#: "1.0", #"noisy{a="1"}"#: "1.0"])
    #expect(buffer.statistics.refused == 3)
}

@Test func failedAppendIsThrownAndTheNextPassStillEndsWhatVanished() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    buffer.begin()
    buffer.add(plain, 1)
    buffer.add(noisy, 1, "q")
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    sink.state.withLock { $0.appendFailure = .unavailable("disk") }
    buffer.begin()
    buffer.add(plain, 2)
    #expect(throws: SinkError.unavailable("disk")) { try buffer.finish(at: Timestamp(milliseconds: 2)) }
    sink.state.withLock { $0.appendFailure = nil }
    buffer.begin()
    buffer.add(plain, 3)
    _ = try buffer.finish(at: Timestamp(milliseconds: 3))
    #expect(sink.newest() == ["plain": "3.0", #"noisy{a="q"}"#: "stale"])
}

@Test func sameSeriesTwiceInAPassIsStoredOnce() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    buffer.begin()
    buffer.add(noisy, 1, "q")
    buffer.add(noisy, 2, "q")
    // Different broken bytes read as the same text.
    buffer.add(noisy, 3, [0xff, 0x41][...] as ArraySlice<UInt8>)
    buffer.add(noisy, 4, [0xfe, 0x41][...] as ArraySlice<UInt8>)
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    #expect(sink.newest() == [#"noisy{a="q"}"#: "1.0", "noisy{a=\"\u{fffd}A\"}": "3.0"])
    #expect(buffer.statistics.duplicate == 2)
}

@Test func identityWinsOverALabelOfTheFamily() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels([(name: "a", value: "mine")]), sink: sink)
    buffer.begin()
    buffer.add(noisy, 1, "theirs")
    _ = try buffer.finish(at: Timestamp(milliseconds: 1))
    #expect(sink.newest() == [#"noisy{a="mine", exported_a="theirs"}"#: "1.0"])
}

@Test func churningLabelValuesAreForgotten() throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels(), sink: sink)
    for pass in 0..<50 {
        buffer.begin()
        buffer.add(plain, Double(pass))
        for index in 0..<40 { buffer.add(noisy, 1, "veth\(pass)-\(index)") }
        _ = try buffer.finish(at: Timestamp(milliseconds: Int64(pass)))
    }
    #expect(sink.newest().count == 81)
    #expect(sink.newest()["plain"] == "49.0")
    sink.state.withLock { #expect($0.seriesCalls == 1 + 50 * 40) }
    #expect(buffer.rememberedSeries < 200)
    #expect(sink.state.withLock { $0.uses.series.count } == buffer.rememberedSeries)
}

@Test(arguments: [nil, SinkError.unavailable("full")])
func aSourceThatIsGoneGivesEverythingBack(failure: SinkError?) throws {
    let sink = RecordingSink()
    var buffer = PassBuffer(group: Labels([(name: "a", value: "mine")]), sink: sink)
    try buffer.end(at: Timestamp(milliseconds: 0))
    for pass in 1...2 {
        buffer.begin()
        buffer.add(plain, Double(pass))
        buffer.add(noisy, 1, "\(pass)")
        _ = try buffer.finish(at: Timestamp(milliseconds: Int64(pass)))
    }
    #expect(sink.state.withLock { $0.uses.series.count } == 3)
    sink.state.withLock { $0.appendFailure = failure }
    do {
        try buffer.end(at: Timestamp(milliseconds: 3))
        #expect(failure == nil && Set(sink.newest().values) == ["stale"])
    } catch {
        #expect(error == failure)
    }
    #expect(sink.state.withLock { $0.uses.isEmpty })
    // It could go on.
    sink.state.withLock { $0.appendFailure = nil }
    buffer.begin()
    buffer.add(plain, 7)
    _ = try buffer.finish(at: Timestamp(milliseconds: 4))
    #expect(sink.newest() == [#"plain{a="mine"}"#: "7.0"])
}
