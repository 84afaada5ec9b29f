// SPDX-License-Identifier: Apache-2.0
//
// Metrics of scripts: a file whole or not at all, in our reading and in node_exporter's.

import Config
import Glibc
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

@Suite struct HostTextfileTests {
    private func source(_ directories: String...) -> TextfileSource {
        var settings = HostCollectorSettings(.textfile)
        settings.directories = directories
        return TextfileSource(settings)
    }

    private let good = [
        "tf/a.prom":
            "my_metric{a=\"b\"} 3\nmy_metric{b=\"b\"} 7\n# TYPE c counter\n# HELP c Of a script.\nc 5\n",
        "tf/e.prom":
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
            + "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n",
        "tf/ignored.txt": "x 1\n",
    ]

    @Test func filesAreReadWholeOrNotAtAll() throws {
        let fixture = try HostFixture(good)
        var source = source(fixture.root + "/tf")
        let first = try fixture.pass(&source).values
        #expect(first[#"my_metric{a="b"}"#] == 3)
        #expect(first[#"my_metric{b="b"}"#] == 7)
        #expect(first["c"] == 5)
        #expect(first[#"h_bucket{le="1.0"}"#] == 1)
        #expect(first["node_textfile_scrape_error"] == 0)
        #expect(first.count == 13)
        try fixture.write("tf/a.prom", "my_metric{a=\"b\"} 3\nbroken\n")
        let second = try fixture.pass(&source).values
        #expect(second["node_textfile_scrape_error"] == 1)
        #expect(!second.keys.contains { $0.hasPrefix("my_metric") || $0.contains("a.prom") })
        #expect(second["s_count"] == 3)
        try fixture.write("tf/a.prom", "my_metric 4 1700000000000\n")
        #expect(try fixture.pass(&source).values["node_textfile_scrape_error"] == 1)
        try fixture.remove("tf/a.prom")
        #expect(try fixture.pass(&source).values["node_textfile_scrape_error"] == 0)
    }

    /// Said once for each change of a file, and what to look at.
    @Test func aFileThatIsNotTakenIsNamed() throws {
        let fixture = try HostFixture([
            "tf/a.prom": "a 1\nbroken\n", "tf/b.prom": "b 1 1700000000000\n",
            "tf/c.prom": "c{x=\"1\"} 1\nc{x=\"1\"} 2\n",
            "tf/d.prom": "d 1\n",
        ])
        try #require(mkfifo("\(fixture.root)/tf/e.prom", 0o600) == 0)
        var source = source(fixture.root + "/tf")
        #expect(try fixture.pass(&source).values["node_textfile_scrape_error"] == 1)
        let place = fixture.root + "/tf"
        let notes = source.takeNotes()
        #expect(notes.count == 4)
        #expect(
            notes.first?.hasPrefix("\(place)/a.prom: ") == true && notes.first?.contains("line 2") == true
        )
        #expect(
            notes.dropFirst() == [
                "\(place)/b.prom: b has a timestamp; write the value alone",
                "\(place)/c.prom: c{x=\"1\"} is there twice",
                "read as a file, not a FIFO, \(place)/e.prom: Invalid argument",
            ]
        )
        _ = try fixture.pass(&source)
        #expect(source.takeNotes() == [])
        try fixture.write("tf/b.prom", "b 1 1700000000001 \n")
        _ = try fixture.pass(&source)
        #expect(source.takeNotes() == ["\(place)/b.prom: b has a timestamp; write the value alone"])
    }

    @Test func aDeclaredTypeCountsForAllFiles() throws {
        let fixture = try HostFixture([
            "tf/a.prom": "good_m{x=\"1\"} 1\n", "tf/b.prom": "# TYPE good_m counter\ngood_m{x=\"2\"} 2\n",
        ])
        var source = source(fixture.root + "/tf")
        let sink = RecordingSink()
        var buffer = PassBuffer(group: Labels([(name: "job", value: "node")]), sink: sink)
        var kernel = KernelText(roots: fixture.roots)
        buffer.begin()
        try source.collect(&kernel, into: &buffer)
        _ = try buffer.finish(at: Timestamp(milliseconds: 1))
        let kinds = sink.state.withLock { $0.metadata.filter { $0.family == "good_m" }.map(\.kind) }
        #expect(kinds == [.counter])
    }

    @Test func theTypesAreThoseOfTheFile() throws {
        let fixture = try HostFixture(good)
        var source = source(fixture.root + "/tf")
        let sink = RecordingSink()
        var buffer = PassBuffer(group: Labels([(name: "job", value: "node")]), sink: sink)
        var kernel = KernelText(roots: fixture.roots)
        for time in 1...2 {
            buffer.begin()
            try source.collect(&kernel, into: &buffer)
            _ = try buffer.finish(at: Timestamp(milliseconds: Int64(time)))
        }
        let described = sink.state.withLock { state in state.metadata }
        #expect(described.count == Set(described.map(\.family)).count)
        let kinds = Dictionary(described.map { ($0.family, $0.kind) }) { first, _ in first }
        #expect(kinds["c"] == .counter)
        #expect(kinds["h"] == .histogram)
        #expect(kinds["s"] == .summary)
        #expect(kinds["my_metric"] == .unknown)
        #expect(kinds["h_bucket"] == nil)
        #expect(described.first { $0.family == "c" }?.help == "Of a script.")
        #expect(described.first { $0.family == "h" }?.help == "Metric read from \(fixture.root)/tf/e.prom")
    }

    @Test func patternsOfDirectoriesAndMissingOnes() throws {
        let fixture = try HostFixture(["a1/x.prom": "x 1\n", "a2/y.prom": "y 2\n", "b/z.prom": "z 3\n"])
        var both = source(fixture.root + "/a*", fixture.root + "/c*")
        let values = try fixture.pass(&both).values
        #expect(values["x"] == 1 && values["y"] == 2 && values["z"] == nil)
        #expect(values["node_textfile_scrape_error"] == 0)
        var missing = source(fixture.root + "/none")
        #expect(try fixture.pass(&missing).values == ["node_textfile_scrape_error": 1])
        var none = source()
        #expect(try fixture.pass(&none).values == ["node_textfile_scrape_error": 0])
    }

    @Test func tooManyFilesOrSeriesAreLeftOut() throws {
        var files: [String: String] = [:]
        for index in 100..<170 { files["tf/\(index).prom"] = "m\(index) 1\n" }
        let many = try HostFixture(files)
        var source = source(many.root + "/tf")
        let values = try many.pass(&source).values
        #expect(values.count == 64 * 2 + 1)
        #expect(values["node_textfile_scrape_error"] == 1)
        let large = try HostFixture([
            "tf/a.prom": (0..<20_001).map { "m{i=\"\($0)\"} 1\n" }.joined(), "tf/b.prom": "x 1\n",
        ])
        var other = self.source(large.root + "/tf")
        #expect(try large.pass(&other).values.count == 3)
    }

    @Test func sameAsNodeExporter() throws {
        guard NodeExporter.isInstalled() else { return }
        // 1.5 writes the bounds of buckets as they stand, we as OpenMetrics does; the fixture's is the same in both.
        let text = try #require(good["tf/e.prom"]).replacing("le=\"1\"", with: "le=\"1.5\"")
        let fixture = try HostFixture([
            "tf/e.prom": text, "tf/b.prom": "x 1 2\n", "tf/a.prom": "my{a=\"b\"} 3\n",
        ])
        let exporter = try NodeExporter(
            ["textfile"],
            arguments: ["--collector.textfile.directory=\(fixture.root)/tf"]
        )
        defer { exporter.stop() }
        let (theirs, _) = try exporter.scrape(all: true)
        var source = source(fixture.root + "/tf")
        let ours = try fixture.pass(&source).values
        for (series, value) in theirs where !series.contains("node_scrape") {
            #expect(ours[series] == value, "\(series)")
        }
        #expect(theirs.filter { !$0.key.contains("node_scrape") }.count == ours.count)
    }
}

@Suite struct HostAcceleratorTests {
    @Test func graphicsAndOtherProcessors() throws {
        let fixture = try HostFixture([
            "sys/class/drm/card0/device/gpu_busy_percent": "4\n",
            "sys/class/drm/card0/device/mem_info_vram_total": "8573157376\n",
            "sys/class/drm/card0/device/mem_info_vram_used": "1490378752\n",
            "sys/class/drm/card0/device/mem_info_vram_vendor": "samsung\n",
            "sys/class/drm/card0/device/unique_id": "0123456789abcdef\n",
            "sys/class/drm/card0/device/power_dpm_force_performance_level": "manual\n",
            "sys/class/drm/card0-HDMI-A-1/status": "connected\n",
            "sys/class/drm/card1/gt_cur_freq_mhz": "300\n", "sys/class/drm/card1/gt_max_freq_mhz": "1150\n",
            "sys/class/devfreq/fb000000.gpu/cur_freq": "300000000\n",
            "sys/class/devfreq/fb000000.gpu/max_freq": "1000000000\n",
            "sys/class/devfreq/fb000000.gpu/load": "23@300000000Hz\n",
            "sys/devices/platform/17000000.ga10b/load": "845\n", "sys/class/apex/apex_0/temp": "43550\n",
        ])
        var graphics = GraphicsSource()
        #expect(
            try fixture.pass(&graphics).values == [
                #"node_drm_gpu_busy_percent{card="card0"}"#: 4,
                #"node_drm_memory_vram_size_bytes{card="card0"}"#: 8_573_157_376,
                #"node_drm_memory_vram_used_bytes{card="card0"}"#: 1_490_378_752,
                #"node_drm_card_info{card="card0", memory_vendor="samsung", power_performance_level="manual", "#
                    + #"unique_id="0123456789abcdef", vendor="amd"}"#: 1,
            ]
        )
        var others = AcceleratorSource()
        #expect(
            try fixture.pass(&others).values == [
                #"edgewatch_accelerator_frequency_hertz{device="card1"}"#: 300_000_000,
                #"edgewatch_accelerator_frequency_max_hertz{device="card1"}"#: 1_150_000_000,
                #"edgewatch_accelerator_frequency_hertz{device="fb000000.gpu"}"#: 300_000_000,
                #"edgewatch_accelerator_frequency_max_hertz{device="fb000000.gpu"}"#: 1_000_000_000,
                #"edgewatch_accelerator_load_ratio{device="fb000000.gpu"}"#: 0.23,
                #"edgewatch_accelerator_load_ratio{device="17000000.ga10b"}"#: 0.845,
                #"edgewatch_accelerator_temperature_celsius{device="apex_0"}"#: 43.55,
            ]
        )
    }
}
