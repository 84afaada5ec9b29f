// SPDX-License-Identifier: Apache-2.0
//
// Operations on native histograms, with results worked out by hand, and the label hash by its published vectors.

import Samples
import Testing

@testable import PromQL

@Suite struct HistogramTests {
    private func histogram(_ text: String) throws -> NativeHistogram {
        try HistogramLiteral(text).histogram
    }

    private func sum(_ texts: String...) throws -> (text: String, remarks: HistogramSum.Remarks) {
        var sum = HistogramSum(try histogram(texts[0]))
        var remarks: HistogramSum.Remarks = []
        for text in texts.dropFirst() { remarks.formUnion(try sum.add(histogram(text))) }
        return (sum.value.text, remarks)
    }

    @Test func addsBucketByBucket() throws {
        let (text, remarks) = try sum(
            "count:6 sum:5 z_bucket:1 z_bucket_w:0.5 buckets:[2 0 3]",
            "count:4 sum:7 z_bucket:2 z_bucket_w:0.5 offset:2 buckets:[1] n_buckets:[1]"
        )
        #expect(text == "{count:10, sum:12, [-1,-0.5):1, [-0.5,0.5]:3, (0.5,1]:2, (2,4]:4}")
        #expect(remarks == [])
    }

    @Test func coarserResolutionWins() throws {
        // Schema 1 has √2 and 2 as bounds of indices 1 and 2, which both lie in (1,2] of schema 0.
        let (text, _) = try sum(
            "schema:1 count:3 sum:4 buckets:[1 1 1]",
            "schema:0 count:1 sum:2 offset:1 buckets:[1]"
        )
        #expect(text == "{count:4, sum:6, (0.5,1]:1, (1,2]:3}")
    }

    @Test func zeroBucketsGrowTogether() throws {
        // The wider zero bucket, up to 1.5, cuts (1,2], so it grows to 2 and takes all up to there.
        let (text, _) = try sum(
            "count:4 sum:4 z_bucket:1 z_bucket_w:0.1 buckets:[1 1 1]",
            "count:5 sum:0 z_bucket:5 z_bucket_w:1.5"
        )
        #expect(text == "{count:9, sum:4, [-2,2]:8, (2,4]:1}")
    }

    @Test func sharedBoundsAreKept() throws {
        let (text, remarks) = try sum(
            "schema:-53 count:6 sum:9 custom_values:[1 2 4] buckets:[1 2 1 2]",
            "schema:-53 count:3 sum:5 custom_values:[2 3] buckets:[1 1 1]"
        )
        #expect(text == "{count:9, sum:14, [-Inf,2]:4, (2,+Inf]:5}")
        #expect(remarks == .boundsReconciled)
        #expect(throws: MixedSchemas.self) { try sum("count:1", "schema:-53 count:1 custom_values:[1]") }
    }

    @Test func roundingErrorsAreKept() throws {
        let (text, _) = try sum(
            "count:1e100 sum:1 buckets:[1e100]",
            "count:1 sum:1 buckets:[1]",
            "count:-1e100 sum:1 buckets:[-1e100]"
        )
        #expect(text == "{count:1, sum:3, (0.5,1]:1}")
    }

    @Test func meansSurviveOverflow() throws {
        var mean = HistogramMean(try histogram("count:1e308 sum:1e308 buckets:[1e308]"))
        for _ in 0..<3 { _ = try mean.add(histogram("count:1e308 sum:1e308 buckets:[1e308]")) }
        #expect(mean.value.count == 1e308)
        #expect(mean.value.sum == 1e308)
    }

    @Test(arguments: [
        ("count:3 buckets:[3]", "count:4 buckets:[4]", false),
        ("count:4 buckets:[4]", "count:3 buckets:[3]", true),
        // A bucket lost observations although the count rose.
        ("count:3 buckets:[2 1]", "count:4 buckets:[1 3]", true),
        ("count:3 buckets:[2 1]", "count:4 buckets:[4]", true),
        // Finer is a reset, coarser is not.
        ("schema:0 count:1 buckets:[1]", "schema:1 count:1 buckets:[1]", true),
        ("schema:1 count:2 buckets:[1 1]", "schema:0 count:2 buckets:[1 1]", false),
        // A smaller zero bucket is, a wider one only when it cuts a bucket.
        ("count:1 z_bucket:1 z_bucket_w:1", "count:1 z_bucket:1 z_bucket_w:0.5", true),
        ("count:1 buckets:[1]", "count:1 z_bucket:1 z_bucket_w:1", false),
        ("count:1 buckets:[1]", "count:1 z_bucket:1 z_bucket_w:0.75", true),
        ("count:4 buckets:[4]", "count:3 buckets:[3] counter_reset_hint:not_reset", false),
        ("count:3 buckets:[3]", "count:4 buckets:[4] counter_reset_hint:reset", true),
        (
            "schema:-53 count:2 custom_values:[1 2] buckets:[1 1]",
            "schema:-53 count:2 custom_values:[2] buckets:[2]", false
        ),
        (
            "schema:-53 count:2 custom_values:[1 2] buckets:[1 1]",
            "schema:-53 count:2 custom_values:[1] buckets:[0 2]", true
        ),
        ("count:1", "schema:-53 count:2 custom_values:[1]", true),
    ]) func resets(before: String, after: String, isReset: Bool) throws {
        #expect(try histogram(after).isReset(after: histogram(before)) == isReset)
    }

    @Test func trimsInTheMiddleOfABucket() throws {
        let linear = try histogram("schema:-53 count:10 sum:100 custom_values:[0 10 20] buckets:[2 4 4]")
        #expect(
            linear.trimmed(at: 15, keepsLower: true).text
                == "{count:8, sum:45, [-Inf,0]:2, (0,10]:4, (10,20]:2}"
        )
        #expect(linear.trimmed(at: 15, keepsLower: false).text == "{count:2, sum:35, (10,20]:2}")
        #expect(linear.trimmed(at: 30, keepsLower: true) == linear)
        // Half of (1,4] on a logarithmic scale lies below 2.
        let exponential = try histogram("schema:-1 count:4 sum:9 offset:1 buckets:[4]")
        #expect(exponential.trimmed(at: 2, keepsLower: true).count == 2)
        #expect(exponential.trimmed(at: 2, keepsLower: true).sum == 2 * 2.0.squareRoot())
    }

    @Test func quantilesOfBothSides() throws {
        let found = try histogram("count:4 sum:0 buckets:[0 2] n_buckets:[0 2]")
        #expect(found.quantile(0.25).value == -2.0.squareRoot())
        #expect(found.quantile(0.75).value == 2.0.squareRoot())
        #expect(found.quantile(1).value == 2)
        #expect(found.quantile(-0.1).value == -.infinity)
        #expect(found.fraction(-.infinity, 0).value == 0.5)
        #expect(found.fraction(2.0.squareRoot(), .infinity).value == 0.25)
        #expect(abs(found.variance - 2) < 1e-15)
        #expect(try histogram("").quantile(0.5).value.isNaN)
    }

    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("as", 0x1C33_0FB2_D66B_E179),
            ("asd", 0x631C_37CE_72A9_7393), ("asdf", 0x4158_72F5_99CE_A71E),
            ("Call me Ishmael. Some years ago--never mind how long precisely-", 0x02A2_E854_70D6_FD96),
        ] as [(String, UInt64)]
    ) func labelHash(text: String, hash: UInt64) {
        #expect(LabelHash.hash(Array(text.utf8)) == hash)
    }

    @Test(arguments: [
        "sum:1 sum:2", "count:x", "buckets:[1", "schema:9", "unknown:1", "counter_reset_hint:maybe", "sum",
        "schema:0.5",
        "offset:2147483647 buckets:[1 1]",
    ]) func refusesLiterals(text: String) {
        #expect(throws: TestScriptParser.Problem.self) { try HistogramLiteral(text) }
    }
}
