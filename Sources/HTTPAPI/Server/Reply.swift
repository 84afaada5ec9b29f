// SPDX-License-Identifier: Apache-2.0

/// What goes back to the client.
struct Reply: Sendable {
    /// A body that is made while it is sent, so that a large answer never exists as a whole.
    protocol ChunkSource: Sendable {
        /// The next bytes, nil at the end.
        mutating func next() -> [UInt8]?
    }

    /// The body's two forms.
    enum Body: Sendable {
        case bytes([UInt8])
        case chunks(any ChunkSource)
    }

    /// HTTP's status code.
    var status: Int
    /// The body's media type, empty for none.
    var contentType: String
    /// Further headers.
    var headers: [(name: String, value: String)] = []
    /// The body.
    var body: Body
    /// Whether it may be compressed on its way.
    var isCompressible = false

    /// Says that the answer depends on a header of the request.
    mutating func vary(by header: String) {
        if let index = headers.firstIndex(where: { $0.name == "Vary" }) {
            headers[index].value += ", " + header
        } else {
            headers.append(("Vary", header))
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
