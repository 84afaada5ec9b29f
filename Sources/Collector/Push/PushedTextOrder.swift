// SPDX-License-Identifier: Apache-2.0
//
// What Go's expfmt, which a Pushgateway reads its text with, asks of the order of lines beyond what each of them says: one TYPE
// and one HELP line for a metric, the type before the samples, and a newline behind the last line, without which a body may
// have been cut. A scrape is not held to that (Prometheus' own parser does not), a push is.

/// Checks a body that the text format's parser has read.
struct PushedTextOrder {
    private struct Family {
        /// Whether a TYPE line or a sample has said what it is.
        var isTyped = false
        var hasHelp = false
        /// What follows its name in the names of its series.
        var parts: [String] = []
    }

    private var families: [String: Family] = [:]

    /// What is wrong, with the number of the line; nil when nothing is.
    static func fault(in body: [UInt8]) -> String? {
        var order = PushedTextOrder()
        var number = 0
        var rest = body[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            number += 1
            if let fault = order.read(rest[..<end]) { return "line \(number): \(fault)" }
            rest = rest[(end + 1)...]
        }
        return rest.allSatisfy(isBlank) ? nil : "line \(number + 1): unexpected end of input stream"
    }

    private mutating func read(_ line: ArraySlice<UInt8>) -> String? {
        let text = line.drop { isBlank($0) }
        guard text.first == UInt8(ascii: "#") else {
            let name = text.prefix { !isBlank($0) && $0 != UInt8(ascii: "{") }
            // A name in quotes is within the braces, and no older client writes one.
            if !name.isEmpty { families[family(of: name), default: Family()].isTyped = true }
            return nil
        }
        let words = text.dropFirst().split(maxSplits: 2, whereSeparator: isBlank)
        guard words.count == 3, words[2].contains(where: { !isBlank($0) && $0 != UInt8(ascii: "\r") })
        else { return nil }
        let isType = words[0].elementsEqual("TYPE".utf8)
        guard isType || words[0].elementsEqual("HELP".utf8) else { return nil }
        let name = family(of: words[1])
        var entry = families[name, default: Family()]
        if isType {
            if entry.isTyped {
                return "second TYPE line for metric name \"\(name)\", or TYPE reported after samples"
            }
            entry.isTyped = true
            let type = words[2].prefix { !isBlank($0) && $0 != UInt8(ascii: "\r") }
            if type.elementsEqual("summary".utf8) { entry.parts = ["_sum", "_count"] }
            if type.elementsEqual("histogram".utf8) { entry.parts = ["_sum", "_count", "_bucket"] }
        } else {
            if entry.hasHelp { return "second HELP line for metric name \"\(name)\"" }
            entry.hasHelp = true
        }
        families[name] = entry
        return nil
    }

    /// The metric a name is of: its own if there is one, else the one it is a part of.
    private func family(of bytes: ArraySlice<UInt8>) -> String {
        let name = String(decoding: bytes, as: UTF8.self)
        guard families[name] == nil, let underscore = name.lastIndex(of: "_") else { return name }
        let base = String(name[..<underscore])
        return families[base]?.parts.contains(String(name[underscore...])) == true ? base : name
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
