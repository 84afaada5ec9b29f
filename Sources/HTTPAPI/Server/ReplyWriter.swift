// SPDX-License-Identifier: Apache-2.0
//
// A reply on the wire. A body known as a whole has its length in the head; one that is made in pieces and does not
// end with the first is sent chunked, each piece after the client has taken the one before.

internal import Bytes
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// Writes replies.
enum ReplyWriter {
    /// Compressed bytes gathered before they are sent; a compressor gives them out in small portions.
    private static let sentBytes = 16 << 10

    /// A body whose source stopped before its end; the connection is closed, so that the client notices.
    private struct Unfinished: Error {}

    /// Writes one reply, compressed if the client takes that and the reply may be.
    @concurrent
    static func write(
        _ reply: Reply,
        isHead: Bool,
        encoding: ContentEncoding?,
        at seconds: Int64,
        _ writer: consuming ResponseWriter
    ) async throws {
        var reply = reply
        if reply.isCompressible { reply.vary(by: "Accept-Encoding") }
        let encoding = reply.isCompressible ? encoding : nil
        switch reply.body {
        case .bytes(let bytes):
            try await write(bytes, &reply, encoding, isHead: isHead, at: seconds, writer)
        case .chunks(var source):
            let first = source.next() ?? []
            guard let second = source.next() else {
                try await write(first, &reply, encoding, isHead: isHead, at: seconds, writer)
                return
            }
            if let encoding, ContentEncoding.beginStream() {
                defer { ContentEncoding.endStream() }
                if let compressor = StreamCompressor(encoding.format) {
                    reply.headers.append(("Content-Encoding", encoding.rawValue))
                    let head = head(reply, length: nil, seconds)
                    try await stream([first, second], source, compressor, head, writer)
                    return
                }
            }
            var body = try await writer.writeHead(head(reply, length: nil, seconds))
            try await body.write(ByteBuffer(bytes: first))
            var next: [UInt8]? = second
            while let chunk = next {
                try await body.write(ByteBuffer(bytes: chunk))
                next = source.next()
            }
            try await body.finish(nil)
        }
    }

    /// Sends a body compressed while it is made.
    @concurrent
    private static func stream(
        _ made: [[UInt8]],
        _ rest: any Reply.ChunkSource,
        _ compressor: consuming StreamCompressor,
        _ head: HTTPResponse,
        _ writer: consuming ResponseWriter
    ) async throws {
        var source = rest
        var body = try await writer.writeHead(head)
        var out: [UInt8] = []
        for chunk in made {
            guard compressor.compress(chunk, isLast: false, into: &out) else { throw Unfinished() }
        }
        while let chunk = source.next() {
            guard compressor.compress(chunk, isLast: false, into: &out) else { throw Unfinished() }
            guard out.count >= sentBytes else { continue }
            try await body.write(ByteBuffer(bytes: out))
            out.removeAll(keepingCapacity: true)
        }
        guard compressor.compress([], isLast: true, into: &out) else { throw Unfinished() }
        try await body.write(ByteBuffer(bytes: out))
        try await body.finish(nil)
    }

    @concurrent
    private static func write(
        _ bytes: [UInt8],
        _ reply: inout Reply,
        _ encoding: ContentEncoding?,
        isHead: Bool,
        at seconds: Int64,
        _ writer: consuming ResponseWriter
    ) async throws {
        var bytes = bytes
        if let encoding, bytes.count >= ContentEncoding.smallestBody,
            let compressed = encoding.compress(bytes)
        {
            reply.headers.append(("Content-Encoding", encoding.rawValue))
            bytes = compressed
        }
        let hasBody = reply.status != 204 && reply.status != 304
        let head = head(reply, length: hasBody ? bytes.count : nil, seconds)
        if isHead || bytes.isEmpty || !hasBody {
            try await writer.writeResponse(head)
        } else {
            try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        }
    }

    private static func head(_ reply: Reply, length: Int?, _ seconds: Int64) -> HTTPResponse {
        var fields = HTTPFields()
        fields[.date] = HTTPDate.format(seconds)
        if !reply.contentType.isEmpty { fields[.contentType] = reply.contentType }
        if let length { fields[.contentLength] = String(length) }
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return HTTPResponse(status: .init(code: reply.status), headerFields: fields)
    }
}
