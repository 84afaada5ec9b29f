// SPDX-License-Identifier: Apache-2.0
//
// From a job to its targets: labels, URL, relabeling, what is refused.

import Config
import Samples
import Testing

@testable import Collector

func set(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

func scrapeJob(_ name: String, _ addresses: [String], _ labels: Labels = Labels()) -> ScrapeConfig {
    var job = ScrapeConfig(jobName: name)
    job.staticConfigs = [TargetGroup(targets: addresses, labels: labels)]
    return job
}

func relabel(
    _ action: RelabelConfig.Action,
    _ sources: [String] = [],
    regex: String = "(.*)",
    target: String = "",
    replacement: String = "$1"
) throws -> RelabelConfig {
    var rule = try RelabelConfig(action: action, regex: regex)
    rule.sourceLabels = sources
    rule.targetLabel = target
    rule.replacement = replacement
    return rule
}

@Test func aTargetHasPrometheusLabels() throws {
    var job = scrapeJob("plc", ["10.0.0.7:8080"], set(["line": "3", "__hidden": "x"]))
    job.params = [.init(name: "module", values: ["a b", "c&d"]), .init(name: "x", values: [""])]
    job.metricsPath = "/probe"
    job.scheme = "https"
    let list = TargetList([job])
    let target = try #require(list.targets.first)
    #expect(list.targets.count == 1)
    #expect(target.labels == set(["job": "plc", "instance": "10.0.0.7:8080", "line": "3"]))
    #expect(target.url == "https://10.0.0.7:8080/probe?module=a+b&module=c%26d&x=")
    #expect(
        target.discoveredLabels
            == set([
                "__address__": "10.0.0.7:8080", "__always_scrape_classic_histograms__": "false",
                "__convert_classic_histograms_to_nhcb__": "false", "__hidden": "x",
                "__metrics_path__": "/probe", "__param_module": "a b", "__scheme__": "https",
                "__scrape_interval__": "1m", "__scrape_native_histograms__": "false",
                "__scrape_timeout__": "10s", "job": "plc", "line": "3",
            ])
    )
    #expect(target.interval == .seconds(60))
    #expect(target.timeout == .seconds(10))
}

/// As Go's net/url writes a path and a query.
@Test(arguments: [
    ("/a b", "/a%20b"), ("/x#y", "/x%23y"), ("/%zz", "/%25zz"), ("/q?a=b", "/q%3Fa=b"),
    ("/$&+,/:;=@-._~", "/$&+,/:;=@-._~"), ("(é)", "/%28%C3%A9%29"),
])
func pathsAreEncoded(path: String, expected: String) throws {
    var job = scrapeJob("j", ["h:1"])
    job.metricsPath = path
    #expect(TargetList([job]).targets.map(\.url) == ["http://h:1\(expected)"])
}

@Test func relabelingMovesDropsAndMerges() throws {
    var job = scrapeJob("blackbox", ["a.example:1", "b.example:2", "drop.me:3"])
    job.params = [.init(name: "module", values: ["icmp"])]
    job.relabelConfigs = [
        try relabel(.drop, ["__address__"], regex: "drop.*"),
        try relabel(.replace, ["__address__"], target: "__param_target"),
        try relabel(.replace, ["__param_target"], target: "instance"),
        try relabel(.replace, target: "__address__", replacement: "prober:9115"),
        try relabel(.replace, target: "__scrape_interval__", replacement: "30s"),
    ]
    let list = TargetList([job])
    #expect(
        list.targets.map(\.url) == [
            "http://prober:9115/metrics?module=icmp&target=a.example%3A1",
            "http://prober:9115/metrics?module=icmp&target=b.example%3A2",
        ]
    )
    #expect(
        list.targets.map(\.labels)
            == ["a.example:1", "b.example:2"].map { set(["job": "blackbox", "instance": $0]) }
    )
    #expect(list.targets.allSatisfy { $0.interval == .seconds(30) })
    #expect(list.dropped.map { $0.discoveredLabels["__address__"] } == ["drop.me:3"])
}

@Test func badTargetsAreNamedAndGoodOnesKept() throws {
    var job = scrapeJob("j", ["good:1", "bad/path", "good:1"])
    job.relabelConfigs = [
        try relabel(.replace, ["__address__"], regex: "good:1", target: "x", replacement: "y")
    ]
    var late = scrapeJob("late", ["l:1"])
    late.relabelConfigs = [try relabel(.replace, target: "__scrape_timeout__", replacement: "2m")]
    var nowhere = scrapeJob("nowhere", ["n:1"])
    nowhere.relabelConfigs = [try relabel(.labeldrop, regex: "__address__")]
    let list = TargetList([job, late, nowhere])
    #expect(list.targets.map(\.url) == ["http://good:1/metrics"])
    #expect(
        list.problems == [
            "job j, target bad/path: \"bad/path\" is not a valid hostname",
            "job late, target l:1: scrape timeout cannot be greater than scrape interval",
            "job nowhere, target n:1: no address",
        ]
    )
}

@Test func relabelingMayTreatATargetsHistogramsOtherwise() throws {
    var job = scrapeJob("j", ["plain:1", "native:1", "all:1", "gone:1", "bad:1"])
    job.formats.convertsClassicHistograms = true
    let native = "__scrape_native_histograms__"
    let classic = "__always_scrape_classic_histograms__"
    let custom = "__convert_classic_histograms_to_nhcb__"
    job.relabelConfigs = [
        try relabel(.replace, ["__address__"], regex: "(native|all):1", target: native, replacement: "true"),
        try relabel(.replace, ["__address__"], regex: "all:1", target: classic, replacement: "T"),
        try relabel(.replace, ["__address__"], regex: "all:1", target: custom, replacement: "0"),
        // As with an annotation that is not there: no label, no word.
        try relabel(.replace, ["__address__"], regex: "gone:1", target: custom, replacement: ""),
        try relabel(.replace, ["__address__"], regex: "bad:1", target: classic, replacement: "yes"),
        // What the job says is there to be read.
        try relabel(.replace, [custom], target: "converted"),
    ]
    let list = TargetList([job])
    #expect(
        list.targets.map {
            [
                $0.formats.nativeHistograms, $0.formats.convertsClassicHistograms,
                $0.formats.keepsClassicHistograms,
            ]
        } == [[false, true, false], [true, true, false], [true, false, true], [false, true, false]]
    )
    #expect(list.targets.map { $0.labels["converted"] } == ["true", "true", "0", nil])
    #expect(list.targets.allSatisfy { $0.discoveredLabels[custom] == "true" })
    #expect(
        list.problems == ["job j, target bad:1: \(classic) is \"yes\", which is neither true nor false"]
    )
    // Native histograms come by protobuf only, so it is asked for where the job names no formats.
    #expect(
        list.targets.map {
            ScrapeAccept.header($0.formats, []).hasPrefix("application/vnd.google.protobuf")
        } == [false, true, true, false]
    )
    // Another rule makes another target, so that a reload takes it over.
    var other = job
    other.relabelConfigs.removeFirst()
    #expect(
        zip(TargetList([other]).targets, list.targets).map { $0.0 == $0.1 } == [true, false, false, true]
    )
}
