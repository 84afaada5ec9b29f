// SPDX-License-Identifier: Apache-2.0
//
// What of a scrape is inherited from `global`, and jobs in files of their own.

import Foundation
import Samples
import Testing

@testable import Config

@Test func formatsAndLimitsAreInherited() throws {
    let config = try configuration(
        """
        global:
          scrape_protocols: [PrometheusText1.0.0, PrometheusProto]
          scrape_native_histograms: true
          always_scrape_classic_histograms: true
          extra_scrape_metrics: true
          metric_name_escaping_scheme: dots
          target_limit: 7
          keep_dropped_targets: 3
          sample_limit: 100
        scrape_configs:
          - job_name: inherits
            sample_limit: 0
          - job_name: own
            scrape_protocols: [OpenMetricsText0.0.1]
            scrape_native_histograms: false
            always_scrape_classic_histograms: false
            convert_classic_histograms_to_nhcb: true
            extra_scrape_metrics: false
            metric_name_validation_scheme: legacy
            metric_name_escaping_scheme: values
            target_limit: 8
            keep_dropped_targets: 4
            sample_limit: 5
            native_histogram_bucket_limit: 160
            native_histogram_min_bucket_factor: 1.1
            relabel_configs: [{target_label: x}]
          - job_name: names
            static_configs: [{targets: [h], labels: {a.b: c}}]
        """
    )
    #expect(config.warnings.isEmpty)
    let jobs = config.scrapeConfigs
    #expect(jobs[0].formats == config.global.formats)
    #expect(jobs[0].formats.protocols == [.text1, .protobuf])
    #expect(jobs[0].formats.nativeHistograms && jobs[0].formats.keepsClassicHistograms)
    #expect(jobs[0].formats.extraMetrics && !jobs[0].formats.convertsClassicHistograms)
    #expect(jobs[0].formats.effectiveEscaping == .dots)
    #expect(jobs[0].limits.samples == 100, "0 is what global says")
    #expect(jobs[0].limits.targets == 7 && jobs[0].limits.keptDroppedTargets == 3)
    #expect(jobs[1].formats.protocols == [.openMetrics0])
    #expect(!jobs[1].formats.nativeHistograms && !jobs[1].formats.keepsClassicHistograms)
    #expect(!jobs[1].formats.extraMetrics && jobs[1].formats.convertsClassicHistograms)
    #expect(jobs[1].formats.nameScheme == .legacy && jobs[1].formats.effectiveEscaping == .values)
    #expect(jobs[1].relabelConfigs[0].nameScheme == .legacy)
    #expect(jobs[1].limits.targets == 8 && jobs[1].limits.keptDroppedTargets == 4)
    #expect(jobs[1].limits.samples == 5)
    #expect(jobs[1].nativeHistogramBuckets == 160 && jobs[1].nativeHistogramFactor == 1.1)
    // A job's scheme ends with the job.
    #expect(jobs[2].staticConfigs[0].labels["a.b"] == "c")
    let standard = try configuration("scrape_configs: [{job_name: a}]").scrapeConfigs[0]
    #expect(standard.formats == ScrapeFormats())
    #expect(standard.formats.protocols == nil && standard.formats.effectiveEscaping == .allowUTF8)
    #expect(standard.nativeHistogramBuckets == 0 && standard.nativeHistogramFactor == 0)
    let legacy = try configuration("global: {metric_name_validation_scheme: legacy}")
    #expect(legacy.global.formats.effectiveEscaping == .underscores)
}

@Test func jobsAreReadFromFiles() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "scrape-files-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    try FileManager.default.createDirectory(
        at: directory.appending(path: "jobs"),
        withIntermediateDirectories: true
    )
    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: directory.appending(path: name))
    }
    func load(_ text: String) throws -> Configuration {
        try write("edgewatch.yml", text)
        return try Configuration.load(path: directory.appending(path: "edgewatch.yml").path)
    }
    try write("jobs/a.yml", "scrape_configs: [{job_name: a, tls_config: {ca_file: ca.pem}}]\n")
    try write("jobs/b.yml", "scrape_configs: [{job_name: b}]\n")
    let config = try load(
        """
        global: {scrape_interval: 5s}
        scrape_configs: [{job_name: own}]
        scrape_config_files: ["jobs/*.yml", "none/*.yml"]
        """
    )
    #expect(config.scrapeConfigs.map(\.jobName) == ["own", "a", "b"])
    #expect(config.scrapeConfigs[1].scrapeInterval == .seconds(5))
    #expect(
        config.scrapeConfigs[1].http.tls.caFile == directory.appending(path: "jobs/ca.pem").path,
        "paths begin at the file's directory"
    )
    #expect(config.warnings.map(\.message) == ["no file matches \"none/*.yml\""])
    #expect(config.redactedJob("own") == "job_name: own\n")
    #expect(config.redactedJob("a") == "job_name: a\ntls_config:\n  ca_file: ca.pem\n")
    #expect(config.redactedJob("b") == "job_name: b\n" && config.redactedJob("c") == nil)
    try write("jobs/b.yml", "scrape_configs: [{job_name: own, honor_label: true}]\n")
    do {
        _ = try load("scrape_configs: [{job_name: own}]\nscrape_config_files: [jobs/b.yml]\n")
        Issue.record("a repeated name and an unknown key are mistakes")
    } catch let errors as ConfigErrors {
        #expect(
            errors.errors.map { $0.description.replacing(directory.path, with: "") } == [
                "/edgewatch.yml:2:1: job_name \"own\" is already used",
                "/jobs/b.yml:1:34: unknown key \"honor_label\"; did you mean \"honor_labels\"?",
            ]
        )
    }
}

@Test func casesAreThoseOfGo() throws {
    func cased(_ action: RelabelConfig.Action, _ text: String) throws -> String? {
        var rule = try RelabelConfig(action: action)
        rule.sourceLabels = ["a"]
        rule.targetLabel = "b"
        return [rule].apply(to: Labels([("a", text)]))?["b"]
    }
    #expect(try cased(.uppercase, "straße ÿ ǆ ᾳ") == "STRAßE Ÿ Ǆ ᾼ")
    #expect(try cased(.lowercase, "ΣΑΣ İ Å") == "σασ i å")
}

@Test func aNameTheSchemeRefusesIsNotGiven() throws {
    var rule = try RelabelConfig(action: .replace)
    rule.sourceLabels = ["a"]
    rule.targetLabel = "x_${1}"
    rule.replacement = "new"
    let labels = Labels([("a", "b.c")])
    #expect([rule].apply(to: labels)?["x_b.c"] == "new")
    rule.nameScheme = .legacy
    #expect([rule].apply(to: labels) == labels)
}
