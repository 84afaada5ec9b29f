// SPDX-License-Identifier: Apache-2.0
//
// When a rule ships: at multiples of its interval since 1970, moved by a share of the interval that is this node's own.
// So batches hold the same minutes whenever the process was started, and a fleet does not ship in one second.

internal import Samples

/// The times at which a rule ships.
struct Cadence: Sendable, Equatable {
    /// Milliseconds between them.
    let interval: Int64
    /// How much later than the multiples, below the interval.
    let shift: Int64

    /// Times for a node.
    ///
    /// - Parameters:
    ///   - interval: at least a millisecond.
    ///   - node: any number that is the node's own and stays the same.
    ///   - rule: the rule's name, so that not all rules of a node ship at once.
    init(every interval: Duration, node: UInt64, rule: String) {
        self.interval = max(1, interval.milliseconds)
        // FNV-1a over the name, begun with the node's number: the same in every process, unlike Hasher.
        var hash = 0xcbf2_9ce4_8422_2325 ^ node
        for byte in rule.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // Its low bits are mixed badly; a multiplication brings the others down.
        hash ^= hash >> 32
        hash = hash &* 0x9e37_79b9_7f4a_7c15
        shift = Int64(clamping: (hash >> 1) % UInt64(self.interval))
    }

    /// The first time after another one, both in milliseconds since 1970; clamped at the end of time.
    func next(after time: Int64) -> Int64 {
        let (moved, isFar) = time.subtractingReportingOverflow(shift)
        guard !isFar else { return time }
        let (next, overflows) = WindowGrid(length: interval).floor(moved).addingReportingOverflow(interval)
        let (shifted, isBeyond) = next.addingReportingOverflow(shift)
        return overflows || isBeyond ? .max : shifted
    }
}
