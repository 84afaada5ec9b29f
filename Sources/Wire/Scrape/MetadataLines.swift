// SPDX-License-Identifier: Apache-2.0
//
// HELP, TYPE and UNIT lines of a text format: remembered as ranges while it is read, and put together per family when
// somebody asks.

internal import Samples

/// The metadata lines of one exposition.
struct MetadataLines: Sendable {
    /// What a line tells.
    enum Keyword: Sendable {
        case help
        case type
        case unit

        /// The keyword at a place, which a blank follows.
        init?(_ span: Span<UInt8>, _ start: Int) {
            guard start >= 0, start + 4 < span.count, Byte.isBlank(span[start + 4]) else { return nil }
            // "HELP", "TYPE", "UNIT" as big-endian words.
            let word =
                UInt32(span[start]) << 24 | UInt32(span[start + 1]) << 16
                | UInt32(span[start + 2]) << 8 | UInt32(span[start + 3])
            switch word {
            case 0x4845_4c50: self = .help
            case 0x5459_5045: self = .type
            case 0x554e_4954: self = .unit
            default: return nil
            }
        }
    }

    private struct Line: Sendable {
        var keyword: Keyword
        var name: Range<Int>
        var text: Range<Int>
    }

    /// Lines beyond this are not remembered; far more families than any program has.
    private static let limit = 65_536

    private var lines: [Line] = []

    /// Remembers a line by the ranges of its family's name, quotes included, and of what it says.
    mutating func append(_ keyword: Keyword, name: Range<Int>, text: Range<Int>) {
        guard lines.count < MetadataLines.limit else { return }
        lines.append(Line(keyword: keyword, name: name, text: text))
    }

    /// One entry per family in order of appearance.
    ///
    /// - Parameters:
    ///   - bytes: what the ranges are of.
    ///   - quotes: whether HELP may escape quotes, as in OpenMetrics.
    /// - Returns: the entries.
    func families(in bytes: [UInt8], quotes: Bool) -> [MetricMetadata] {
        var order: [String] = []
        var families: [String: (kind: MetricMetadata.Kind, help: String, unit: String)] = [:]
        for line in lines {
            guard let name = MetadataLines.name(bytes[line.name]) else { continue }
            if families[name] == nil { order.append(name) }
            var entry = families[name] ?? (.unknown, "", "")
            let text = String(decoding: bytes[line.text], as: UTF8.self)
            switch line.keyword {
            case .help: entry.help = ExpositionParser.unescaped(text, quotes: quotes)
            case .type:
                entry.kind = ExpositionParser.kind(named: text.filter { $0 != " " && $0 != "\t" }) ?? .unknown
            case .unit: entry.unit = text
            }
            families[name] = entry
        }
        return order.map { name in
            let entry = families[name] ?? (.unknown, "", "")
            return MetricMetadata(family: name, kind: entry.kind, help: entry.help, unit: entry.unit)
        }
    }

    /// A family's name as written, with or without quotes; nil when it is not UTF-8.
    static func name(_ text: ArraySlice<UInt8>) -> String? {
        guard text.first == Byte.quote else { return String(validating: text, as: UTF8.self) }
        return String(validating: text.dropFirst().dropLast(), as: UTF8.self)
            .map { ExpositionParser.unescaped($0, quotes: true) }
    }
}
