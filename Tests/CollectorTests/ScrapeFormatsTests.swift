// SPDX-License-Identifier: Apache-2.0
//
// Scrapes in the other formats: histograms, exemplars, starts, further series of each scrape, and what is asked for.

import Bytes
import Config
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private struct Bench {
    let sink = RecordingSink()
    var store: ScrapeStore
    var time = Timestamp(milliseconds: 1_000_000)
    var counts = ScrapeCounts()

    init(
        _ features: ScrapeFeatures = [],
        _ change: (inout ScrapeConfig) throws -> Void = { _ in }
    ) throws {
        var job = scrapeJob("j", ["h:1"])
        try change(&job)
        store = ScrapeStore(
            try #require(TargetList([job]).targets.first),
            sink: sink,
            features: features
        )
    }

    @discardableResult
    mutating func scrape(_ body: [UInt8], _ format: ExpositionFormat) throws -> String? {
        time = time.advanced(byMilliseconds: 15_000)
        counts = ScrapeCounts()
        do {
            try store.read(body, as: format, at: time, keeping: .all, counts: &counts)
            try store.commit(at: time, duration: .milliseconds(250), counts: &counts)
            return nil
        } catch let failure as ScrapeFailure {
            try store.fail(at: time, duration: .milliseconds(250), counts: counts)
            return failure.words
        }
    }

    @discardableResult
    mutating func scrape(_ text: String, _ format: ExpositionFormat = .openMetrics) throws -> String? {
        try scrape(Array(text.utf8), format)
    }

    /// What the newest batch holds beside the five series of each scrape.
    var newest: [String] {
        let values = sink.newest().filter { !$0.key.hasPrefix("up{") && !$0.key.hasPrefix("scrape_") }
            .map { "\(short($0.key)) \($0.value)" }
        return (values + histograms + starts).sorted()
    }

    private var histograms: [String] {
        sink.state.withLock { state in
            (state.batches.last?.histograms ?? []).map { sample in
                let name = short(state.series[Int(sample.series.rawValue)].description)
                let histogram = sample.histogram
                return histogram.isStale
                    ? "\(name) stale histogram"
                    : "\(name) s\(histogram.schema) n\(histogram.count) \(histogram.bucketCount) buckets"
            }
        }
    }

    private var starts: [String] {
        sink.state.withLock { state in
            (state.batches.last?.starts ?? []).map {
                "\(short(state.series[Int($0.series.rawValue)].description)) since \($0.start.milliseconds)"
            }
        }
    }

    func synthetic(_ name: String) -> String? { sink.newest()["\(name){instance=\"h:1\", job=\"j\"}"] }

    private func short(_ name: String) -> String {
        name.replacing("instance=\"h:1\", job=\"j\"", with: "").replacing("{, ", with: "{")
            .replacing(", }", with: "}").replacing("{}", with: "")
    }
}

/// A family with one histogram of as many buckets, all at schema 3.
private func family(_ name: String, buckets: Int, native: Bool = true) -> [UInt8] {
    func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        var out = [UInt8(number << 3 | 2)]
        out.append(prefixed: bytes)
        return out
    }
    func number(_ number: Int, _ value: UInt64) -> [UInt8] {
        var out = [UInt8(number << 3)]
        out.append(varint: value)
        return out
    }
    var bound: [UInt8] = [2 << 3 | 1]
    bound.append(double: 1)
    var histogram = number(1, UInt64(buckets)) + field(3, number(1, 1) + bound)
    if native {
        // Each bucket has one observation: the first delta is 1, the others 0.
        // Zigzag: schema 6.
        histogram += number(5, 12) + field(12, number(2, UInt64(buckets)))
        histogram += field(13, [2] + [UInt8](repeating: 0, count: buckets - 1))
    }
    var out: [UInt8] = []
    out.append(prefixed: field(1, Array(name.utf8)) + number(3, 4) + field(4, field(7, histogram)))
    return out
}

@Test func openMetricsScrapesAreStored() throws {
    var bench = try Bench()
    let text = """
        # TYPE a counter
        a_total{x="y"} 1 # {id="1"} 0.5 990.5
        a_created{x="y"} 3
        # TYPE b gauge
        b 2 # {id="2"} 7
        b{timed="yes"} 3 1001.5 # {id="3"} 8
        # EOF

        """
    for round in 0..<2 {
        #expect(try bench.scrape(text) == nil)
        let exemplars = bench.sink.state.withLock { state in
            defer { state.exemplars = [] }
            return state.exemplars.map { "\($0.exemplar.labels) \($0.exemplar.timestamp.milliseconds)" }
        }
        let now = bench.time.milliseconds
        #expect(exemplars == [#"{id="1"} 990500"#, #"{id="2"} \#(now)"#, #"{id="3"} 1001500"#])
        #expect(bench.counts.added == (round == 0 ? 4 : 0))
        // The newest batch is that of the series with a time of its own.
        #expect(bench.newest == [#"b{timed="yes"} 3.0"#])
    }
    #expect(try bench.scrape("a_total{x=\"y\"} 1\n") == "line 2: data does not end with # EOF")
    #expect(bench.newest == [#"a_created{x="y"} stale"#, #"a_total{x="y"} stale"#, "b stale"])
    #expect(bench.synthetic("up") == "0.0")
}

@Test func startsAreStoredWithTheFeature() throws {
    var bench = try Bench(.startTimestamps)
    try bench.scrape("# TYPE a counter\na_total 1\na_created 3\nb 2\n# EOF\n")
    #expect(bench.newest == ["a_total 1.0", "a_total since 3000", "b 2.0"])
    // From the future.
    try bench.scrape("# TYPE a counter\na_total 1\na_created 3000000\n# EOF\n")
    #expect(bench.newest == ["a_total 1.0", "b stale"])
}

@Test func longAndManyExemplarsAreDropped() throws {
    var bench = try Bench()
    let long = String(repeating: "x", count: 127)
    #expect(try bench.scrape("a 1 # {id=\"\(long)\"} 1\n# EOF\n") == nil)
    #expect(bench.counts.exemplarsDropped == 1)
    let many = (0..<10_003).map { "a{n=\"\($0)\"} 1 # {id=\"x\"} 1\n" }.joined()
    #expect(try bench.scrape(many + "# EOF\n") == nil)
    #expect(bench.counts.exemplarsDropped == 3)
    #expect(
        try bench.scrape("new 1 # {id=1} 1\n# EOF\n") == "line 1: the value of label \"id\" is not in quotes"
    )
}

@Test func nativeHistogramsAreStoredAndEnd() throws {
    var bench = try Bench { $0.formats.nativeHistograms = true }
    let body = family("h", buckets: 4) + family("g", buckets: 2)
    for _ in 0..<2 {
        #expect(try bench.scrape(body, .protobuf) == nil)
        #expect(bench.newest == ["g s6 n2.0 2 buckets", "h s6 n4.0 4 buckets"])
        #expect(bench.synthetic("scrape_samples_scraped") == "2.0")
    }
    #expect(try bench.scrape(family("g", buckets: 3), .protobuf) == nil)
    #expect(bench.newest == ["g s6 n3.0 3 buckets", "h stale histogram"])
    #expect(try bench.scrape(Array(body.prefix(20)), .protobuf) != nil)
    #expect(bench.newest == ["g stale histogram"])
    // A series that becomes a number goes on as one.
    #expect(try bench.scrape(body, .protobuf) == nil)
    #expect(try bench.scrape("# TYPE g gauge\ng 5\n", .text) == nil)
    #expect(bench.newest == ["g 5.0", "h stale histogram"])
    #expect(try bench.scrape(body, .protobuf) == nil)
    #expect(bench.newest == ["g s6 n2.0 2 buckets", "h s6 n4.0 4 buckets"])
    try bench.store.end(at: bench.time.advanced(byMilliseconds: 1000))
    #expect(bench.newest == ["g stale histogram", "h stale histogram"])
    #expect(bench.sink.state.withLock { $0.uses.isEmpty })
}

@Test func aTargetsLabelsDecideOverTheJob() throws {
    var bench = try Bench { job in
        job.formats.nativeHistograms = true
        job.relabelConfigs = [
            try relabel(.replace, target: "__scrape_native_histograms__", replacement: "false"),
            try relabel(.replace, target: "__convert_classic_histograms_to_nhcb__", replacement: "true"),
            try relabel(.replace, target: "__always_scrape_classic_histograms__", replacement: "true"),
        ]
    }
    #expect(try bench.scrape(family("h", buckets: 4), .protobuf) == nil)
    #expect(
        bench.newest == [
            "h s-53 n4.0 2 buckets", "h_bucket{le=\"+Inf\"} 4.0", "h_bucket{le=\"1.0\"} 1.0", "h_count 4.0",
            "h_sum 0.0",
        ]
    )
}

@Test func bucketsAreLimited() throws {
    var limited = try Bench {
        $0.formats.nativeHistograms = true
        $0.nativeHistogramBuckets = 10
    }
    #expect(try limited.scrape(family("h", buckets: 64), .protobuf) == nil)
    // 64 buckets from index 0 at schema 6: at schema 3 they are 0 and 1…8.
    #expect(limited.newest == ["h s3 n64.0 9 buckets"])
    var tooMany = try Bench {
        $0.formats.convertsClassicHistograms = true
        $0.nativeHistogramBuckets = 1
    }
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 2\nh_count 2\n"
    #expect(try tooMany.scrape(text, .text) == "histogram bucket limit exceeded")
    #expect(tooMany.synthetic("up") == "0.0")
    var coarse = try Bench {
        $0.formats.nativeHistograms = true
        $0.nativeHistogramFactor = 1.1
    }
    #expect(try coarse.scrape(family("h", buckets: 64), .protobuf) == nil)
    #expect(coarse.newest == ["h s2 n64.0 5 buckets"])
    for (factor, schema) in [
        (1.0027, Int32(8)), (1.003, 7), (1.09, 3), (1.1, 2), (2, 0), (65536, -4), (1e300, -4),
    ] {
        #expect(ScrapeStore.schema(factor: factor) == schema)
    }
}

@Test func classicHistogramsAreConvertedWhereAsked() throws {
    let text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\na 1\n"
    for format in [ExpositionFormat.text, .openMetrics] {
        let body = format == .text ? text : text + "# EOF\n"
        var converted = try Bench { $0.formats.convertsClassicHistograms = true }
        for _ in 0..<2 {
            #expect(try converted.scrape(body, format) == nil)
            #expect(converted.newest == ["a 1.0", "h s-53 n2.0 2 buckets"])
        }
        #expect(try converted.scrape(format == .text ? "a 1\n" : "a 1\n# EOF\n", format) == nil)
        #expect(converted.newest == ["a 1.0", "h stale histogram"])
        var both = try Bench {
            $0.formats.convertsClassicHistograms = true
            $0.formats.keepsClassicHistograms = true
        }
        #expect(try both.scrape(body, format) == nil)
        #expect(
            both.newest
                == [
                    "a 1.0", "h s-53 n2.0 2 buckets", "h_bucket{le=\"+Inf\"} 2.0", "h_bucket{le=\"1.0\"} 1.0",
                    "h_count 2.0", "h_sum 3.0",
                ].sorted()
        )
    }
}

@Test func wrongHistogramsFailTheScrape() throws {
    var bench = try Bench { $0.formats.nativeHistograms = true }
    var wrong = family("h", buckets: 3)
    // The count, behind the name, the type and the beginnings of three messages.
    wrong[11] = 5
    let words = try bench.scrape(wrong, .protobuf)
    #expect(
        words?.hasPrefix("3 observations found in buckets, but the Count field is 5") == true,
        "\(words ?? "")"
    )
}

@Test func furtherSeriesDescribeAScrape() throws {
    for isFeature in [false, true] {
        var bench = try Bench(isFeature ? .extraMetrics : []) {
            $0.formats.extraMetrics = !isFeature
            $0.limits.samples = 1
        }
        #expect(try bench.scrape("a 1\n", .text) == nil)
        #expect(bench.synthetic("scrape_timeout_seconds") == "10.0")
        #expect(bench.synthetic("scrape_sample_limit") == "1.0")
        #expect(bench.synthetic("scrape_body_size_bytes") == "4.0")
        #expect(try bench.scrape("a 1\nb 1\n", .text) == "sample limit exceeded")
        #expect(bench.synthetic("scrape_body_size_bytes") == "8.0")
        #expect(bench.sink.newest().count == 9, "eight and a stale marker")
        #expect(bench.synthetic("scrape_samples_post_metric_relabeling") == "2.0")
    }
}

@Test func legacyNamesOnly() throws {
    var bench = try Bench { $0.formats.nameScheme = .legacy }
    #expect(try bench.scrape("a:b{c=\"d\"} 1\n", .text) == nil)
    #expect(
        try bench.scrape("{\"a.b\"} 1\n", .text)
            == "invalid metric name or label names: {\"a.b\", instance=\"h:1\", job=\"j\"}"
    )
    #expect(
        try bench.scrape("a{\"c.d\"=\"e\"} 1\n", .text)
            == "invalid metric name or label names: a{\"c.d\"=\"e\", instance=\"h:1\", job=\"j\"}"
    )
}

@Test func targetsAreAskedForTheFormatsWanted() {
    func header(_ features: ScrapeFeatures = [], _ change: (inout ScrapeFormats) -> Void = { _ in }) -> String
    {
        var formats = ScrapeFormats()
        change(&formats)
        return ScrapeAccept.header(formats, features)
    }
    let standard =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
        + "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    #expect(header() == standard)
    let protobufFirst =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
        + "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
        + "*/*;q=0.1"
    #expect(header { $0.nativeHistograms = true } == protobufFirst)
    #expect(header(.startTimestamps) == protobufFirst)
    #expect(
        header {
            $0.protocols = [.text0, .openMetrics1]
            $0.nativeHistograms = true
            $0.nameScheme = .legacy
        }
            == "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,*/*;q=0.4"
    )
    #expect(
        header {
            $0.protocols = [.text1]
            $0.nameEscaping = .values
        }
            == "text/plain;version=1.0.0;escaping=values;q=0.6,*/*;q=0.5"
    )
}
