// SPDX-License-Identifier: Apache-2.0
//
// The object around every answer: {"status":"success","data":…,"warnings":[…]?,"infos":[…]?}.

internal import Samples
internal import Wire

/// Writes the object around an answer.
enum Envelope {
    /// Prometheus shows this many annotations of each kind and counts the rest.
    static let annotationLimit = 10

    /// A whole answer whose data `body` writes as one value.
    static func success(warnings: [String] = [], _ body: (inout JSONWriter) -> Void) -> Reply {
        var writer = JSONWriter(capacity: 512)
        begin(&writer)
        body(&writer)
        end(&writer, warnings: warnings, infos: [])
        return .json(writer.bytes)
    }

    /// Everything before the data.
    static func begin(_ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("status")
        writer.string("success")
        writer.key("data")
    }

    /// Everything after the data.
    static func end(_ writer: inout JSONWriter, warnings: [String], infos: [String]) {
        annotations("warnings", "warning", warnings, &writer)
        annotations("infos", "info", infos, &writer)
        writer.endObject()
    }

    private static func annotations(
        _ key: String,
        _ word: String,
        _ texts: [String],
        _ writer: inout JSONWriter
    ) {
        guard !texts.isEmpty else { return }
        writer.key(key)
        writer.beginArray()
        for text in texts.prefix(annotationLimit) { writer.string(text) }
        if texts.count > annotationLimit {
            writer.string("\(texts.count - annotationLimit) more \(word) annotations omitted")
        }
        writer.endArray()
    }
}

extension JSONWriter {
    /// Writes a label set as an object.
    mutating func labels(_ labels: Labels) {
        beginObject()
        for (name, value) in labels.pairs {
            key(name)
            string(value, escapingHTML: false)
        }
        endObject()
    }

    /// Writes a time as RFC 3339 text; Go's zero time for nil.
    mutating func time(_ time: Timestamp?) {
        string(time.map(RFC3339.format) ?? "0001-01-01T00:00:00Z")
    }

    /// Writes an array of strings.
    mutating func strings(_ texts: some Sequence<String>) {
        beginArray()
        for text in texts { string(text) }
        endArray()
    }

    /// Writes a member whose value is a string.
    mutating func member(_ name: String, _ text: String) {
        key(name)
        string(text)
    }

    /// Writes a member whose value is a number.
    mutating func member(_ name: String, _ value: Double) {
        key(name)
        number(value)
    }

    /// Writes a member whose value is a whole number.
    mutating func member(_ name: String, _ value: some BinaryInteger) {
        key(name)
        number(value)
    }

    /// Writes a member whose value is a truth value.
    mutating func member(_ name: String, _ value: Bool) {
        key(name)
        bool(value)
    }

    /// Writes a member whose value is a label set.
    mutating func member(_ name: String, _ labels: Labels) {
        key(name)
        self.labels(labels)
    }

    /// Writes a member whose value is a time; Go's zero time for nil.
    mutating func member(_ name: String, _ time: Timestamp?) {
        key(name)
        self.time(time)
    }
}
