// SPDX-License-Identifier: Apache-2.0
//
// Remote read: requests of any bytes, within their bounds.

import Wire

extension Targets {
    /// The bytes are a request, not compressed.
    @Sendable static func remoteRead(_ input: [UInt8]) {
        guard let request = try? RemoteReadRequest(input.span) else { return }
        precondition(request.queries.count <= RemoteReadRequest.queryLimit, "as many queries as are taken")
        precondition(
            request.queries.allSatisfy { $0.matchers.count <= RemoteReadRequest.matcherLimit },
            "as many matchers as are taken"
        )
    }
}
