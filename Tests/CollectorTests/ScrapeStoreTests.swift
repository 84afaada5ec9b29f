// SPDX-License-Identifier: Apache-2.0
//
// What scrapes leave in the store, against Prometheus' rules.

import Config
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

private struct Bench {
    let sink = RecordingSink()
    var store: ScrapeStore
    var time = Timestamp(milliseconds: 1_000_000)
    var counts = ScrapeCounts()

    init(_ change: (inout ScrapeConfig) throws -> Void = { _ in }) throws {
        var job = scrapeJob("j", ["h:1"], set(["own": "mine"]))
        try change(&job)
        store = ScrapeStore(try #require(TargetList([job]).targets.first), sink: sink)
    }

    /// One scrape, failed over to `fail` as a source does.
    @discardableResult
    mutating func scrape(_ body: String, keeping classes: MetricClasses = .all) throws -> ScrapeFailure? {
        time = time.advanced(byMilliseconds: 15_000)
        counts = ScrapeCounts()
        do {
            try store.read(Array(body.utf8), at: time, keeping: classes, counts: &counts)
            try store.commit(at: time, duration: .milliseconds(250), counts: &counts)
            return nil
        } catch let failure as ScrapeFailure {
            try store.fail(at: time, duration: .milliseconds(250), counts: counts)
            return failure
        }
    }

    /// The newest batch without the labels every series has, synthetic ones apart.
    var values: [String: String] {
        sink.newest().reduce(into: [:]) { result, entry in
            let name = entry.key.replacing("instance=\"h:1\"", with: "").replacing("job=\"j\"", with: "")
                .replacing("own=\"mine\"", with: "").replacing(", ", with: "").replacing("{}", with: "")
            if !Bench.synthetic.contains(name) { result[name] = entry.value }
        }
    }

    func synthetic(_ name: String) -> String? {
        sink.newest()["\(name){instance=\"h:1\", job=\"j\", own=\"mine\"}"]
    }

    static let synthetic: Set<String> = [
        "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
        "scrape_series_added",
    ]
}

@Test func aScrapeIsOneBatchWithItsSyntheticSeries() throws {
    var bench = try Bench()
    #expect(try bench.scrape("# HELP a Help.\n# TYPE a counter\na 1\nb{x=\"y\"} 2.5\n") == nil)
    #expect(bench.values == ["a": "1.0", "b{x=\"y\"}": "2.5"])
    #expect(bench.synthetic("up") == "1.0")
    #expect(bench.synthetic("scrape_duration_seconds") == "0.25")
    #expect(bench.synthetic("scrape_samples_scraped") == "2.0")
    #expect(bench.synthetic("scrape_samples_post_metric_relabeling") == "2.0")
    #expect(bench.synthetic("scrape_series_added") == "2.0")
    bench.sink.state.withLock { state in
        #expect(state.batches.count == 1)
        #expect(state.batches[0].timestamp == Timestamp(milliseconds: 1_015_000))
        #expect(state.groups == [set(["job": "j", "instance": "h:1", "own": "mine"])])
        #expect(state.metadata == [MetricMetadata(family: "a", kind: .counter, help: "Help.")])
    }
    let calls = bench.sink.state.withLock { $0.seriesCalls }
    #expect(try bench.scrape("# HELP a Help.\n# TYPE a counter\nb{x=\"y\"} 3\na 2\n") == nil)
    #expect(bench.values == ["a": "2.0", "b{x=\"y\"}": "3.0"])
    #expect(bench.synthetic("scrape_series_added") == "0.0")
    #expect(bench.sink.state.withLock { $0.seriesCalls } == calls, "known lines need no look-up")
}

@Test func conflictingLabelsAreRenamedOrHonoured() throws {
    let body = "a{job=\"theirs\",exported_job=\"e\",instance=\"\",z=\"1\"} 1\n"
    var renaming = try Bench()
    try renaming.scrape(body)
    #expect(
        renaming.sink.newest()[
            #"a{exported_exported_job="theirs", exported_job="e", instance="h:1", job="j", own="mine", z="1"}"#
        ] == "1.0"
    )
    var honouring = try Bench { $0.honorLabels = true }
    try honouring.scrape(body)
    #expect(
        honouring.sink.newest()[#"a{exported_job="e", job="theirs", own="mine", z="1"}"#] == "1.0"
    )
}

@Test func relabeledSeriesAreCountedAndDropped() throws {
    var bench = try Bench {
        $0.metricRelabelConfigs = [
            try relabel(.drop, ["__name__"], regex: "b"),
            try relabel(.replace, ["x"], regex: "(.+)", target: "w", replacement: "was $1"),
            try relabel(.labeldrop, regex: "x"),
        ]
    }
    for _ in 0..<2 {
        try bench.scrape("a{x=\"y\"} 1\nb 2\n")
        #expect(bench.values == ["a{w=\"was y\"}": "1.0"])
        #expect(bench.counts.scraped == 2)
        #expect(bench.counts.kept == 1)
    }
    var nameless = try Bench { $0.metricRelabelConfigs = [try relabel(.labeldrop, regex: "__name__")] }
    #expect(try nameless.scrape("a 1\n")?.words == "missing metric name (__name__ label)")
}

@Test func vanishedSeriesEndOnce() throws {
    var bench = try Bench()
    try bench.scrape("a 1\nb 2\nc 3\n")
    try bench.scrape("a 1\nc 3\n")
    #expect(bench.values == ["a": "1.0", "b": "stale", "c": "3.0"])
    try bench.scrape("a 1\nc 3\n")
    #expect(bench.values == ["a": "1.0", "c": "3.0"])
    try bench.scrape("a 1\nb 4\nc 3\n")
    #expect(bench.values == ["a": "1.0", "b": "4.0", "c": "3.0"])
}

/// As Prometheus counts: what was not in the last scrape that succeeded.
@Test func seriesThatReturnAreAddedAgain() throws {
    var bench = try Bench()
    var added: [String] = []
    for body in [
        "a 1\nb 1\n", "a 1\n", "a 1\nb 1\n", "a 1\nb 1\n", "a 1\nc 1\nb }\n", "a 1\nb 1\nc 1\n", "", "a 1\n",
    ] {
        try bench.scrape(body)
        added.append(bench.synthetic("scrape_series_added") ?? "")
    }
    #expect(added == ["2.0", "0.0", "1.0", "0.0", "1.0", "0.0", "0.0", "0.0"])
}

@Test func whatIsBeyondTheSampleLimitIsNotLearnt() throws {
    var bench = try Bench { $0.limits.samples = 3 }
    let many = (0..<1000).map { "a{n=\"\($0)\"} 1\n" }.joined()
    #expect(try bench.scrape(many)?.words == "sample limit exceeded")
    #expect(bench.store.rememberedLines == 3)
    #expect(bench.synthetic("scrape_samples_post_metric_relabeling") == "1000.0")
    #expect(bench.synthetic("scrape_series_added") == "3.0")
}

@Test func aFailedScrapeEndsEverythingOnce() throws {
    var bench = try Bench()
    try bench.scrape("a 1\nb 2\n")
    #expect(try bench.scrape("a 1\nnew 5\nb }\n")?.words == "line 3: expected a value, got \"}\"")
    #expect(bench.values == ["a": "stale", "b": "stale"])
    #expect(bench.synthetic("up") == "0.0")
    #expect(bench.synthetic("scrape_samples_scraped") == "2.0")
    #expect(try bench.scrape("broken\n") != nil)
    #expect(bench.values.isEmpty)
    try bench.scrape("a 1\nb 2\n")
    #expect(bench.values == ["a": "1.0", "b": "2.0"])
    #expect(bench.synthetic("up") == "1.0")
}

@Test func limitsFailTheScrape() throws {
    var samples = try Bench { $0.limits.samples = 2 }
    #expect(try samples.scrape("a 1\nb 2\n") == nil)
    for _ in 0..<2 {
        #expect(try samples.scrape("a 1\nb 2\nc 3\n")?.words == "sample limit exceeded")
        #expect(samples.synthetic("up") == "0.0")
        #expect(samples.synthetic("scrape_samples_scraped") == "3.0")
    }
    #expect(samples.values.isEmpty, "ended by the first failure already")
    var labels = try Bench { $0.limits.labels = 5 }
    #expect(try labels.scrape("a{b=\"c\"} 1\n") == nil)
    #expect(
        try labels.scrape("a{b=\"c\",d=\"e\"} 1\n")?.words
            == "label_limit exceeded (metric: a, number of labels: 6, limit: 5)"
    )
    var values = try Bench { $0.limits.labelValueLength = 5 }
    #expect(try values.scrape("a{b=\"12345\"} 1\n") == nil)
    #expect(try values.scrape("a{b=\"123456\"} 1\n") != nil)
}

@Test func repeatedSeriesKeepTheFirstValue() throws {
    var bench = try Bench()
    // The same text twice, the same labels in another order, and a name the scrape itself uses.
    let body = "a{x=\"1\",y=\"2\"} 1\na{x=\"1\",y=\"2\"} 2\na{y=\"2\",x=\"1\"} 3\nup 7\n"
    for _ in 0..<3 {
        try bench.scrape(body)
        #expect(bench.values == ["a{x=\"1\"y=\"2\"}": "1.0"])
        #expect(bench.synthetic("up") == "1.0")
        #expect(bench.counts.duplicate == 3)
    }
    // The first spelling goes: the other takes over, and there is no stale marker.
    try bench.scrape("a{y=\"2\",x=\"1\"} 4\n")
    #expect(bench.values == ["a{x=\"1\"y=\"2\"}": "4.0"])
    try bench.scrape("b 1\n")
    #expect(bench.values == ["a{x=\"1\"y=\"2\"}": "stale", "b": "1.0"])
}

@Test func explicitTimestampsAreHonouredInGroupsOfTheirOwn() throws {
    var bench = try Bench()
    try bench.scrape("a 1 900000\nb 2\nfar 3 99999999999\nunset 4 0\nbefore 5 -1\n")
    bench.sink.state.withLock { state in
        #expect(state.batches.count == 2)
        #expect(state.batches[1].timestamp == Timestamp(milliseconds: 900_000))
        #expect(state.batches[1].values == [1])
        #expect(state.batches[1].group != state.batches[0].group)
    }
    #expect(bench.counts.outOfOrder == 3)
    try bench.scrape("b 2\n")
    #expect(bench.values == ["b": "2.0"], "no stale marker for a series with its own time")
    var ignoring = try Bench { $0.honorTimestamps = false }
    try ignoring.scrape("a 1 900000\n")
    #expect(ignoring.values == ["a": "1.0"])
    var tracking = try Bench { $0.trackTimestampsStaleness = true }
    try tracking.scrape("a 1 900000\n")
    try tracking.scrape("b 1\n")
    let last = tracking.sink.state.withLock { $0.batches.last }
    #expect(last?.values.first?.isStale == true)
    #expect(last?.timestamp == tracking.time)
}

@Test func droppedClassesEndAndAreCounted() throws {
    var bench = try Bench()
    let body = "plain 1\nkept{metric_class=\"health\"} 2\n"
    try bench.scrape(body)
    let few = MetricClasses([MetricClasses(.health), MetricClasses(.critical)])
    try bench.scrape(body, keeping: few)
    #expect(bench.values == ["kept{metric_class=\"health\"}": "2.0", "plain": "stale"])
    #expect(bench.counts.notKept == [.standard: 1])
    #expect(bench.synthetic("up") == "1.0")
    #expect(bench.synthetic("scrape_samples_post_metric_relabeling") == "2.0")
    try bench.scrape(body, keeping: few)
    #expect(bench.values == ["kept{metric_class=\"health\"}": "2.0"])
    let calls = bench.sink.state.withLock { $0.seriesCalls }
    try bench.scrape(body)
    #expect(bench.values == ["kept{metric_class=\"health\"}": "2.0", "plain": "1.0"])
    #expect(bench.sink.state.withLock { $0.seriesCalls } == calls)
}

@Test func theStoresSeriesLimitLeavesKnownSeriesAlone() throws {
    var bench = try Bench()
    try bench.scrape("a 1\n")
    bench.sink.state.withLock { $0.limit = $0.series.count }
    #expect(try bench.scrape("a 2\nb 3\nc 4\n") == nil)
    #expect(bench.values == ["a": "2.0"])
    #expect(bench.counts.refused == 2)
    #expect(bench.synthetic("up") == "1.0")
}

@Test func aStoreThatTakesNothingIsCaughtUpWith() throws {
    var bench = try Bench()
    try bench.scrape("a 1\nb 2\n")
    bench.sink.state.withLock { $0.appendFailure = .unavailable("full") }
    #expect(throws: SinkError.unavailable("full")) { try bench.scrape("a 1\n") }
    bench.sink.state.withLock { $0.appendFailure = nil }
    try bench.scrape("a 2\n")
    #expect(bench.values == ["a": "2.0", "b": "stale"], "b ends although the scrape it vanished in was lost")
}

@Test func endingATargetEndsTheSyntheticSeriesToo() throws {
    var bench = try Bench()
    try bench.store.end(at: bench.time)
    #expect(bench.sink.state.withLock { $0.batches.isEmpty })
    try bench.scrape("a 1\n")
    try bench.store.end(at: bench.time.advanced(byMilliseconds: 15_000))
    #expect(bench.values == ["a": "stale"])
    #expect(bench.synthetic("up") == "stale")
    #expect(bench.sink.newest().count == 6)
}

/// The same labels under another URL: what the new scrapes have goes on, and only that.
@Test func anHeirKeepsWhatItScrapes() throws {
    for isUp in [true, false] {
        var bench = try Bench()
        try bench.scrape("a 1\nb 2\n")
        let missed = bench.time.advanced(byMilliseconds: 15_000)
        let target = try #require(TargetList([scrapeJob("j", ["h:1"], set(["own": "mine"]))]).targets.first)
        var heir = ScrapeStore(target, sink: bench.sink)
        #expect(heir.liveSeries.isEmpty)
        var counts = ScrapeCounts()
        let time = bench.time.advanced(byMilliseconds: 20_000)
        if isUp {
            try heir.read(Array("b 3\n".utf8), at: time, keeping: .all, counts: &counts)
            try heir.commit(at: time, duration: .zero, counts: &counts)
        } else {
            try heir.fail(at: time, duration: .zero, counts: counts)
        }
        try bench.store.end(at: missed, but: heir.liveSeries)
        #expect(bench.values == (isUp ? ["a": "stale"] : ["a": "stale", "b": "stale"]))
        #expect(bench.synthetic("up") == nil)
        try bench.store.end(at: missed)
        try heir.end(at: time)
        #expect(bench.sink.state.withLock { $0.uses.series.isEmpty && $0.uses.groups.isEmpty })
    }
}

@Test(arguments: [nil, SinkError.unavailable("full")])
func aTargetThatIsGoneGivesEverythingBack(failure: SinkError?) throws {
    var bench = try Bench { $0.metricRelabelConfigs = [try relabel(.drop, ["__name__"], regex: "dropped")] }
    for round in 1...3 {
        try bench.scrape(
            "a 1\na{} 2\ndropped 1\nb{round=\"\(round)\"} 1\ntimed \(round) \(bench.time.milliseconds)\n"
        )
    }
    #expect(bench.sink.state.withLock { $0.uses.groups.count } == 2)
    let used = bench.sink.state.withLock { $0.uses.series.count }
    #expect(used == 10, "five of its own, a, three b, timed")
    bench.sink.state.withLock { $0.appendFailure = failure }
    do {
        try bench.store.end(at: bench.time.advanced(byMilliseconds: 15_000))
        #expect(failure == nil)
    } catch {
        #expect(error == failure)
    }
    #expect(bench.sink.state.withLock { $0.uses.isEmpty })
}

@Test func whatTheStoreRefusesIsGivenBack() throws {
    var bench = try Bench()
    bench.sink.state.withLock { $0.limit = 3 }
    #expect(throws: SinkError.seriesLimit(3)) { try bench.scrape("a 1\n") }
    #expect(bench.sink.state.withLock { $0.uses.isEmpty })
    bench.sink.state.withLock { $0.limit = 6 }
    try bench.scrape("a 1\ntimed 1 \(bench.time.milliseconds)\n")
    #expect(bench.sink.newest().count == 6)
    #expect(bench.sink.state.withLock { $0.uses.groups.count } == 1)
}

@Test func inventedNamesDoNotPileUp() throws {
    var bench = try Bench()
    for round in 0..<40 {
        let names = (0..<60).map { "m{n=\"\(round)-\($0)\"} 1\n" }.joined()
        try bench.scrape("fixed 1\n" + names)
    }
    #expect(bench.store.rememberedLines <= 16 * 61)
    #expect(bench.values.count == 121, "this scrape's, and the end of the last one's")
    // A target that comes back after its lines were forgotten works as before.
    for _ in 0..<20 { try bench.scrape("fixed 1\n") }
    #expect(bench.store.rememberedLines <= 1 + 64)
    #expect(bench.values == ["fixed": "1.0"])
    let used = bench.sink.state.withLock { $0.uses.series.count }
    #expect(used == bench.store.rememberedLines + 5)
}

@Test func randomScrapesKeepTheBatchesWellFormed() throws {
    var bench = try Bench()
    var random = SeededGenerator(seed: 3)
    var live: Set<String> = []
    for _ in 0..<400 {
        var expected: [String: String] = [:]
        var lines: [String] = []
        for name in ["a", "b", "c", "d", "e"] where UInt64.random(in: 0..<3, using: &random) > 0 {
            let spellings = ["\(name){x=\"1\",y=\"2\"}", "\(name){y=\"2\",x=\"1\"}"].shuffled(using: &random)
            for spelling in spellings.prefix(Int.random(in: 1...2, using: &random)) {
                let value = Int.random(in: 0..<9, using: &random)
                lines.append("\(spelling) \(value)\n")
            }
        }
        lines.shuffle(using: &random)
        let fails = UInt64.random(in: 0..<10, using: &random) == 0
        for line in lines where !fails {
            let name = "\(line.prefix(1)){x=\"1\"y=\"2\"}"
            if expected[name] == nil { expected[name] = "\(line.dropLast().last ?? "?").0" }
        }
        for name in live where expected[name] == nil { expected[name] = "stale" }
        live = fails ? [] : Set(expected.filter { $0.value != "stale" }.keys)
        try bench.scrape(lines.joined() + (fails ? "broken" : ""))
        #expect(bench.values == expected)
    }
}
