// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@Suite struct YAMLReaderTests {
    private func parse(_ text: String) throws -> YAMLNode {
        try YAMLReader.parse(Array(text.utf8), file: "t.yml")
    }

    private func failure(_ text: String) -> String? {
        do {
            _ = try parse(text)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func nodesKnowTheirPlace() throws {
        let root = try parse("a: 1\nbb:\n  - x\n  -   'y'\n")
        #expect(root.entries?.map(\.key.string) == ["a", "bb"])
        let items = try #require(root["bb"]?.items)
        #expect(items.map(\.string) == ["x", "y"])
        #expect(items.map(\.line) == [3, 4])
        #expect(items.map(\.column) == [5, 7])
        #expect(root.entries?[1].key.line == 2)
        #expect(items[0].file == "t.yml")
    }

    @Test func columnsCountCharacters() throws {
        let items = try #require(try parse("[é, ✓, z]").items)
        #expect(items.map(\.column) == [2, 5, 8])
    }

    @Test(arguments: ["", "\n", "# nothing\n", "---\n", "~", "null"])
    func nothingIsNull(text: String) throws {
        #expect(try parse(text).isNull)
    }

    @Test(arguments: [
        ("5", 5), ("-5", -5), ("+5", 5), ("1_000", 1000), ("0x1F", 31), ("0o17", 15), ("017", 15),
        ("0b101", 5), ("0", 0),
        ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ])
    func integers(text: String, value: Int64) throws {
        #expect(try parse(text).integer == value)
        #expect(try parse("'\(text)'").integer == nil)
        #expect(try parse("'\(text)'").string == text)
    }

    @Test(arguments: ["9223372036854775808", "x", "1.5", "", "-", "0x", "--1", "1-2", "_"])
    func notIntegers(text: String) throws {
        #expect(try parse("- \(text)").items?.first?.integer == nil)
    }

    @Test(arguments: [
        ("1.5", 1.5), ("-1e3", -1000), ("7", 7), (".5", 0.5), ("1.", 1), (".inf", Double.infinity),
        ("-.inf", -Double.infinity),
    ])
    func numbers(text: String, value: Double) throws {
        #expect(try parse(text).number == value)
        #expect(try parse("\"\(text)\"").number == nil)
    }

    @Test func notNumbers() throws {
        #expect(try parse(".nan").number?.isNaN == true)
        for text in ["nan", "inf", "1e999", "1.2.3", "0x1p4", "abc", "1h"] {
            #expect(try parse(text).number == nil, "\(text)")
        }
    }

    @Test func truth() throws {
        for text in ["true", "True", "yes", "on"] { #expect(try parse(text).bool == true) }
        for text in ["false", "FALSE", "no", "off"] { #expect(try parse(text).bool == false) }
        for text in ["'true'", "1", "tRUE", "~"] { #expect(try parse(text).bool == nil) }
    }

    @Test func quotedNullIsText() throws {
        #expect(try parse("'null'").string == "null")
        #expect(try parse("''").string == "")
        #expect(try parse("!!str 5").integer == nil)
        #expect(try parse("!!int '5'").integer == 5)
        #expect(try parse("|\n  a\n  b\n").string == "a\nb\n")
        #expect(try parse(">-\n  a\n  b\n").string == "a b")
    }

    @Test func aliasesRepeatAndMergeKeysMerge() throws {
        let root = try parse(
            "base: &b {x: 1, y: 2}\ncopy: *b\nmore:\n  <<: *b\n  y: 3\nlist: {<<: [*b, {z: 9}]}\n"
        )
        #expect(root["copy"]?["y"]?.integer == 2)
        #expect(root["more"]?["x"]?.integer == 1)
        #expect(root["more"]?["y"]?.integer == 3)
        #expect(root["list"]?["z"]?.integer == 9)
        #expect(root["list"]?["x"]?.integer == 1)
    }

    @Test func severalDocuments() throws {
        let text = "a: 1\n---\nb: 2\n---\n"
        let documents = try YAMLReader.documents(Array(text.utf8), file: "t.yml")
        #expect(documents.count == 3)
        #expect(documents[1]["b"]?.line == 3)
        #expect(failure(text) == "t.yml:3:1: a second document begins here; remove the \"---\" before it")
        // An anchor ends with its document.
        #expect(throws: ConfigErrors.self) {
            try YAMLReader.documents(Array("&a x\n---\n*a\n".utf8), file: "t")
        }
    }

    @Test(arguments: [
        ("a: 1\na: 2\n", "t.yml:2:1: key \"a\" is already set at line 1"),
        (
            "a:\n\tb: 1\n",
            "t.yml:2:1: found character that cannot start any token; "
                + "indent with blanks, not tabs, and put text with special characters in quotes"
        ),
        ("a: *x\n", "t.yml:1:4: no anchor \"&x\" before this alias"),
        ("a: &x [*x]\n", "t.yml:1:8: no anchor \"&x\" before this alias"),
        ("? [a]\n: b\n", "t.yml:1:3: a key must be text"),
        (
            "a: b: c\n",
            "t.yml:1:5: mapping values are not allowed in this context; "
                + "put text with \": \" in quotes, and check the indentation"
        ),
    ])
    func saysWhatIsWrong(text: String, message: String) {
        #expect(failure(text) == message)
    }

    @Test func notUTF8() {
        let error = #expect(throws: ConfigErrors.self) {
            try YAMLReader.parse([0x61, 0x3a, 0x20, 0xff, 0xff], file: "t.yml")
        }
        #expect(error?.errors.first?.remedy == "save the file as UTF-8")
    }

    @Test func depthIsBounded() throws {
        let nested = { (depth: Int) in
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try parse(nested(65)).items?.count == 1)
        #expect(failure(nested(66)) == "t.yml:1:66: nested deeper than 64 levels")
        // Never closed, and deep enough to overflow a stack that has no bound.
        #expect(
            failure(String(repeating: "[", count: 1_000_000)) == "t.yml:1:66: nested deeper than 64 levels"
        )
    }

    @Test func billionLaughsAreBounded() {
        var text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
        for level in 1...9 {
            let alias = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(alias)]\n"
        }
        #expect(failure(text)?.contains("more than 200000 values, aliases expanded") == true)
    }

    @Test func sizeIsBounded() {
        #expect(failure(String(repeating: " ", count: (4 << 20) + 1)) == "t.yml: larger than 4 MiB")
        #expect(failure(String(repeating: "\n", count: 4 << 20)) == nil)
    }
}
