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

    /// Writes one reply, which has been prepared.
    @concurrent
    static func write(
        _ reply: Reply,
        isHead: Bool,
        at seconds: Int64,
        _ writer: consuming ResponseWriter
    ) async throws {
        switch reply.body {
        case .bytes(let bytes):
            let hasBody = reply.status != 204 && reply.status != 304
            let head = head(reply, reply.encoding, length: hasBody ? bytes.count : nil, seconds)
            if isHead || bytes.isEmpty || !hasBody {
                try await writer.writeResponse(head)
            } else {
                try await writer.write(
                    response: head,
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
                )
            }
        case .begun(let made, let rest):
            let mayCompress = reply.encoding != nil && ContentEncoding.beginStream()
            defer { if mayCompress { ContentEncoding.endStream() } }
            var compressor = mayCompress ? reply.encoding.flatMap { StreamCompressor($0.format) } : nil
            let encoding = compressor == nil ? nil : reply.encoding
            let body = try await writer.writeHead(head(reply, encoding, length: nil, seconds))
            // Making it takes its time, beside the event loop.
            try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await stream(made, rest, &compressor, body)
            }
        case .chunks:
            preconditionFailure("A reply is prepared before it is sent.")
        }
    }

    /// Sends a body while it is made, compressed if there is a compressor.
    @concurrent
    private static func stream(
        _ made: [[UInt8]],
        _ rest: any Reply.ChunkSource,
        _ compressor: inout StreamCompressor?,
        _ writer: some ResponseBodyWriter
    ) async throws {
        var (source, body) = (rest, writer)
        var pieces = made.makeIterator()
        var out: [UInt8] = []
        while let piece = pieces.next() ?? source.next() {
            guard compressor != nil else {
                try await body.write(ByteBuffer(bytes: piece))
                continue
            }
            try compress(piece, isLast: false, &compressor, &out)
            guard out.count >= sentBytes else { continue }
            try await body.write(ByteBuffer(bytes: out))
            out.removeAll(keepingCapacity: true)
        }
        if compressor != nil {
            try compress([], isLast: true, &compressor, &out)
            try await body.write(ByteBuffer(bytes: out))
        }
        try await body.finish(nil)
    }

    private static func compress(
        _ piece: [UInt8],
        isLast: Bool,
        _ compressor: inout StreamCompressor?,
        _ out: inout [UInt8]
    ) throws(Unfinished) {
        guard compressor?.compress(piece, isLast: isLast, into: &out) == true else { throw Unfinished() }
    }

    private static func head(
        _ reply: Reply,
        _ encoding: ContentEncoding?,
        length: Int?,
        _ seconds: Int64
    ) -> HTTPResponse {
        var reply = reply
        if reply.isCompressible { reply.vary(by: "Accept-Encoding") }
        var fields = HTTPFields()
        fields[.date] = HTTPDate.format(seconds)
        if !reply.contentType.isEmpty { fields[.contentType] = reply.contentType }
        if let encoding { fields[.contentEncoding] = encoding.rawValue }
        if let length { fields[.contentLength] = String(length) }
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
        }
        return HTTPResponse(status: .init(code: reply.status), headerFields: fields)
    }
}
