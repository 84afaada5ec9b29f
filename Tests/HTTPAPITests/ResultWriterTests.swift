// SPDX-License-Identifier: Apache-2.0

import PromQL
import Samples
import Testing

@testable import HTTPAPI

struct ResultWriterTests {
    private let time = Timestamp(milliseconds: 1_435_781_451_781)
    private let up = pairs([("__name__", "up"), ("job", "a<b>")])

    /// The body as the client gets it, and the number of pieces it came in.
    private func body(_ output: QueryOutput, limit: Int? = nil) -> (text: String, pieces: Int) {
        switch ResultWriter.reply(output, limit: limit).body {
        case .bytes(let bytes): return (String(decoding: bytes, as: UTF8.self), 1)
        case .chunks(var source):
            var bytes: [UInt8] = []
            var pieces = 0
            while let chunk = source.next() {
                bytes += chunk
                pieces += 1
            }
            return (String(decoding: bytes, as: UTF8.self), pieces)
        // Only once a reply is prepared.
        case .begun(let made, _): return ("", made.count)
        }
    }

    @Test func scalar() {
        let text = body(QueryOutput(value: .scalar(time, 2))).text
        #expect(
            text == #"{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"2"]}}"#
        )
    }

    @Test func scalarsHaveNoExponent() {
        let text = body(QueryOutput(value: .scalar(time, 1e-7))).text
        #expect(text.contains(#"[1435781451.781,"0.0000001"]"#))
    }

    @Test func string() {
        let text = body(QueryOutput(value: .string(Timestamp(milliseconds: 4000), "a\"b"))).text
        #expect(text == #"{"status":"success","data":{"resultType":"string","result":[4,"a\"b"]}}"#)
    }

    @Test func vector() {
        let samples = [
            VectorSample(labels: up, timestamp: time, value: 1e-7),
            VectorSample(labels: pairs([]), timestamp: time, value: -.infinity),
        ]
        #expect(
            body(QueryOutput(value: .vector(samples))).text
                == #"{"status":"success","data":{"resultType":"vector","result":["#
                + #"{"metric":{"__name__":"up","job":"a<b>"},"value":[1435781451.781,"1e-07"]},"#
                + #"{"metric":{},"value":[1435781451.781,"-Inf"]}]}}"#
        )
        #expect(
            body(QueryOutput(value: .vector([]))).text
                == #"{"status":"success","data":{"resultType":"vector","result":[]}}"#
        )
    }

    @Test func histograms() {
        let histogram = NativeHistogram(
            schema: 0,
            floatCount: 7.5,
            sum: -3,
            zeroThreshold: 0.001,
            floatZeroCount: 2,
            positive: [HistogramBucket(index: 0, count: 3), HistogramBucket(index: 2, count: 1.5)],
            negative: [HistogramBucket(index: 1, count: 1)]
        )
        let json =
            #"{"count":"7.5","sum":"-3","buckets":[[1,"-2","-1","1"],[3,"-0.001","0.001","2"],"#
            + #"[0,"0.5","1","3"],[0,"2","4","1.5"]]}"#
        let sample = VectorSample(labels: up, timestamp: time, value: 0, histogram: histogram)
        #expect(
            body(QueryOutput(value: .vector([sample]))).text
                == #"{"status":"success","data":{"resultType":"vector","result":["#
                + #"{"metric":{"__name__":"up","job":"a<b>"},"histogram":[1435781451.781,\#(json)]}]}}"#
        )
        var samples = SampleColumns()
        samples.append(1000, 1)
        var histograms = HistogramColumns()
        histograms.append(2000, histogram)
        histograms.append(3000, NativeHistogram(schema: 0, floatCount: 0, sum: 0))
        let column = SeriesColumn(labels: up, samples: samples, histograms: histograms)
        #expect(
            body(QueryOutput(value: .matrix([column]))).text
                == #"{"status":"success","data":{"resultType":"matrix","result":["#
                + #"{"metric":{"__name__":"up","job":"a<b>"},"values":[[1,"1"]],"#
                + #""histograms":[[2,\#(json)],[3,{"count":"0","sum":"0"}]]}]}}"#
        )
    }

    @Test func matrix() {
        var samples = SampleColumns()
        samples.append(1000, 0.25)
        samples.append(1500, .nan)
        let columns = [
            SeriesColumn(labels: up, samples: samples),
            SeriesColumn(labels: pairs([]), samples: SampleColumns()),
        ]
        #expect(
            body(QueryOutput(value: .matrix(columns), warnings: ["w"], infos: ["i"])).text
                == #"{"status":"success","data":{"resultType":"matrix","result":["#
                + #"{"metric":{"__name__":"up","job":"a<b>"},"values":[[1,"0.25"],[1.500,"NaN"]]},{"metric":{}}"#
                + #"]},"warnings":["w"],"infos":["i"]}"#
        )
        #expect(
            body(QueryOutput(value: .matrix([]))).text
                == #"{"status":"success","data":{"resultType":"matrix","result":[]}}"#
        )
    }

    @Test func largeMatrixComesInPieces() {
        var samples = SampleColumns()
        for index in 0..<1000 { samples.append(Int64(index) * 1000, Double(index)) }
        let columns = (0..<50).map { SeriesColumn(labels: pairs([("n", String($0))]), samples: samples) }
        let (text, pieces) = body(QueryOutput(value: .matrix(columns)))
        let series = columns.indices.map { index in
            let values = (0..<1000).map { "[\($0),\"\($0)\"]" }.joined(separator: ",")
            return "{\"metric\":{\"n\":\"\(index)\"},\"values\":[\(values)]}"
        }
        #expect(pieces > 5)
        #expect(
            text == #"{"status":"success","data":{"resultType":"matrix","result":["#
                + series.joined(separator: ",") + "]}}"
        )
    }

    @Test func limitTruncatesAndWarns() {
        let samples = (0..<3).map { VectorSample(labels: pairs([("n", "\($0)")]), timestamp: time, value: 1) }
        #expect(
            body(QueryOutput(value: .vector(samples)), limit: 1).text
                == #"{"status":"success","data":{"resultType":"vector","result":["#
                + #"{"metric":{"n":"0"},"value":[1435781451.781,"1"]}]},"#
                + #""warnings":["results truncated due to limit"]}"#
        )
        #expect(!body(QueryOutput(value: .vector(samples)), limit: 3).text.contains("truncated"))
    }

    @Test func annotationsAreCountedBeyondTen() {
        let many = (1...12).map { "w\($0)" }
        let shown = (1...10).map { "\"w\($0)\"" }.joined(separator: ",")
        #expect(
            body(QueryOutput(value: .vector([]), warnings: many)).text
                == #"{"status":"success","data":{"resultType":"vector","result":[]},"warnings":["#
                + shown + #","2 more warning annotations omitted"]}"#
        )
    }
}
