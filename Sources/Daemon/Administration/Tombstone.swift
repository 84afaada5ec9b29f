// SPDX-License-Identifier: Apache-2.0
//
// A deletion. Segments are never rewritten, so what is deleted is hidden from everybody who reads by selector, and its
// bytes go when the ring comes round. Deletions are kept in the state file, one entry each:
//
//     {"from":"<ms>","through":"<ms>","matchers":[["job","=","plc"],…]}

internal import Samples
internal import Wire

/// A stretch of time of some series that is hidden.
struct Tombstone: Sendable, Equatable {
    /// What the series satisfy, all of it.
    var matchers: [LabelMatcher]
    /// The first and the last millisecond.
    var from: Int64, through: Int64

    init(matchers: [LabelMatcher], from: Int64, through: Int64) {
        self.matchers = matchers
        self.from = from
        self.through = through
    }

    /// Whether a series is concerned.
    func matches(_ labels: Labels) -> Bool { matchers.allSatisfy { $0.matches(labels) } }

    /// The entry.
    var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        // As strings: JSON's numbers are not exact beyond 2^53.
        writer.key("from")
        writer.string(String(from))
        writer.key("through")
        writer.string(String(through))
        writer.key("matchers")
        writer.beginArray()
        for matcher in matchers {
            writer.beginArray()
            writer.string(matcher.name)
            writer.string(matcher.operation.rawValue)
            writer.string(matcher.value)
            writer.endArray()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Reads an entry; nil for what is none.
    init?(encoded: [UInt8]) {
        guard let value = try? JSONReader.parse(encoded), let list = value["matchers"]?.array,
            let from = value["from"]?.string.flatMap({ Int64($0) }),
            let through = value["through"]?.string.flatMap({ Int64($0) })
        else { return nil }
        var matchers: [LabelMatcher] = []
        for item in list {
            guard let name = item[0]?.string, let value = item[2]?.string,
                let operation = item[1]?.string.flatMap(LabelMatcher.Operation.init),
                let matcher = try? LabelMatcher(name, operation, value)
            else { return nil }
            matchers.append(matcher)
        }
        self.init(matchers: matchers, from: from, through: through)
    }
}
