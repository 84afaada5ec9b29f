// SPDX-License-Identifier: Apache-2.0
//
// The histogram type and its wire form against Prometheus' rules and words.

import Samples
import Testing

struct NativeHistogramTests {
    /// `{{schema:1 count:12 sum:18.4 z_bucket:2 z_bucket_w:0.001 buckets:[1 2 0 1] n_buckets:[2 4]}}` with offsets.
    static var message: HistogramMessage {
        var message = HistogramMessage()
        message.count = 12
        message.sum = 18.4
        message.schema = 1
        message.zeroThreshold = 0.001
        message.zeroCount = 2
        message.positive.spans = [HistogramSpan(offset: -2, length: 2), HistogramSpan(offset: 1, length: 2)]
        message.positive.deltas = [1, 1, -2, 1]
        message.negative.spans = [HistogramSpan(offset: 5, length: 2)]
        message.negative.deltas = [2, 2]
        message.resetHint = 2
        return message
    }

    static let bounds: HistogramMessage = {
        var message = HistogramMessage()
        message.schema = -53
        message.count = 6
        message.sum = 3
        message.customBounds = [0.5, 1, 2.5]
        message.positive.spans = [HistogramSpan(offset: 0, length: 1), HistogramSpan(offset: 2, length: 1)]
        message.positive.deltas = [4, -2]
        return message
    }()

    private func error(_ message: HistogramMessage) -> String? {
        do throws(HistogramError) {
            _ = try NativeHistogram(message)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func spansAndDifferencesBecomeBuckets() throws {
        let histogram = try NativeHistogram(Self.message)
        #expect(
            histogram.positive.map { [Int64($0.index), Int64($0.rawCount)] } == [[-2, 1], [-1, 2], [2, 1]]
        )
        #expect(histogram.negative.map { [Int64($0.index), Int64($0.rawCount)] } == [[5, 2], [6, 4]])
        #expect(histogram.counterReset == .notReset)
        #expect(!histogram.isFloat && histogram.count == 12 && histogram.zeroCount == 2)
        #expect(try histogram.validate() == ())
        // Written back without the empty bucket in the second span.
        var wanted = Self.message
        wanted.positive.spans = [HistogramSpan(offset: -2, length: 2), HistogramSpan(offset: 2, length: 1)]
        wanted.positive.deltas = [1, 1, -1]
        #expect(histogram.message == wanted)
        #expect(try NativeHistogram(histogram.message) == histogram)
    }

    @Test func floatCountsAreAbsolute() throws {
        var message = Self.message
        message.isFloat = true
        (message.floatCount, message.floatZeroCount) = (12.5, 2.5)
        message.positive.counts = [1, 2, 0, 1]
        message.negative.counts = [2, 4]
        let histogram = try NativeHistogram(message)
        #expect(histogram.isFloat && histogram.count == 12.5 && histogram.zeroCount == 2.5)
        #expect(histogram.positive.map { histogram.count(of: $0.rawCount) } == [1, 2, 1])
        #expect(try NativeHistogram(histogram.message) == histogram)
        #expect(try NativeHistogram(Self.message).floating().positive == histogram.positive)
        #expect(try NativeHistogram(Self.message).floating() != histogram)
    }

    @Test func customBoundsHaveNoNegativeSide() throws {
        let histogram = try NativeHistogram(Self.bounds)
        #expect(histogram.positive.map { [Int64($0.index), Int64($0.rawCount)] } == [[0, 4], [3, 2]])
        #expect(histogram.customBounds == [0.5, 1, 2.5])
        #expect(try histogram.validate() == ())
    }

    @Test func everyRuleHasPrometheusWords() {
        func check(_ change: (inout HistogramMessage) -> Void, _ words: String) {
            var message = Self.message
            change(&message)
            #expect(error(message) == words)
        }
        check(
            { $0.count = 11 },
            "12 observations found in buckets, but the Count field is 11: histogram's "
                + "observation count should equal the number of observations found in the buckets (in absence of NaN)"
        )
        check(
            { ($0.count, $0.sum) = (11, .nan) },
            "12 observations found in buckets, but the Count field is 11: "
                + "histogram's observation count should be at least the number of observations found in the buckets"
        )
        check(
            { $0.positive.deltas[0] = -1 },
            "positive side: bucket number 1 has observation count of -1: "
                + "histogram has a bucket whose observation count is negative"
        )
        check(
            { $0.negative.deltas[1] = -3 },
            "negative side: bucket number 2 has observation count of -1: "
                + "histogram has a bucket whose observation count is negative"
        )
        check(
            { $0.positive.spans[1].offset = -1 },
            "positive side: span number 2 with offset -1: "
                + "histogram has a span whose offset is negative"
        )
        check(
            { $0.positive.deltas.removeLast() },
            "positive side: spans need 4 buckets, have 3 buckets: "
                + "histogram spans specify different number of buckets than provided"
        )
        check(
            { $0.negative.spans[0].length = .max },
            "negative side: spans need 4294967295 buckets, have 2 "
                + "buckets: histogram spans specify different number of buckets than provided"
        )
        check({ $0.customBounds = [1] }, "histogram with exponential schema must not have custom bounds")
        for schema in [Int32(-5), -52, -54, 53, .min, .max] {
            check(
                { $0.schema = schema },
                "histogram has an invalid schema, which must be between -4 and 8 for "
                    + "exponential buckets, or -53 for custom buckets, got schema \(schema)"
            )
        }
        check(
            { $0.positive.spans[0].offset = .max },
            "positive side: histogram has a bucket index beyond 32 bits"
        )
        check(
            { $0.positive.deltas = [.max, .max, 0, 0] },
            "positive side: bucket number 2 has observation count "
                + "of -2: histogram has a bucket whose observation count is negative"
        )
        check(
            {
                $0.isFloat = true
                $0.floatCount = -1
                $0.positive.counts = [0, 0, 0, 0]
                $0.negative.counts = [0, 0]
            },
            "histogram's observation count is negative"
        )
    }

    @Test func everyRuleOfCustomBoundsHasPrometheusWords() {
        func check(_ change: (inout HistogramMessage) -> Void, _ words: String) {
            var message = Self.bounds
            change(&message)
            #expect(error(message) == words)
        }
        check(
            { $0.customBounds[1] = 0.5 },
            "custom buckets: previous bound is 0.5 and current is 0.5: "
                + "histogram custom bounds must be in strictly increasing order"
        )
        check(
            { $0.customBounds[2] = .infinity },
            "custom buckets: last +Inf bound must not be explicitly defined: "
                + "histogram custom bounds must be finite"
        )
        check({ $0.customBounds[0] = .nan }, "custom buckets: histogram custom bounds must not be NaN")
        check(
            { $0.customBounds.removeLast() },
            "custom buckets: only 2 custom bounds defined which is "
                + "insufficient to cover total span length of 4: histogram custom bounds are too few"
        )
        check(
            { $0.positive.spans[0].offset = -1 },
            "custom buckets: span number 1 with offset -1: "
                + "histogram has a span whose offset is negative"
        )
        check({ $0.zeroCount = 1 }, "custom buckets: must have zero count of 0")
        check({ $0.zeroThreshold = 1 }, "custom buckets: must have zero threshold of 0")
        check(
            { $0.negative.spans = [HistogramSpan(offset: 0, length: 0)] },
            "custom buckets: must not have negative spans"
        )
        check({ $0.negative.deltas = [1] }, "custom buckets: must not have negative buckets")
    }

    @Test func theStaleMarkerIsASum() throws {
        var message = HistogramMessage()
        message.sum = StaleMarker.value
        #expect(try NativeHistogram(message) == .staleMarker)
        #expect(NativeHistogram.staleMarker.isStale)
        #expect(try NativeHistogram(NativeHistogram.staleMarker.message).isStale)
    }

    @Test func equalityIsByBits() {
        func histogram(_ sum: Double) -> NativeHistogram {
            NativeHistogram(schema: 0, count: UInt64(0), sum: sum)
        }
        #expect(histogram(.nan) == histogram(.nan))
        #expect(histogram(0) != histogram(-0.0))
        #expect(histogram(.nan) != .staleMarker)
    }

    @Test func coarserSchemasKeepCountsAndBounds() throws {
        let fine = NativeHistogram(
            schema: 2,
            count: 10,
            sum: 1,
            positive: (-4...5).map { HistogramBucket(index: $0, rawCount: 1) }
        )
        let coarse = fine.reduced(to: 0)
        // Bucket i of schema 0 ends where bucket 4i of schema 2 does.
        #expect(
            coarse.positive.map { [Int64($0.index), Int64($0.rawCount)] } == [
                [-1, 1], [0, 4], [1, 4], [2, 1],
            ]
        )
        #expect(fine.reduced(toBuckets: 4)?.schema == 0)
        #expect(fine.reduced(toBuckets: 10) == fine)
        #expect(fine.reduced(toBuckets: 1)?.schema == nil)
        #expect(try NativeHistogram(Self.bounds).reduced(toBuckets: 1) == nil)
        for index in Int32(-20)...20 {
            let one = NativeHistogram(
                schema: 3,
                count: 1,
                sum: 0,
                positive: [HistogramBucket(index: index, rawCount: 1)]
            )
            let wide = one.reduced(to: 1)
            #expect(try #require(one.buckets.first).upper <= (try #require(wide.buckets.first)).upper)
            #expect(try #require(one.buckets.first).lower >= (try #require(wide.buckets.first)).lower)
        }
    }

    @Test func reservedSchemasAreReducedToEight() throws {
        var message = HistogramMessage()
        (message.schema, message.count) = (10, 3)
        message.positive.spans = [HistogramSpan(offset: 0, length: 3)]
        message.positive.deltas = [1, 0, 0]
        let histogram = try NativeHistogram(message)
        #expect(histogram.schema == 8)
        #expect(histogram.positive.map { [Int64($0.index), Int64($0.rawCount)] } == [[0, 1], [1, 2]])
    }
}

struct HistogramBoundsTests {
    @Test func bucketsHavePrometheusBounds() {
        // model/histogram/generic_test.go, TestGetBoundExponential.
        let wanted: [(schema: Int32, index: Int32, bound: Double)] = [
            (-1, -1, 0.25), (-1, 0, 1), (-1, 1, 4), (-1, 512, .greatestFiniteMagnitude), (-1, 513, .infinity),
            (0, -1, 0.5), (0, 0, 1), (0, 1, 2), (0, 1024, .greatestFiniteMagnitude), (0, 1025, .infinity),
            (2, -1, 0.8408964152537144), (2, 0, 1), (2, 1, 1.189207115002721),
            (2, 4096, .greatestFiniteMagnitude), (2, 4097, .infinity), (8, 1, 1.0027112750502025),
            (8, 262144, .greatestFiniteMagnitude), (1, 1, 1.414213562373095),
        ]
        for (schema, index, bound) in wanted {
            #expect(HistogramBounds.bound(index, schema: schema) == bound, "schema \(schema) index \(index)")
        }
    }

    @Test func bucketsComeFromLowToHigh() throws {
        let histogram = try NativeHistogram(NativeHistogramTests.message)
        let buckets = histogram.buckets
        #expect(buckets.map { $0.count } == [4, 2, 2, 1, 2, 1])
        #expect(buckets[2].lower == -0.001 && buckets[2].upper == 0.001)
        #expect(buckets[0].lower == -8 && buckets[0].upper == -5.656854249492380)
        #expect(buckets[3].upper == 0.5 && !buckets[3].lowerInclusive && buckets[3].upperInclusive)
        #expect(buckets[1].lowerInclusive && !buckets[1].upperInclusive)
        let custom = try NativeHistogram(NativeHistogramTests.bounds).buckets
        #expect(custom.map { $0.lower } == [-.infinity, 2.5])
        #expect(custom.map { $0.upper } == [0.5, .infinity])
        #expect(custom.map { $0.lowerInclusive } == [true, false])
    }

    @Test func everyTableEntryIsItsPowerOfTwo() {
        for schema in Int32(0)...8 {
            for step in 0..<(Int32(1) << schema) {
                let bound = HistogramBounds.bound(step, schema: schema)
                let fine = HistogramBounds.bound(step << (8 - schema), schema: 8)
                #expect(bound == fine)
                if step > 0 { #expect(bound > HistogramBounds.bound(step - 1, schema: schema)) }
            }
        }
    }
}

struct PartLabelTests {
    private let parent = Labels([(name: "__name__", value: "latency"), (name: "job", value: "web")])

    @Test func aPartNamesItsSeries() throws {
        let part = PartLabel.labels("count", of: parent)
        #expect(PartLabel.marks(part) && !PartLabel.marks(parent) && !PartLabel.marks(Labels()))
        #expect(Labels(encoded: part.bytes) == part)
        #expect(part == parent.setting(PartLabel.name, "count"))
        #expect(PartLabel.part(part) == "count" && PartLabel.part(parent) == nil)
        let (name, owner) = try #require(PartLabel.split(part))
        #expect(name == "count" && owner == parent)
        #expect(PartLabel.split(parent) == nil)
        #expect(PartLabel.split(Labels([(name: PartLabel.name, value: "alone")]))?.parent == Labels())
    }

    @Test func namesThatOnlyBeginSoAreOrdinary() {
        #expect(!PartLabel.marks(Labels([(name: "\u{1}x", value: "v")])))
        #expect(!PartLabel.marks(Labels([(name: "a", value: "\u{1}")])))
    }
}

struct ExemplarTests {
    @Test func labelsAreCountedInCharacters() {
        func exemplar(_ value: String) -> Exemplar? {
            Exemplar(
                labels: Labels([(name: "t", value: value)]),
                value: 1,
                timestamp: Timestamp(milliseconds: 0)
            )
        }
        #expect(exemplar(String(repeating: "x", count: 127)) != nil)
        #expect(exemplar(String(repeating: "x", count: 128)) == nil)
        #expect(exemplar(String(repeating: "ü", count: 127)) != nil)
    }
}
