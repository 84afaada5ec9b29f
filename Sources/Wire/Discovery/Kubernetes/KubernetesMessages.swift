// SPDX-License-Identifier: Apache-2.0
//
// The two forms in which objects arrive: a page of a list, and the lines of a watch
//
//     {"kind":"PodList","metadata":{"resourceVersion":"123","continue":"token"},"items":[…]}
//     {"type":"ADDED","object":{…}}
//
// and the status the server sends instead of an object when something is wrong.

public import Bytes

/// A page of a list.
public struct KubernetesPage: Sendable, Equatable {
    /// The objects; those without name are left out.
    public var objects: [KubernetesObject] = []
    /// The version of the whole list.
    public var version = ""
    /// What to ask the next page with; empty on the last.
    public var next = ""
}

extension KubernetesPage {
    /// Reads a page.
    ///
    /// - Parameters:
    ///   - bytes: the answer's body.
    ///   - resource: what was asked for.
    /// - Throws: `CorruptionError` for what is no JSON, or no list.
    public init(_ bytes: [UInt8], of resource: KubernetesResource) throws(CorruptionError) {
        var cursor = JSONCursor(bytes: bytes)
        var isList = false
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "metadata":
                try cursor.members { cursor, name throws(CorruptionError) in
                    if name == "resourceVersion" { self.version = try cursor.text() ?? "" }
                    if name == "continue" { self.next = try cursor.text() ?? "" }
                }
            case "items":
                isList = true
                try cursor.elements { cursor throws(CorruptionError) in
                    if let object = try KubernetesObject.read(resource, &cursor).object {
                        self.objects.append(object)
                    }
                }
            default: break
            }
        }
        guard isList, !version.isEmpty else { throw CorruptionError("a list of objects", at: 0) }
        cursor.skipBlanks()
        guard cursor.current == nil else { throw cursor.error("the end of the list") }
    }
}

/// A line of a watch.
public enum KubernetesEvent: Sendable, Equatable {
    /// An object is new or changed.
    case set(KubernetesObject, version: String)
    /// An object is gone.
    case deleted(KubernetesObject, version: String)
    /// Nothing happened up to this version.
    case bookmark(version: String)
    /// The server cannot go on.
    case failed(KubernetesStatus)

    /// Reads a line.
    ///
    /// - Parameters:
    ///   - line: one JSON object.
    ///   - resource: what is watched.
    /// - Throws: `CorruptionError` for what is no event.
    public init(_ line: [UInt8], of resource: KubernetesResource) throws(CorruptionError) {
        var cursor = JSONCursor(bytes: line)
        var type = ""
        var place: Int?
        try cursor.members { cursor, name throws(CorruptionError) in
            if name == "type" { type = try cursor.text() ?? "" }
            if name == "object" { place = cursor.offset }
        }
        cursor.skipBlanks()
        guard cursor.current == nil else { throw cursor.error("the end of the event") }
        guard let place else { throw CorruptionError("an event with an object", at: 0) }
        cursor = JSONCursor(bytes: line, at: place)
        switch type {
        case "ADDED", "MODIFIED", "DELETED":
            let (object, version) = try KubernetesObject.read(resource, &cursor)
            guard let object else { throw CorruptionError("an object with a name", at: place) }
            self = type == "DELETED" ? .deleted(object, version: version) : .set(object, version: version)
        case "BOOKMARK":
            var meta = RawMeta()
            try cursor.members { cursor, name throws(CorruptionError) in
                if name == "metadata" { try meta.read(&cursor) }
            }
            self = .bookmark(version: meta.version)
        case "ERROR": self = .failed(try KubernetesStatus(&cursor))
        default: throw CorruptionError("a known type of event", at: 0)
        }
    }
}

/// What the server says went wrong.
public struct KubernetesStatus: Sendable, Equatable {
    /// As an HTTP status.
    public var code = 0
    /// In words.
    public var message = ""
    /// How long the server wants to be left alone, 0 when it does not say.
    public var retryAfterSeconds = 0

    /// Reads the body of a failed answer; nil when it is something else.
    public init?(body: [UInt8]) {
        var cursor = JSONCursor(bytes: body)
        guard let read = try? KubernetesStatus(&cursor), read.code != 0 || !read.message.isEmpty else {
            return nil
        }
        self = read
    }

    init(_ cursor: inout JSONCursor) throws(CorruptionError) {
        try cursor.members { cursor, name throws(CorruptionError) in
            switch name {
            case "code": self.code = try cursor.integer() ?? 0
            case "message": self.message = try cursor.text() ?? ""
            case "details":
                try cursor.members { cursor, name throws(CorruptionError) in
                    if name == "retryAfterSeconds" { self.retryAfterSeconds = try cursor.integer() ?? 0 }
                }
            default: break
            }
        }
    }
}

/// Cuts a stream into lines.
public struct KubernetesLines: Sendable {
    /// Bytes of a line; what the cluster stores is at most 1.5 MiB.
    public static let limit = 4 << 20

    private var rest: [UInt8] = []

    /// Starts before the first byte.
    public init() {}

    /// Calls `body` with every line that ended.
    ///
    /// - Parameters:
    ///   - bytes: the next bytes of the stream.
    ///   - body: takes a line without its end; false ends it.
    /// - Returns: false when a line is too long or `body` has enough.
    public mutating func append(_ bytes: [UInt8], _ body: ([UInt8]) -> Bool) -> Bool {
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            guard rest.count + (end - start) <= KubernetesLines.limit else { return false }
            let line = rest + bytes[start..<end]
            rest = []
            start = end + 1
            if line.contains(where: { $0 > 0x20 }), !body(line) { return false }
        }
        guard rest.count + (bytes.count - start) <= KubernetesLines.limit else { return false }
        rest += bytes[start...]
        return true
    }

    /// What came behind the last line end.
    public var remainder: [UInt8] { rest }
}
