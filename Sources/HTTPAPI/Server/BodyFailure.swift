// SPDX-License-Identifier: Apache-2.0
//
// Why a request's body could not be read to its end: what came is no HTTP or came too slowly, which its sender is told, or
// the sender is gone.

internal import NIOHTTP1

/// A body that does not end.
struct BodyFailure {
    /// Whether the client is still there, and what it sent is wrong.
    let isMalformed: Bool
    /// Whether too little came in too long.
    let isSlow: Bool

    /// What reading the body ended with.
    init(_ error: any Error) {
        isSlow = error is BodyWatch.TooSlow
        // A connection that ends within a message is, to the parser, malformed too.
        let error = error as? HTTPParserError
        isMalformed = error != nil && error != .invalidEOFState
    }

    /// The failure as an answer's text.
    var words: String {
        if isSlow { return "the request body did not come in time" }
        return isMalformed ? "malformed request body" : "the client went away"
    }

    /// The answer's status.
    var status: Int { isSlow ? 408 : 400 }
}
