// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a part that the receiver may have from an attempt whose answer was lost, and whose repetition it rejects
// for its order: most likely it has it. Giving up after so many rejections, as for samples that are too old, would be
// wrong here: behind rows that it has may lie rows that it has not. So rows go one by one, the oldest first, until one is
// accepted; then the rest goes whole again. What is rejected is there.
//
//     lost answer, or a kill    a part arrived as a whole or not at all: when as many rows as `scanLimit` are there, all
//                               of it is
//     a power cut               what is kept here may be half a minute older than what was sent, and batches are cut
//                               anew: every row is tried

extension SyncState {
    /// Rows of an ambiguous part found to be there after which all its rows are taken to be.
    static let scanLimit = 64

    /// The current part, which is ambiguous, was rejected for its order.
    mutating func scan(
        _ delivery: Delivery,
        _ part: Part,
        _ words: String
    ) -> (drop: Drop?, next: Action) {
        var current = delivery
        leaveProbing(&current)
        current.progress.isScanning = true
        guard let row = current.parts.onlyTimestamp(in: part) else { return (nil, send(current)) }
        if current.row != row {
            current.row = row
            current.rowRejections = 0
        }
        current.rowRejections += 1
        let isHopeless =
            !current.rowsMayBeTorn
            && current.rowRejections >= (rowsAreHopeless ? 1 : rowPatience(current.parts, part))
        if !isHopeless, let halves = current.parts.halves(of: part, byTimeFirst: false) {
            current.replaceLast(with: halves)
            return (nil, send(current))
        }
        let other = current.left.lastIndex { current.parts.onlyTimestamp(in: $0) != row }
        let start = max(current.progress.ambiguousFrom ?? 0, other.map { $0 + 1 } ?? 0)
        // The row as it is left, or the one sample of it.
        var from = isHopeless ? start : current.left.count - 1
        if isHopeless { rowsAreHopeless = true }
        if from == start { current.scanned += 1 }
        if current.scanned >= current.scanLimit, let base = current.scanBase { from = min(from, base) }
        return giveUp(&current, from: min(from, current.left.count - 1), .outOfOrder, words, isRepeated: true)
    }

    /// Nothing left is ambiguous.
    mutating func endDoubt(_ current: inout Delivery) {
        guard current.progress.ambiguousFrom != nil else { return }
        if current.progress.isScanning { rowsAreHopeless = false }
        current.progress.ambiguousFrom = nil
        current.progress.isScanning = false
        current.scanned = 0
    }

    /// Puts the oldest row of the current part in front of the rest of it.
    func isolateOldestRow(_ current: inout Delivery) {
        guard let part = current.left.last, let (row, rest) = current.parts.oldestRow(of: part) else {
            return
        }
        // Of another part nothing is known by the rows of this one.
        if current.scanBase != current.left.count - 1 {
            current.scanBase = current.left.count - 1
            current.scanned = 0
        }
        current.replaceLast(with: (row, rest))
    }
}
