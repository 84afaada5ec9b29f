// SPDX-License-Identifier: Apache-2.0
//
// prometheus.ReadRequest, what a reader asks of `/api/v1/read` (Prometheus' prompb/remote.proto):
//
//     ReadRequest   1: Query*   2: accepted response types, enum*
//     Query         1: start int64 ms   2: end int64 ms   3: LabelMatcher*   4: hints
//     LabelMatcher  1: type (EQ NEQ RE NRE)   2: name   3: value
//
// Hints are left unread: they may only make an answer smaller than the query asks for.

public import Samples

/// What a remote reader asks for.
public struct RemoteReadRequest: Sendable {
    /// The forms of an answer.
    public enum ResponseType: UInt64, Sendable {
        /// One message with all samples.
        case samples = 0
        /// Frames with chunks.
        case streamedChunks = 1
    }

    /// One selection.
    public struct Query: Sendable {
        /// The first time wanted.
        public var start = Timestamp(milliseconds: 0)
        /// The last time wanted.
        public var end = Timestamp(milliseconds: 0)
        /// What series must satisfy.
        public var matchers: [LabelMatcher] = []
    }

    /// More than any reader asks at once; each costs a selection.
    public static let queryLimit = 64
    /// More than any query has.
    public static let matcherLimit = 256

    /// The selections, each with an answer of its own.
    public private(set) var queries: [Query] = []
    /// The forms of an answer, the preferred one first, as numbers: a newer reader may name unknown ones.
    public private(set) var acceptedTypes: [UInt64] = []

    /// Decodes a message.
    ///
    /// - Parameter message: the message, not compressed.
    /// - Throws: `RemoteWriteError` when it is malformed, has an expression that is not one, or asks for too much.
    public init(_ message: Span<UInt8>) throws(RemoteWriteError) {
        var cursor = ProtobufCursor(message)
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | ProtobufCursor.WireType.bytes:
                guard queries.count < RemoteReadRequest.queryLimit else {
                    throw .malformed("at most \(RemoteReadRequest.queryLimit) queries", at: cursor.offset)
                }
                let outer = cursor.enter(try cursor.length())
                queries.append(try RemoteReadRequest.query(&cursor))
                cursor.leave(outer)
            case 2 << 3 | ProtobufCursor.WireType.varint: acceptedTypes.append(try cursor.varint())
            case 2 << 3 | ProtobufCursor.WireType.bytes:
                let outer = cursor.enter(try cursor.length())
                while !cursor.isAtEnd { acceptedTypes.append(try cursor.varint()) }
                cursor.leave(outer)
            default: try cursor.skip(tag)
            }
        }
    }

    @_lifetime(cursor: copy cursor)
    private static func query(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) -> Query {
        var query = Query()
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | ProtobufCursor.WireType.varint:
                query.start = Timestamp(milliseconds: Int64(bitPattern: try cursor.varint()))
            case 2 << 3 | ProtobufCursor.WireType.varint:
                query.end = Timestamp(milliseconds: Int64(bitPattern: try cursor.varint()))
            case 3 << 3 | ProtobufCursor.WireType.bytes:
                guard query.matchers.count < matcherLimit else {
                    throw .malformed("at most \(matcherLimit) matchers", at: cursor.offset)
                }
                let outer = cursor.enter(try cursor.length())
                query.matchers.append(try matcher(&cursor))
                cursor.leave(outer)
            default: try cursor.skip(tag)
            }
        }
        return query
    }

    @_lifetime(cursor: copy cursor)
    private static func matcher(_ cursor: inout ProtobufCursor) throws(RemoteWriteError) -> LabelMatcher {
        let start = cursor.offset
        var type: UInt64 = 0
        var name = ""
        var value = ""
        while !cursor.isAtEnd {
            let tag = try cursor.tag()
            switch tag {
            case 1 << 3 | ProtobufCursor.WireType.varint: type = try cursor.varint()
            case 2 << 3 | ProtobufCursor.WireType.bytes: name = cursor.text(try cursor.range())
            case 3 << 3 | ProtobufCursor.WireType.bytes: value = cursor.text(try cursor.range())
            default: try cursor.skip(tag)
            }
        }
        let operations: [LabelMatcher.Operation] = [.equal, .notEqual, .matches, .notMatches]
        guard type < UInt64(operations.count) else { throw .malformed("a matcher type", at: start) }
        do {
            return try LabelMatcher(name, operations[Int(type)], value)
        } catch {
            throw .malformed("a regular expression, not \(error.description)", at: start)
        }
    }
}
