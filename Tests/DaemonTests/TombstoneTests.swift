// SPDX-License-Identifier: Apache-2.0
//
// What queries see of a store of which something was deleted.

import Samples
import Testing

@testable import Daemon

/// Two series with a sample a second from 0 to 9, and rows of two seconds up to 4.
private struct TenSeconds: SeriesSource {
    struct Selection: SeriesSelection {
        let names: [String]

        var count: Int { names.count }

        func labels(_ index: Int) -> Labels { Labels([(name: "__name__", value: names[index])]) }

        func read(_ index: Int, from: Timestamp, through: Timestamp, into columns: inout SampleColumns) {
            for second in Int64(0)...9
            where (from.milliseconds...through.milliseconds).contains(second * 1000) {
                columns.append(second * 1000, Double(second))
            }
        }

        func hasParts(_ index: Int) -> Bool { false }

        var coarse: [CoarseStretch] { [CoarseStretch(after: -1, through: 4000, resolution: 2000)] }

        func readRows(_ index: Int, from: Timestamp, through: Timestamp, into rows: inout [CoarseRow]) {
            for end in [Int64(2000), 4000] { rows.append(CoarseRow(end: end, summary: nil, isEnded: false)) }
        }
    }

    func select(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> any SeriesSelection {
        Selection(
            names: ["a", "b"].filter { name in
                matchers.allSatisfy { $0.matches(Labels([(name: "__name__", value: name)])) }
            }
        )
    }

    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] {
        ["__name__", "only here"]
    }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] { ["a", "b", "only here"] }

    func metadata() -> [String: MetricMetadata] { [:] }
}

struct TombstoneTests {
    private let start = Timestamp(milliseconds: 0)
    private let end = Timestamp(milliseconds: 9000)

    private func hidden(_ from: Int64, _ through: Int64) -> TombstonedSource {
        let matchers = [LabelMatcher("__name__", equals: "a")]
        return TombstonedSource(
            TenSeconds(),
            [Tombstone(matchers: matchers, from: from, through: through)]
        )
    }

    private func seconds(_ selection: any SeriesSelection, _ index: Int) throws -> [Int64] {
        var columns = SampleColumns()
        try selection.read(index, from: start, through: end, into: &columns)
        return columns.timestamps.map { $0 / 1000 }
    }

    @Test func aStretchOfOneSeries() throws {
        let selection = try hidden(3000, 7999).select([], from: start, through: end)
        #expect(selection.count == 2)
        #expect(try seconds(selection, 0) == [0, 1, 2, 8, 9])
        #expect(try seconds(selection, 1) == Array(0...9))
        var rows: [CoarseRow] = []
        try selection.readRows(0, from: start, through: end, into: &rows)
        #expect(rows.map(\.end) == [2000])
    }

    @Test func wholeSeriesAreGone() throws {
        for source in [hidden(.min, .max), hidden(0, 9000)] {
            let selection = try source.select([], from: start, through: end)
            #expect(selection.count == 1)
            #expect(selection.labels(0).metricName == "b")
            #expect(try source.labelNames([], from: start, through: end) == ["__name__"])
            #expect(try source.labelValues("__name__", [], from: start, through: end) == ["b"])
        }
        // Everything within the range is hidden, sample by sample.
        let source = hidden(500, 9500)
        let later = Timestamp(milliseconds: 400)
        #expect(try source.select([], from: later, through: end).count == 1)
        #expect(try source.select([], from: start, through: end).count == 2)
    }

    @Test func otherTimesAreTheStoresOwn() throws {
        let source = hidden(10_000, 20_000)
        #expect(try source.labelNames([], from: start, through: end) == ["__name__", "only here"])
        #expect(try source.select([], from: start, through: end) is TenSeconds.Selection)
        source.set([])
        #expect(source.all == [])
    }

    @Test func entriesComeBack() throws {
        let matchers = [
            LabelMatcher("__name__", equals: "a\"b\n"), try LabelMatcher("job", .notMatches, "x|y\\d"),
        ]
        let tombstone = Tombstone(matchers: matchers, from: .min, through: 9_007_199_254_740_993)
        #expect(Tombstone(encoded: tombstone.encoded) == tombstone)
        for text in [
            "", "{}", #"{"from":"1","through":"x","matchers":[]}"#,
            #"{"from":"1","through":"2","matchers":[["a"]]}"#,
        ] {
            #expect(Tombstone(encoded: Array(text.utf8)) == nil)
        }
    }
}
