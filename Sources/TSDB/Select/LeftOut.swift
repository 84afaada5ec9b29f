// SPDX-License-Identifier: Apache-2.0
//
// What a read could not get. A block that is damaged, or that the disk does not give back, costs its own samples and
// nothing else: the read goes on behind it, and says at the end that something is missing.

internal import Samples

/// What a read had to leave out.
struct LeftOut: Sendable {
    /// The first reason; nil when nothing was left out.
    private(set) var error: SourceError?
    /// The first parts; what a person reads through, and of a series there are seldom more blocks.
    private(set) var parts: [UnreadablePart] = []
    private static let partLimit = 1000
    /// Bounds over the times of what was left out.
    private(set) var low = Int64.max
    private(set) var high = Int64.min

    mutating func note(_ error: SourceError, _ low: Int64, _ high: Int64) {
        self.error = self.error ?? error
        if parts.count < LeftOut.partLimit {
            parts.append(UnreadablePart(reason: error.words, from: low, through: high))
        }
        self.low = min(self.low, low)
        self.high = max(self.high, high)
    }

    /// Whether something may be missing of the times after `low` up to `high`.
    func overlaps(after low: Int64, through high: Int64) -> Bool {
        error != nil && self.low <= high && self.high > low
    }

    /// Ends a read that appended all it could get.
    func report() throws(SourceError) {
        if let error { throw error }
    }
}
