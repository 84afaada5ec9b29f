// SPDX-License-Identifier: Apache-2.0
//
// A reply on the wire. A body known as a whole has its length in the head; one that is made in pieces and does not
// end with the first is sent chunked, each piece after the client has taken the one before.

internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

/// Writes replies.
enum ReplyWriter {
    /// Writes one reply.
    @concurrent
    static func write(
        _ reply: Reply,
        isHead: Bool,
        at seconds: Int64,
        _ writer: consuming ResponseWriter
    ) async throws {
        switch reply.body {
        case .bytes(let bytes):
            try await write(bytes, reply, isHead: isHead, at: seconds, writer)
        case .chunks(var source):
            let first = source.next() ?? []
            guard let second = source.next() else {
                try await write(first, reply, isHead: isHead, at: seconds, writer)
                return
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

    @concurrent
    private static func write(
        _ bytes: [UInt8],
        _ reply: Reply,
        isHead: Bool,
        at seconds: Int64,
        _ writer: consuming ResponseWriter
    ) async throws {
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
