// SPDX-License-Identifier: Apache-2.0
//
// Protobuf expositions against the field numbers of client_model and Prometheus' matrix of what becomes of histograms.

import Bytes
import Samples
import Testing
import Wire

private typealias Options = ProtobufScrapeParser.Options

private func options(
    native: Bool = false,
    classic: Bool = false,
    converts: Bool = false,
    starts: Bool = false
) -> Options {
    var options = Options()
    options.takesNative = native
    options.keepsClassic = classic
    options.convertsClassic = converts
    options.readsStarts = starts
    return options
}

/// Everything a sample says, as text.
private func parse(_ bytes: [UInt8], _ options: Options = Options()) throws -> [String] {
    var parser = ProtobufScrapeParser(bytes, options: options)
    var result: [String] = []
    var keys: Set<[UInt8]> = []
    while let sample = try parser.next() {
        var line = "\(Labels(try parser.pairs(of: sample)))"
        keys.insert(Array(parser.key(of: sample)[sample.series]))
        if sample.isHistogram {
            let histogram = try parser.histogram(of: sample)
            func text(_ buckets: [HistogramBucket]) -> String {
                buckets.map { "\($0.index):\(PromNumber.format(histogram.count(of: $0.rawCount)))" }
                    .joined(separator: ",")
            }
            line += " s\(histogram.schema) n\(PromNumber.format(histogram.count))"
            line +=
                " z\(PromNumber.format(histogram.zeroCount)) [\(text(histogram.negative))|\(text(histogram.positive))]"
            if histogram.hasCustomBounds { line += " \(histogram.customBounds)" }
            if histogram.counterReset == .gauge { line += " gauge" }
            if histogram.isFloat { line += " float" }
        } else {
            line += " \(PromNumber.format(sample.value))"
        }
        if let time = sample.timestamp { line += " @\(time)" }
        if let start = sample.start { line += " since \(start)" }
        for exemplar in try parser.exemplars(of: sample) {
            line += " # \(exemplar.labels) \(PromNumber.format(exemplar.value))"
            if let time = exemplar.timestamp { line += " @\(time)" }
        }
        result.append(line)
    }
    #expect(keys.count == result.count, "each series has a key of its own")
    return result
}

private func failure(_ bytes: [UInt8], _ options: Options = Options()) -> String? {
    do {
        _ = try parse(bytes, options)
        return nil
    } catch { return (error as? ExpositionError)?.description }
}

private func family(
    _ name: String,
    type: UInt64?,
    help: String = "",
    unit: String = "",
    _ metrics: [(inout PushedMessage) -> Void]
) -> [UInt8] {
    let message = PushedMessage.of { family in
        family.text(1, name)
        if !help.isEmpty { family.text(2, help) }
        if let type { family.varint(3, type) }
        for metric in metrics { family.message(4, metric) }
        if !unit.isEmpty { family.text(5, unit) }
    }
    var out: [UInt8] = []
    out.append(prefixed: message.bytes)
    return out
}

extension PushedMessage {
    fileprivate mutating func exemplar(_ field: UInt64, _ id: String, _ value: Double, seconds: Int64?) {
        message(field) {
            $0.label("id", id)
            $0.double(2, value)
            guard let seconds else { return }
            $0.message(3) {
                $0.signed(1, seconds)
                $0.varint(2, 250_999_999)
            }
        }
    }

    fileprivate mutating func bucket(
        _ bound: Double,
        _ count: UInt64,
        exemplar id: String? = nil,
        at: Int64? = nil
    ) {
        message(3) {
            $0.varint(1, count)
            $0.double(2, bound)
            if let id { $0.exemplar(3, id, bound, seconds: at) }
        }
    }

    fileprivate mutating func span(_ field: UInt64, _ offset: Int64, _ length: UInt64) {
        message(field) {
            $0.zigzag(1, offset)
            $0.varint(2, length)
        }
    }
}

@Test func protobufFamiliesAreRead() throws {
    let bytes =
        family(
            "jobs_total",
            type: nil,
            help: "Jobs.",
            unit: "",
            [
                {
                    $0.label("a", "b")
                    $0.label("empty", "")
                    $0.message(3) {
                        $0.double(1, 7)
                        $0.exemplar(2, "x", 3, seconds: 10)
                        $0.message(3) { $0.signed(1, 5) }
                    }
                },
                { $0.message(3) { $0.double(1, 8) } },
            ]
        )
        + family(
            "heat_celsius",
            type: 1,
            unit: "celsius",
            [
                {
                    // Behind its value, and a field nobody knows.
                    $0.message(2) { $0.double(1, -1.5) }
                    $0.label("x", "ü")
                    $0.signed(6, 1234)
                    $0.text(99, "?")
                }
            ]
        )
        + family("empty", type: 1, [])
        + family(
            "size",
            type: 2,
            [
                {
                    $0.message(4) {
                        $0.varint(1, 3)
                        $0.double(2, 6.5)
                        for (quantile, value) in [(0.5, 2.0), (1, 4)] {
                            $0.message(3) {
                                $0.double(1, quantile)
                                $0.double(2, value)
                            }
                        }
                    }
                }
            ]
        )
        + family("a.b", type: 3, [{ $0.message(5) { $0.double(1, .nan) } }])
        + family(
            "c",
            type: 4,
            [
                {
                    $0.label("l", "m")
                    $0.message(7) {
                        $0.varint(1, 4)
                        $0.double(2, 9.5)
                        $0.bucket(1, 1, exemplar: "e", at: nil)
                        $0.bucket(2.5, 3)
                    }
                },
                {
                    $0.message(7) {
                        $0.double(4, 1.5)
                        $0.message(3) {
                            $0.double(2, .infinity)
                            $0.double(4, 1.5)
                        }
                    }
                },
            ]
        )
    #expect(
        try parse(bytes, options(starts: true)) == [
            #"jobs_total{a="b"} 7 since 5000 # {id="x"} 3 @10250"#, "jobs_total 8",
            #"heat_celsius{x="ü"} -1.5 @1234"#,
            "size_count 3", "size_sum 6.5", #"size{quantile="0.5"} 2"#, #"size{quantile="1.0"} 4"#,
            #"{"a.b"} NaN"#,
            #"c_count{l="m"} 4"#, #"c_sum{l="m"} 9.5"#,
            #"c_bucket{l="m", le="1.0"} 1 # {id="e"} 1"#, #"c_bucket{l="m", le="2.5"} 3"#,
            #"c_bucket{l="m", le="+Inf"} 4"#,
            "c_count 1.5", "c_sum 0", #"c_bucket{le="+Inf"} 1.5"#,
        ]
    )
    var parser = ProtobufScrapeParser(bytes)
    while try parser.next() != nil {}
    #expect(
        parser.metadata() == [
            MetricMetadata(family: "jobs_total", kind: .counter, help: "Jobs."),
            MetricMetadata(family: "heat_celsius", kind: .gauge, help: "", unit: "celsius"),
            MetricMetadata(family: "empty", kind: .gauge, help: ""),
            MetricMetadata(family: "size", kind: .summary, help: ""),
            MetricMetadata(family: "a.b", kind: .unknown, help: ""),
            MetricMetadata(family: "c", kind: .histogram, help: ""),
        ]
    )
}

/// Native only, classic only and both, for each way to treat them.
@Test func histogramsBecomeWhatIsAskedFor() throws {
    func native(_ message: inout PushedMessage) {
        message.varint(1, 6)
        message.double(2, 10)
        message.zigzag(5, 3)
        message.double(6, 0.001)
        message.varint(7, 1)
        message.span(9, 0, 1)
        message.packedZigzag(10, [2])
        message.span(12, -1, 1)
        message.span(12, 2, 1)
        // One by one, as proto2 has it.
        message.zigzag(13, 1)
        message.zigzag(13, 1)
        message.exemplar(16, "n", 2, seconds: 3)
        message.exemplar(16, "without a time", 2, seconds: nil)
    }
    func classic(_ message: inout PushedMessage) {
        message.bucket(1, 2, exemplar: "b", at: 4)
        message.bucket(.infinity, 6)
    }
    let nativeOnly = family("h", type: 4, [{ $0.message(7) { native(&$0) } }])
    let both = family(
        "h",
        type: 4,
        [
            {
                $0.message(7) {
                    native(&$0)
                    classic(&$0)
                }
            }
        ]
    )
    let classicOnly = family(
        "h",
        type: 4,
        [
            {
                $0.message(7) {
                    $0.varint(1, 6)
                    $0.double(2, 10)
                    classic(&$0)
                }
            }
        ]
    )
    let asNative = #"h s3 n6 z1 [0:2|-1:1,2:2] # {id="n"} 2 @3250"#
    let asClassic = [
        "h_count 6", "h_sum 10", #"h_bucket{le="1.0"} 2 # {id="b"} 1 @4250"#, #"h_bucket{le="+Inf"} 6"#,
    ]
    let asCustom = #"h s-53 n6 z0 [|0:2,1:4] [1.0] # {id="b"} 1 @4250"#
    let infinityOnly = ["h_count 6", "h_sum 10", #"h_bucket{le="+Inf"} 6"#]
    #expect(try parse(nativeOnly) == infinityOnly)
    #expect(try parse(nativeOnly, options(native: true)) == [asNative])
    #expect(try parse(nativeOnly, options(native: true, classic: true)) == [asNative])
    #expect(try parse(nativeOnly, options(native: true, converts: true)) == [asNative])
    #expect(try parse(both) == asClassic)
    #expect(try parse(both, options(native: true)) == [asNative])
    #expect(try parse(both, options(native: true, classic: true)) == [asNative] + asClassic)
    #expect(try parse(both, options(native: true, converts: true)) == [asNative])
    #expect(try parse(both, options(converts: true)) == [asCustom])
    #expect(try parse(classicOnly, options(native: true)) == asClassic)
    #expect(try parse(classicOnly, options(converts: true)) == [asCustom])
    #expect(try parse(classicOnly, options(classic: true, converts: true)) == [asCustom] + asClassic)
}

@Test func otherNativeHistograms() throws {
    let empty = family("h", type: 4, [{ $0.message(7) { $0.span(12, 0, 0) } }])
    #expect(try parse(empty, options(native: true)) == ["h s0 n0 z0 [|]"])
    let gauge = family(
        "h",
        type: 5,
        [
            {
                $0.message(7) {
                    $0.double(4, 3.5)
                    $0.double(8, 0.5)
                    $0.span(12, 1, 2)
                    $0.packedDoubles(14, [1, 2])
                    $0.bucket(1, 1, exemplar: "b", at: 1)
                }
            }
        ]
    )
    // Without exemplars of its own it has those of the buckets.
    #expect(
        try parse(gauge, options(native: true)) == [
            #"h s0 n3.5 z0.5 [|1:1,2:2] gauge float # {id="b"} 1 @1250"#
        ]
    )
    let wrong = family(
        "h",
        type: 4,
        [
            {
                $0.message(7) {
                    $0.varint(1, 5)
                    $0.span(12, 0, 1)
                    $0.packedZigzag(13, [4])
                }
            }
        ]
    )
    #expect(
        failure(wrong, options(native: true))
            == "4 observations found in buckets, but the Count field is 5: histogram's observation count should equal "
            + "the number of observations found in the buckets (in absence of NaN)"
    )
}

@Test func wrongProtobufIsRefused() {
    let good = family("h", type: 1, [{ $0.message(2) { $0.double(1, 1) } }])
    for length in 1..<good.count {
        #expect(failure(Array(good.prefix(length))) != nil, "cut after \(length) bytes")
    }
    #expect(
        failure([0xff, 0xff, 0xff, 0xff, 0x0f]) == "corrupt message at byte 0: expected 4294967295 more bytes"
    )
    #expect(failure([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]) != nil)
    #expect(failure(family("", type: 1, [])) == "invalid metric name: \"\"")
    #expect(failure(family("a", type: 9, [])) == "unknown metric type 9")
    #expect(failure(family("a_b", type: 1, unit: "c", [])) == "unit \"c\" not a suffix of metric \"a_b\"")
    #expect(failure(family("a_b_total", type: 0, unit: "b", [])) == nil)
    #expect(
        failure(
            family(
                "a",
                type: 1,
                [
                    {
                        $0.label("b", "c")
                        $0.label("b", "d")
                    }
                ]
            )
        ) == "label name \"b\" is not unique"
    )
    #expect(failure(family("a", type: 1, [{ $0.label("", "c") }])) == "a label has no name")
    #expect(
        failure(
            family(
                "a",
                type: 1,
                [
                    {
                        $0.message(1) {
                            $0.text(1, "b")
                            $0.bytes(2, [0xff])
                        }
                    }
                ]
            )
        )
            == "a label is not valid UTF-8"
    )
    let many = family("a", type: 4, [{ $0.message(7) { for _ in 0..<70_000 { $0.bytes(3, []) } } }])
    #expect(failure(many) == "a message may have at most 65536 labels, buckets and exemplars in one metric")
    // A span that says 4 billion buckets has none of them.
    let wide = family("h", type: 4, [{ $0.message(7) { $0.span(12, 0, 4_294_967_295) } }])
    #expect(
        failure(wide, options(native: true))
            == "positive side: spans need 4294967295 buckets, have 0 buckets: histogram spans specify different number "
            + "of buckets than provided"
    )
}

@Test func noBytesTrapTheProtobufParser() {
    var random = SystemRandomNumberGenerator()
    let seed = family(
        "hist",
        type: 4,
        help: "h",
        unit: "",
        [
            {
                $0.label("a", "b")
                $0.message(7) {
                    $0.varint(1, 6)
                    $0.double(2, 10)
                    $0.zigzag(5, 3)
                    $0.span(9, 0, 1)
                    $0.packedZigzag(10, [2])
                    $0.span(12, -1, 2)
                    $0.packedZigzag(13, [1, 2])
                    $0.bucket(1, 2, exemplar: "b", at: 4)
                    $0.exemplar(16, "n", 2, seconds: 3)
                }
            }
        ]
    )
    for round in 0..<20_000 {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch random.next() % 3 {
            case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
            default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            }
        }
        var parser = ProtobufScrapeParser(
            bytes,
            options: options(native: round % 2 == 0, classic: true, converts: true, starts: true)
        )
        while let sample = try? parser.next() {
            _ = try? parser.pairs(of: sample)
            if sample.isHistogram { _ = try? parser.histogram(of: sample) }
            _ = try? parser.exemplars(of: sample)
        }
        _ = parser.metadata()
    }
}
