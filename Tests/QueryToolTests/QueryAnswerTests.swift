// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing
import Wire

@testable import QueryTool

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

private func answer(_ json: String) throws -> QueryAnswer? {
    QueryAnswer(try JSONReader.parse(Array(json.utf8)))
}

private func point(_ time: Int64, _ text: String, _ number: Double?) -> QueryAnswer.Point {
    QueryAnswer.Point(time: Timestamp(milliseconds: time), text: text, number: number)
}

struct QueryAnswerTests {
    @Test func readsAllResults() throws {
        let scalar = try #require(try answer(#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#))
        #expect(scalar.series == [.init(labels: Labels(), points: [point(1500, "+Inf", .infinity)])])
        let string = try #require(try answer(#"{"resultType":"string","result":[1,"12"]}"#))
        #expect(string.series == [.init(labels: Labels(), points: [point(1000, "12", nil)])])
        let vector = try #require(
            try answer(
                #"{"resultType":"vector","result":[{"metric":{"__name__":"a","b":"c"},"value":[1,"2"]}]}"#
            )
        )
        #expect(!vector.isRange)
        #expect(
            vector.series == [
                .init(labels: labels(["__name__": "a", "b": "c"]), points: [point(1000, "2", 2)])
            ]
        )
        #expect(try answer(#"{"resultType":"other","result":[]}"#) == nil)
        #expect(try answer("[]") == nil)
    }

    @Test func histogramsStandAmongNumbers() throws {
        let matrix = try #require(
            try answer(
                """
                {"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"],[3,"3"]],"histograms":
                [[2,{"count":"4","sum":"5.5","buckets":[[3,"-1","1","1"],[0,"1","2","2"],[1,"-2","-1","3"]]}]]}]}
                """
            )
        )
        #expect(matrix.isRange)
        #expect(
            matrix.series[0].points.map(\.text) == [
                "1", "{count:4, sum:5.5, [-1,1]:1, (1,2]:2, [-2,-1):3}", "3",
            ]
        )
    }

    // MARK: - Times

    private let now = Timestamp(milliseconds: 1_795_262_400_500)

    @Test(
        arguments: [
            ("now", 1_795_262_400_500), ("-1h", 1_795_258_800_500), ("now-1h30m", 1_795_257_000_500),
            ("+5m", 1_795_262_700_500), ("now+500ms", 1_795_262_401_000), ("1700000000", 1_700_000_000_000),
            ("1700000000.25", 1_700_000_000_250), ("-1.5", -1500),
            ("2026-11-21T12:00:00+01:00", 1_795_258_800_000),
        ] as [(String, Int64)]
    )
    func readsTimes(text: String, milliseconds: Int64) {
        #expect(TimeText.parse(text, now: now)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "nowx", "now-", "-1parsec", "yesterday", "NaN", "inf", "1e30", "now1700000000"])
    func refusesTimes(text: String) {
        #expect(TimeText.parse(text, now: now) == nil)
    }

    @Test(arguments: [0, 1, -1, 999, 1_795_262_400_000, 1_795_262_400_001, -86_400_000] as [Int64])
    func localTimesAreTimes(milliseconds: Int64) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(RFC3339.parse(TimeText.local(time)) == time)
        #expect(TimeText.parse(TimeText.seconds(time), now: now) == time)
    }

    @Test(
        arguments: [
            (3600, 100, 60), (3600, 160, 30), (3600, 30, 120), (60, 160, 1), (0, 10, 1),
            (86_400 * 365, 100, 86_400 * 4),
            (604_800, 250, 3600),
        ] as [(Int64, Int, Int64)]
    )
    func stepsAreRound(span: Int64, points: Int, step: Int64) {
        #expect(RangeStep.of(.seconds(span), points: points) == .seconds(step))
    }

    @Test func beginningsAreRound() {
        #expect(RangeStep.aligned(Timestamp(milliseconds: 125_000), to: .seconds(60)).milliseconds == 120_000)
        #expect(RangeStep.aligned(Timestamp(milliseconds: -1), to: .seconds(60)).milliseconds == -60_000)
        #expect(RangeStep.aligned(Timestamp(milliseconds: -60_000), to: .seconds(60)).milliseconds == -60_000)
    }

    // MARK: - Errors

    @Test func errorsPointAtTheirPlace() {
        let message = "bad_data: invalid parameter \"query\": 1:5: parse error: unexpected end of input"
        #expect(ErrorPlace.lines(message, in: "sum(") == ["sum(", "    ^"])
        #expect(ErrorPlace.lines("2:1: parse error: x", in: "a +\nüb") == ["üb", "^"])
        #expect(ErrorPlace.lines("2:3: parse error: x", in: "a +\nüb") == ["üb", " ^"])
        #expect(ErrorPlace.lines("info: something (1:3)", in: "a\tb") == ["a b", "  ^"])
        #expect(ErrorPlace.lines("3:1: parse error: x", in: "a") == [])
        #expect(ErrorPlace.lines("1:9: parse error: x", in: "a") == [])
        #expect(ErrorPlace.lines("0:-1: parse error: x", in: "a") == [])
        #expect(ErrorPlace.lines("timeout", in: "a") == [])
    }

    // MARK: - Requests

    @Test func parametersAreEncoded() {
        #expect(QueryServer.encoded("a{b=\"ü +\"}-_.~") == "a%7Bb%3D%22%C3%BC%20%2B%22%7D-_.~")
        #expect(QueryServer.pathName("job") == "job")
        #expect(QueryServer.pathName("a.b_c") == "U__a_2e_b__c")
    }
}
