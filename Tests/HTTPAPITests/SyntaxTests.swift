// SPDX-License-Identifier: Apache-2.0
//
// /format_query, /parse_query, and what `stats` adds to answers.

import Foundation
import PromQL
import Samples
import Testing

@testable import HTTPAPI

struct SyntaxTests {
    private func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    private func parsed(_ query: String) async throws -> String {
        var text = ""
        try await withServer { (client: RawClient) async throws in
            text = try await client.get("/api/v1/parse_query?query=\(encoded(query))").text
        }
        return text
    }

    @Test func numbersAndStrings() async throws {
        #expect(
            try await parsed("1e3") == #"{"status":"success","data":{"type":"numberLiteral","val":"1000"}}"#
        )
        #expect(
            try await parsed("'a<b'")
                == #"{"status":"success","data":{"type":"stringLiteral","val":"a\u003cb"}}"#
        )
        #expect(
            try await parsed("-(1)")
                == #"{"status":"success","data":{"expr":{"expr":{"type":"numberLiteral","val":"1"},"#
                + #""type":"parenExpr"},"op":"-","type":"unaryExpr"}}"#
        )
    }

    @Test func selectors() async throws {
        let matcher = #"{"name":"job","type":"!~","value":"x|y"},{"name":"__name__","type":"=","value":"up"}"#
        #expect(
            try await parsed("up{job!~'x|y'} offset 5m")
                == #"{"status":"success","data":{"anchored":false,"matchers":[\#(matcher)],"name":"up","#
                + #""offset":300000,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"}}"#
        )
        let name = #"{"name":"__name__","type":"=","value":"up"}"#
        #expect(
            try await parsed("up[1m] @ 1.5")
                == #"{"status":"success","data":{"anchored":false,"matchers":[\#(name)],"name":"up","offset":0,"#
                + #""range":60000,"smoothed":false,"startOrEnd":null,"timestamp":1500,"type":"matrixSelector"}}"#
        )
        #expect(
            try await parsed("up[1h:5m] @ end()")
                == #"{"status":"success","data":{"expr":{"anchored":false,"matchers":[\#(name)],"name":"up","#
                + #""offset":0,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"vectorSelector"},"#
                + #""offset":0,"range":3600000,"startOrEnd":"end","step":300000,"timestamp":null,"type":"subquery"}}"#
        )
    }

    @Test func operators() async throws {
        let one = #"{"type":"numberLiteral","val":"1"}"#
        #expect(
            try await parsed("1 > bool 1")
                == #"{"status":"success","data":{"bool":true,"lhs":\#(one),"matching":null,"op":"\u003e","#
                + #""rhs":\#(one),"type":"binaryExpr"}}"#
        )
        let vector =
            #"{"args":[\#(one)],"func":{"argTypes":["scalar"],"name":"vector","returnType":"vector","#
            + #""variadic":0},"type":"call"}"#
        #expect(
            try await parsed("vector(1) * on(a) group_left(b) vector(1)")
                == #"{"status":"success","data":{"bool":false,"lhs":\#(vector),"matching":{"card":"many-to-one","#
                + #""fillValues":{"lhs":null,"rhs":null},"include":["b"],"labels":["a"],"on":true},"op":"*","#
                + #""rhs":\#(vector),"type":"binaryExpr"}}"#
        )
        #expect(try await parsed("vector(1) or vector(1)").contains(#""card":"many-to-many""#))
        #expect(
            try await parsed("topk by (x) (1, vector(1))")
                == #"{"status":"success","data":{"expr":\#(vector),"grouping":["x"],"op":"topk","#
                + #""param":\#(one),"type":"aggregation","without":false}}"#
        )
    }

    @Test func formatting() async throws {
        try await withServer { (client: RawClient) async throws in
            let name = String(repeating: "a", count: 60)
            let answer = try await client.get("/api/v1/format_query?query=\(encoded("\(name)+\(name)# why"))")
            #expect(answer.text == #"{"status":"success","data":"  \#(name)\n+\n  \#(name)"}"#)
        }
    }

    @Test func statistics() async throws {
        try await withServer { (client: RawClient) async throws in
            let target = "/api/v1/query_range?query=cpu_seconds_total&start=1700000000&end=1700000030&step=15"
            let plain = try await client.get(target).text
            #expect(!plain.contains("stats"))
            let counted = try await client.get(target + "&stats=all").text
            let start = try #require(counted.range(of: #"],"stats":{"timings":{"evalTotalTime":"#))
            #expect(plain.hasPrefix(counted[..<start.lowerBound]))
            #expect(
                counted.hasSuffix(
                    #""samples":{"totalQueryableSamples":9,"peakSamples":"#
                        + (counted.components(separatedBy: #""peakSamples":"#).last ?? "")
                )
            )
            #expect(counted.hasSuffix(#","samplesRead":9}}}}"#))
            let odd = try await client.get("/api/v1/query?query=1&stats=yes").text
            #expect(odd.contains(#""totalQueryableSamples":0"#))
            #expect(odd.contains(#""warnings":["the value \"yes\" of the parameter \"stats\" is deprecated"#))
        }
    }

    @Test func statisticsByStep() async throws {
        var options = QueryOptions()
        let isKnown = options.features.enable("promql-per-step-stats")
        #expect(isKnown)
        var services = sampleServices()
        services.engine = QueryEngine(source: sampleSource(), options: options)
        try await withServer(services) { (client: RawClient) async throws in
            let target = "/api/v1/query_range?query=load&start=1700000015&end=1700000045&step=15&stats=all"
            let text = try await client.get(target).text
            #expect(
                text.contains(
                    #""totalQueryableSamplesPerStep":[[1700000015,0],[1700000030,1],[1700000045,1]],"#
                        + #""totalQueryableSamples":2"#
                )
            )
        }
    }
}
