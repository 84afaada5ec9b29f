// SPDX-License-Identifier: Apache-2.0
//
// Why a request's body could not be read to its end: what came is no HTTP, which its sender is told, or the sender is gone.

internal import NIOHTTP1

/// A body that does not end.
struct BodyFailure {
    /// Whether the client is still there, and what it sent is wrong.
    let isMalformed: Bool

    /// What reading the body ended with.
    init(_ error: any Error) {
        // A connection that ends within a message is, to the parser, malformed too.
        let error = error as? HTTPParserError
        isMalformed = error != nil && error != .invalidEOFState
    }

    /// The failure as an answer's text.
    var words: String { isMalformed ? "malformed request body" : "the client went away" }
}
