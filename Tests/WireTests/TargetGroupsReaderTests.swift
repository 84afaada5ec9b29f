// SPDX-License-Identifier: Apache-2.0

import Bytes
import Samples
import Testing
import Wire

@Suite struct TargetGroupsReaderTests {
    private func read(_ text: String) throws -> [String] {
        try TargetGroupsReader.parse(Array(text.utf8)).map { "\($0.targets) \($0.labels)" }
    }

    @Test func groupsInTheirOrder() throws {
        #expect(
            try read(
                """
                 [ {"targets": ["a:1", "[::1]:2", "\\u00e4"], "labels": {"site": "x", "": ""}} ]
                """.replacing(", \"\": \"\"", with: "")
            ) == [#"["a:1", "[::1]:2", "ä"] {site="x"}"#]
        )
        #expect(
            try read(#"[{"labels":{"a":"1"},"targets":[]},{},{"targets":null,"labels":null}]"#).count == 3
        )
        #expect(try read("[]") == [])
        #expect(try read("null") == [])
        // Of several members the last counts, as in Go.
        #expect(try read(#"[{"targets":["a"],"targets":["b"]}]"#) == [#"["b"] {}"#])
    }

    @Test(arguments: [
        "", "{}", "[", "[{]", "[{}", "[null]", "[[]]", #"["a"]"#, "[{}] x", "[{},]", #"[{"targets":"a"}]"#,
        #"[{"targets":[1]}]"#, #"[{"targets":[null]}]"#, #"[{"labels":[]}]"#, #"[{"labels":{"a":1}}]"#,
        #"[{"labels":{"":"a"}}]"#, #"[{"label":{}}]"#, #"[{"targets":["a"#, "nul", "nulll", "null []",
    ])
    func anythingElseIsRefused(text: String) {
        #expect(throws: CorruptionError.self) { try read(text) }
    }

    @Test func targetsAreBounded() throws {
        let many = "[{\"targets\":[" + Array(repeating: "\"\"", count: 10_001).joined(separator: ",") + "]}"
        #expect(throws: CorruptionError.self) { try read("\(many),\(many.dropFirst())]") }
        #expect(try TargetGroupsReader.parse(Array("\(many)]".utf8))[0].targets.count == 10_001)
    }
}
