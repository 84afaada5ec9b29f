// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing
import Wire

@testable import QueryTool

private func labels(_ pairs: KeyValuePairs<String, String>) -> Labels {
    Labels(pairs.map { (name: $0.key, value: $0.value) })
}

/// A series whose values stand at 0 s, 10 s, 20 s…; nil where there is none.
private func series(_ labels: Labels, _ values: [Double?]) -> QueryAnswer.Series {
    QueryAnswer.Series(
        labels: labels,
        points: values.enumerated().compactMap { index, value in
            value.map {
                QueryAnswer.Point(
                    time: Timestamp(milliseconds: Int64(index) * 10_000),
                    text: PromNumber.format($0),
                    number: $0
                )
            }
        }
    )
}

private func terminal(_ columns: Int, rows: Int = 14, isTerminal: Bool = true) -> Terminal {
    Terminal(columns: columns, rows: rows, isTerminal: isTerminal, hasColors: false)
}

struct AnswerTextTests {
    private let a = labels(["__name__": "up", "job": "a", "instance": "x:1"])
    private let b = labels(["__name__": "up", "job": "b"])

    // MARK: - Tables

    @Test func nothingSteersTheTerminal() {
        let evil = labels(["__name__": "up", "a": "x\n\u{1b}[31m\u{202e}", "job": "é \"1\""])
        let vector = QueryAnswer(series: [series(evil, [1])], isRange: false)
        let escaped = #""x\n\x1b[31m\u202e""#
        #expect(
            AnswerText(terminal(120)).table(vector) == [
                "metric  a                    job    value", "up      \(escaped)  é \"1\"      1",
            ]
        )
        for lines in [
            AnswerText(terminal(20)).table(vector), AnswerText(terminal(120)).graph(vector, nil),
            AnswerText(terminal(120)).table(QueryAnswer(series: [series(evil, [1, 2])], isRange: true)),
            AnswerText(terminal(120)).table([evil]), AnswerText.list(["x\n\u{1b}[31m\u{202e}"]),
        ] {
            #expect(lines.joined(separator: "\n").contains(escaped))
            #expect(!lines.joined().unicodeScalars.contains { $0.properties.generalCategory == .control })
        }
        let point = QueryAnswer.Point(time: Timestamp(milliseconds: 0), text: "\u{1b}c", number: nil)
        let text = QueryAnswer(series: [.init(labels: Labels(), points: [point])], isRange: false)
        #expect(AnswerText(terminal(120)).table(text)[0].hasPrefix(#""\x1bc"  "#))
        #expect(AnswerText.list(["plain é 日本"]) == ["plain é 日本"])
    }

    @Test func numbersEndAtOnePlace() {
        let answer = QueryAnswer(series: [series(a, [1]), series(b, [-12.5])], isRange: false)
        #expect(
            AnswerText(terminal(80)).table(answer) == [
                "metric  instance  job  value", "up      x:1       a        1",
                "up                b    -12.5",
            ]
        )
        // Too narrow for a column each.
        #expect(
            AnswerText(terminal(20)).table(answer) == [
                "series                       value", "up{instance=\"x:1\", job=\"a\"}      1",
                "up{job=\"b\"}                  -12.5",
            ]
        )
        #expect(
            AnswerText(terminal(20, isTerminal: false)).table(answer).first == "metric  instance  job  value"
        )
    }

    @Test func rangesHaveALineForEachTime() {
        let answer = QueryAnswer(
            series: [series(b, [1, nil, 3]), series(labels(["job": "b"]), [nil, 20])],
            isRange: true
        )
        let lines = AnswerText(terminal(80)).table(answer)
        #expect(lines.count == 5)
        #expect(lines[0] == "{job=\"b\"}")
        #expect(lines[1].hasPrefix("time ") && lines[1].hasSuffix("  up  {}"))
        #expect(lines[2].hasSuffix("   1"))
        #expect(lines[3].hasSuffix("      20"))
        #expect(lines[4].hasSuffix("   3"))
        let below = AnswerText(terminal(20)).table(answer)
        #expect(below.count == 5 && below[0] == "up{job=\"b\"}" && below[3] == "{job=\"b\"}")
    }

    @Test func wideCharactersTakeTwoPlaces() {
        #expect(TextTable.width("温度 e\u{301}") == 6)
        #expect(
            TextTable([["温度", "1"], ["a", "22"]], rightAligned: [1], gap: 1).lines == ["温度  1", "a    22"]
        )
    }

    @Test func csvQuotesWhatItMust() {
        let odd = labels(["__name__": "m", "b": "x,y", "c": "q\"\n"])
        #expect(
            AnswerText.csv(QueryAnswer(series: [series(odd, [1.5, .nan])], isRange: true)) == [
                "__name__,b,c,timestamp,value", "m,\"x,y\",\"q\"\"\n\",1970-01-01T00:00:00Z,1.5",
                "m,\"x,y\",\"q\"\"\n\",1970-01-01T00:00:10Z,NaN",
            ]
        )
        #expect(AnswerText.csv([a, b]) == ["__name__,instance,job", "up,x:1,a", "up,,b"])
        #expect(AnswerText.csv(QueryAnswer(series: [], isRange: false)) == ["timestamp,value"])
    }

    // MARK: - Graphs

    private func span(_ seconds: Int64) -> AnswerText.Span {
        AnswerText.Span(
            from: Timestamp(milliseconds: 0),
            through: Timestamp(milliseconds: seconds * 1000),
            step: .seconds(10)
        )
    }

    @Test func oneSeriesIsALine() {
        let answer = QueryAnswer(series: [series(b, [0, 1, 2, 3])], isRange: true)
        let lines = AnswerText(terminal(20)).graph(answer, span(30))
        #expect(lines.count == 6 + 2 + 1)
        #expect(
            lines.prefix(7) == [
                " 4┤", "  │              ⢀⡠", "  │           ⣀⠤⠊⠁", " 2┤       ⣀⠤⠒⠉", "  │   ⣀⠤⠒⠉", " 0┤⡠⠔⠊",
                "  └┬──────────────┬",
            ]
        )
        #expect(lines[8] == " ━ up{job=\"b\"}  3")
    }

    @Test func missingStepsBreakTheLine() {
        let whole = AnswerText(terminal(30)).graph(
            QueryAnswer(series: [series(b, [1, 1, 1, 1])], isRange: true),
            span(30)
        )
        let broken = AnswerText(terminal(30)).graph(
            QueryAnswer(series: [series(b, [1, 1, nil, 1])], isRange: true),
            span(30)
        )
        func dots(_ lines: [String]) -> Int {
            lines.joined().unicodeScalars.reduce(0) {
                (0x2800...0x28ff).contains($1.value) ? $0 + ($1.value & 0xff).nonzeroBitCount : $0
            }
        }
        #expect(dots(whole) == 48)
        #expect(dots(broken) == 18)
    }

    @Test func manySeriesAreSparklines() {
        let answer = QueryAnswer(
            series: [series(a, [0, 1, 2, 3, 4, 5, 6, 7]), series(b, [nil, 5, 5, nil, 5])],
            isRange: true
        )
        let lines = AnswerText(terminal(80)).graph(answer, span(70))
        #expect(lines[0] == "up")
        #expect(lines[1].split(separator: " ") == ["series", "min", "max", "last"])
        #expect(lines[2].filter { "▁▂▃▄▅▆▇█".contains($0) } == "▁▂▃▄▅▆▇█")
        #expect(lines[3].filter { "▁▂▃▄▅▆▇█".contains($0) } == "▁▁▁")
        #expect(lines.allSatisfy { TextTable.width($0) <= 80 })
    }

    @Test func coloursTellSeriesApart() {
        let colored = Terminal(columns: 40, rows: 14, isTerminal: true, hasColors: true)
        let answer = QueryAnswer(series: [series(a, [0, 1]), series(b, [1, 0])], isRange: true)
        let lines = AnswerText(colored).graph(answer, span(10))
        #expect(
            lines.suffix(2) == [
                " \u{1b}[36m━\u{1b}[0m up{instance=\"x:1\", job=\"a\"}  1",
                " \u{1b}[33m━\u{1b}[0m up{job=\"b\"}  0",
            ]
        )
        #expect(lines[0].contains("\u{1b}[36m") && lines[0].contains("\u{1b}[33m"))
    }

    @Test func instantsAreBars() {
        let answer = QueryAnswer(
            series: [series(a, [8]), series(b, [-4]), series(labels(["job": "c"]), [.nan])],
            isRange: false
        )
        #expect(
            AnswerText(terminal(50)).graph(answer, nil) == [
                "up{instance=\"x:1\", job=\"…    8  ██████████████████",
                "up{job=\"b\"}                 -4  █████████",
                "{job=\"c\"}                  NaN",
            ]
        )
    }

    /// Whatever the numbers, nothing traps and every line fits.
    @Test func anyNumbersAreDrawn() {
        let odd: [Double?] = [
            .nan, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, -0.0,
            .leastNonzeroMagnitude, 1e-300, 1e300, nil, 1, -1,
        ]
        for left in odd {
            for right in odd {
                for columns in [1, 20, 80] {
                    let one = QueryAnswer(series: [series(a, [left, right, left])], isRange: true)
                    let two = QueryAnswer(
                        series: [series(a, [left, right]), series(b, [right])],
                        isRange: true
                    )
                    for answer in [one, two] {
                        let layout = AnswerText(terminal(columns))
                        #expect(!layout.graph(answer, span(20)).isEmpty)
                        _ = layout.graph(QueryAnswer(series: answer.series, isRange: false), nil)
                        _ = layout.graph(answer, span(0))
                        _ = layout.table(answer)
                    }
                }
            }
        }
    }

    @Test(
        arguments: [
            (0, "0"), (1234.5678, "1235"), (12_345, "12.35k"), (1e6, "1M"), (2.5e9, "2.5G"), (-1e13, "-10T"),
            (0.000123456, "0.0001235"), (1.0 / 3, "0.3333"), (.infinity, "+Inf"),
        ] as [(Double, String)]
    )
    func numbersAreShort(value: Double, text: String) {
        #expect(ShortNumber.text(value) == text)
    }
}
