// SPDX-License-Identifier: Apache-2.0
//
// What sampling did, to be read by the pass that writes it as series: a gap in the data can always be explained by
// the data.

internal import Synchronization

/// The intervals and policies in effect.
final class SamplingReport: Sendable {
    struct Contents: Sendable, Equatable {
        /// Source names with the interval in effect, in order.
        var intervals: [String: Duration] = [:]
        /// Policy names and whether each takes effect.
        var policies: [String: Bool] = [:]
    }

    private let contents = Mutex(Contents())

    var current: Contents { contents.withLock { $0 } }

    func set(_ new: Contents) {
        contents.withLock { $0 = new }
    }
}
