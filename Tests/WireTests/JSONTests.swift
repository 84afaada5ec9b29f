// SPDX-License-Identifier: Apache-2.0

import Bytes
import Samples
import Testing
import Wire

private func text(_ build: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    build(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

@Test func writerPlacesCommas() {
    let json = text { json in
        json.beginObject()
        json.key("status")
        json.string("success")
        json.key("data")
        json.beginArray()
        json.number(1)
        json.number(-2.5)
        json.bool(true)
        json.null()
        json.beginObject()
        json.endObject()
        json.beginArray()
        json.endArray()
        json.raw("[0]".utf8)
        json.endArray()
        json.key("n")
        json.number(UInt64.max)
        json.endObject()
    }
    #expect(
        json == #"{"status":"success","data":[1,-2.5,true,null,{},[],[0]],"n":18446744073709551615}"#
    )
}

@Test(arguments: [
    (1_435_781_451_781, 1.0, #"[1435781451.781,"1"]"#),
    (1_435_781_451_000, 0.5, #"[1435781451,"0.5"]"#),
    (100, .infinity, #"[0.100,"+Inf"]"#),
    (7, -.infinity, #"[0.007,"-Inf"]"#),
    (-1500, .nan, #"[-1.500,"NaN"]"#),
    (0, 1e-7, #"[0,"1e-07"]"#),
])
func samplesAreWrittenLikePrometheus(_ milliseconds: Int64, _ value: Double, _ expected: String) {
    #expect(text { $0.sample(milliseconds, value) } == expected)
}

@Test func extremeTimesDoNotTrap() {
    #expect(text { $0.seconds(milliseconds: .min) } == "-9223372036854775.808")
    #expect(text { $0.seconds(milliseconds: .max) } == "9223372036854775.807")
}

@Test func stringsAreEscapedAsGoDoes() {
    let nasty = "a\"b\\c\nd\re\tf\u{1}g<h>&i\u{2028}j\u{2029}kä\u{20ac}😀\u{e9}"
    #expect(
        text { $0.string(nasty) }
            == #""a\"b\\c\nd\re\tf\u0001g\u003ch\u003e\u0026i\u2028j\u2029kä€😀é""#
    )
    #expect(text { $0.string("<&>\u{2028}", escapingHTML: false) } == "\"<&>\u{2028}\"")
    #expect(text { $0.number(Double.nan) } == "null")
}

@Test func everyByteIsEscapedWhereverItStands() {
    let words: [UInt32: String] = [0x22: #"\""#, 0x5c: #"\\"#, 0x0a: #"\n"#, 0x0d: #"\r"#, 0x09: #"\t"#]
    for code in UInt32(0)..<0x2100 {
        guard let scalar = Unicode.Scalar(code) else { continue }
        let hex = String(code, radix: 16)
        let unicode = #"\u"# + String(repeating: "0", count: 4 - hex.count) + hex
        for isHTML in [false, true] {
            let isEscaped = code < 0x20 || (isHTML && [0x3c, 0x3e, 0x26, 0x2028, 0x2029].contains(code))
            let expected = words[code] ?? (isEscaped ? unicode : String(Character(scalar)))
            let prefix = String(repeating: "x", count: Int(code % 40))
            let written = text { $0.string("\(prefix)\(Character(scalar))y", escapingHTML: isHTML) }
            #expect(Array(written.utf8) == Array("\"\(prefix)\(expected)y\"".utf8))
        }
    }
}

@Test func readerReadsWhatTheWriterWrote() throws {
    let nasty = "a\"b\\c\nd\re\tf\u{1}g<h>&i\u{2028}😀"
    var writer = JSONWriter()
    writer.beginObject()
    writer.key(nasty)
    writer.beginArray()
    writer.string(nasty)
    writer.number(1.5e-9)
    writer.endArray()
    writer.endObject()
    #expect(
        try JSONReader.parse(writer.bytes) == .object([nasty: .array([.string(nasty), .number(1.5e-9)])])
    )
}

@Test func readerDecodesEscapesAndSurrogates() throws {
    let value = try JSONReader.parse(Array(#" "\u00e4\uD83D\uDE00\/\b\f\ud800x" "#.utf8))
    #expect(value == .string("ä😀/\u{8}\u{c}\u{fffd}x"))
    #expect(try JSONReader.parse(Array(#"{"a":[1,{"b":null}]}"#.utf8))["a"]?[1]?["b"] == .null)
}

@Test(arguments: [
    "", " ", "{", "[", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", ".5", "+1", "nul", "\"", "\"\\x\"",
    "\"\\u12g4\"",
    "1 2", "[1}", "\"\n\"", "1e999", "NaN", "-", "1e", "{1:2}", "\"\\ud800\\u12\"",
])
func readerRefuses(_ document: String) {
    #expect(throws: CorruptionError.self) { try JSONReader.parse(Array(document.utf8)) }
}

@Test func readerLimitsDepth() throws {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    #expect(throws: CorruptionError.self) { try JSONReader.parse(deep) }
    let fits = Array((String(repeating: "[", count: 64) + String(repeating: "]", count: 64)).utf8)
    _ = try JSONReader.parse(fits)
    #expect(throws: CorruptionError.self) { try JSONReader.parse(fits, depthLimit: 63) }
    #expect(throws: CorruptionError.self) { try JSONReader.parse([0x22, 0xff, 0x22]) }
}
