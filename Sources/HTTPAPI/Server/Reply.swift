// SPDX-License-Identifier: Apache-2.0
//
// A reply is prepared where the answer was made and sent from the connection's event loop; the latter does not compress.

/// What goes back to the client.
struct Reply: Sendable {
    /// A body that is made while it is sent, so that a large answer never exists as a whole.
    protocol ChunkSource: Sendable {
        /// The next bytes, nil at the end.
        mutating func next() -> [UInt8]?
    }

    /// The body's forms.
    enum Body: Sendable {
        case bytes([UInt8])
        case chunks(any ChunkSource)
        /// The first pieces of a body that does not end with the first, and what makes the others.
        case begun([[UInt8]], any ChunkSource)
    }

    /// HTTP's status code.
    var status: Int
    /// The body's media type, empty for none.
    var contentType: String
    /// Further headers.
    var headers: [(name: String, value: String)]
    /// The body.
    var body: Body
    /// Whether it may be compressed on its way.
    var isCompressible: Bool
    /// How it is, or will be while it is sent, compressed.
    private(set) var encoding: ContentEncoding?
    private var isPrepared = false

    init(
        status: Int,
        contentType: String,
        headers: [(name: String, value: String)] = [],
        body: Body,
        isCompressible: Bool = false
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
        self.isCompressible = isCompressible
    }

    /// Says that the answer depends on a header of the request.
    mutating func vary(by header: String) {
        if let index = headers.firstIndex(where: { $0.name == "Vary" }) {
            headers[index].value += ", " + header
        } else {
            headers.append(("Vary", header))
        }
    }

    /// Makes and compresses the body as far as that is to be done before it is sent; at most once.
    ///
    /// - Parameter accepted: how the client takes it compressed.
    mutating func prepare(_ accepted: ContentEncoding?) {
        guard !isPrepared else { return }
        isPrepared = true
        let accepted = isCompressible ? accepted : nil
        if case .chunks(var source) = body {
            let first = source.next() ?? []
            if let second = source.next() {
                body = .begun([first, second], source)
                encoding = accepted
            } else {
                body = .bytes(first)
            }
        }
        if case .bytes(let bytes) = body, let accepted, bytes.count >= ContentEncoding.smallestBody,
            let compressed = accepted.compress(bytes)
        {
            body = .bytes(compressed)
            encoding = accepted
        }
    }

    /// An answer of the API.
    static func json(_ bytes: [UInt8], status: Int = 200) -> Reply {
        Reply(status: status, contentType: "application/json", body: .bytes(bytes))
    }

    /// A sentence.
    static func text(_ text: String, status: Int = 200) -> Reply {
        Reply(status: status, contentType: "text/plain; charset=utf-8", body: .bytes(Array(text.utf8)))
    }

    /// Nothing but a status.
    static func empty(_ status: Int) -> Reply {
        Reply(status: status, contentType: "", body: .bytes([]))
    }
}
