// SPDX-License-Identifier: Apache-2.0
//
// Fixed parts of fixed histograms (docs/formats/parts.md): what was stored so must stay readable.

import Samples
import Testing

@testable import TSDB

struct PartFormatTests {
    private func rows(_ histogram: NativeHistogram) -> [String] {
        var rows: [String] = []
        histogram.forEachPart { rows.append("\($0.name) \(String($1, radix: 16))") }
        return rows
    }

    /// The values of a golden row by part.
    private func histogram(_ rows: [String]) throws -> NativeHistogram? {
        var parts: [(part: SeriesPart, columns: SampleColumns)] = []
        for row in rows {
            let words = row.split(separator: " ")
            var columns = SampleColumns()
            columns.append(1, Double(bitPattern: try #require(UInt64(words[1], radix: 16))))
            parts.append((try #require(SeriesPart(name: String(words[0]))), columns))
        }
        var assembly = HistogramAssembly()
        return assembly.histograms(parts).histograms.first
    }

    @Test func aHistogramIsTheseParts() throws {
        let golden = [
            "layout \(String(Double(172_603_998_216).bitPattern, radix: 16))",
            "count 4024000000000000", "sum 0", "zero 3ff0000000000000", "width 3f50624dd2f1a9fc",
            "p-4 4008000000000000", "p0 4000000000000000", "p7 3ff0000000000000", "n2 4008000000000000",
        ]
        #expect(rows(SomeHistograms.whole(0)) == golden)
        #expect(try histogram(golden) == SomeHistograms.whole(0))
    }

    @Test func customBoundsAndWideCountsAreTheseParts() throws {
        let custom = [
            "layout \(String(Double(7 + 3 << 16 + 75 << 28).bitPattern, radix: 16))",
            "count 401c000000000000", "sum 4028000000000000", "p0 4010000000000000", "p3 4008000000000000",
            "b0 bff0000000000000", "b1 0", "b2 4004000000000000",
        ]
        #expect(rows(SomeHistograms.custom) == custom)
        #expect(try histogram(custom) == SomeHistograms.custom)
        let layout = 8 + 124 << 28 + 1 << 36 + 1 << 39
        let wide = [
            "layout \(String(Double(layout).bitPattern, radix: 16))",
            "count ffffffffffffffff", "sum fff0000000000000", "zero 20000000000001", "width 1",
            "p-2147483648 1", "p2147483647 7ff0000000000002", "n-1 8000000000000001", "n1 7ff8000000000001",
        ]
        #expect(rows(SomeHistograms.wide) == wide)
        #expect(try histogram(wide) == SomeHistograms.wide)
    }

    @Test func theHiddenLabelIsTheseBytes() {
        let series = Labels([(name: "__name__", value: "latency"), (name: "job", value: "web")])
        let part = PartLabel.labels("count", of: series)
        #expect(FormatTests.hex(part.bytes) == "010105636f756e74" + FormatTests.hex(series.bytes))
        #expect(FormatTests.hex(series.bytes) == "085f5f6e616d655f5f076c6174656e6379036a6f6203776562")
        #expect(PartLabel.split(part)?.part == "count")
        #expect(PartLabel.split(part)?.parent == series)
    }
}
