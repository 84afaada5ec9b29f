// SPDX-License-Identifier: Apache-2.0
//
// What becomes of a part a receiver objects to. Prometheus takes a request as a whole or not at all, so one bad sample
// has to be found:
//
//     413                  halves, each on its own, and smaller reads from then on
//     400 and the like     halves by series, down to the one sample at fault, which is given up; all others arrive
//     400 about time       halves by time first: usually whole rows are too old, or there already because the answer to
//                          their first sending was lost. A row is halved by series only until it looks as if all of it
//                          were at fault
//
// Halving must end: a day too old for the receiver would cost two requests per sample. After 64 requests without any
// acceptance a stretch is given up, and the next begins with its oldest row alone and, if that is rejected, its newest:
// when that is rejected too, it is given up after two small requests. Oldest first, because after a lost answer the next
// stretch is new to the receiver and must arrive in order.

extension SyncState {
    /// Requests without a single acceptance after which the rest of a stretch is given up.
    static let hopelessRequests = 64

    /// Halves a part, or gives up what cannot be halved or is not worth it.
    mutating func divide(
        _ delivery: Delivery,
        _ part: Part,
        _ reason: DropReason,
        _ words: String
    ) -> (drop: Drop?, next: Action) {
        var current = delivery
        if reason == .outOfOrder, current.progress.ambiguousFrom != nil { return scan(current, part, words) }
        current.progress.rejections += 1
        if reason == .outOfOrder { current.orderRejections += 1 }
        if current.progress.isProbing, reason != .tooLarge {
            // The oldest row: on to the newest. The newest too: nothing of the stretch is wanted.
            return giveUp(&current, from: current.left.count == 3 ? 2 : 0, reason, words)
        }
        leaveProbing(&current)
        if current.progress.accepted == 0, !current.hadDoubt,
            current.progress.rejections >= Self.hopelessRequests
        {
            isHopeless = true
            return giveUp(&current, from: 0, reason, words)
        }
        if reason == .outOfOrder, let row = current.parts.onlyTimestamp(in: part) {
            if current.row != row {
                current.row = row
                current.rowRejections = 0
            }
            current.rowRejections += 1
            if current.rowRejections >= rowPatience(current.parts, part) {
                rowsAreHopeless = true
                let first = current.left.lastIndex { current.parts.onlyTimestamp(in: $0) != row }
                return giveUp(&current, from: first.map { $0 + 1 } ?? 0, reason, words)
            }
        }
        if let halves = current.parts.halves(of: part, byTimeFirst: reason == .outOfOrder) {
            current.replaceLast(with: halves)
            return (nil, send(current))
        }
        return giveUp(&current, from: current.left.count - 1, reason, words)
    }

    /// A part was accepted: patience is restored.
    mutating func noteAccepted(_ current: inout Delivery) {
        current.progress.accepted += 1
        current.rowRejections = 0
        // What is left goes whole again. It may still be there: Prometheus takes a repeated row when none of its series has
        // a newer one, and those of other series that follow may have arrived with it.
        current.progress.isScanning = false
        current.scanned = 0
        isHopeless = false
        rowsAreHopeless = false
        leaveProbing(&current)
    }

    /// What a probe has left is joined again, to be sent in order.
    func leaveProbing(_ current: inout Delivery) {
        guard current.progress.isProbing, let probed = current.left.popLast() else { return }
        current.progress.isProbing = false
        if var rest = current.left.first {
            for part in current.left.dropFirst() { rest = rest.joined(with: part) }
            current.left = [rest]
        }
        current.left.append(probed)
    }

    /// How many rejections of parts of one row it takes to give up the row: enough to reach its first single sample and
    /// a few more, or two when the row before was given up too.
    func rowPatience(_ parts: Parts, _ part: Part) -> Int {
        if rowsAreHopeless { return 2 }
        let series = parts.seriesCount
        return 4 + (Int.bitWidth - series.leadingZeroBitCount)
    }

    /// Gives up the parts from an index of the stack on, and sends what is left.
    mutating func giveUp(
        _ current: inout Delivery,
        from index: Int,
        _ reason: DropReason,
        _ words: String,
        isRepeated: Bool = false
    ) -> (drop: Drop?, next: Action) {
        let dropped = current.left[index...]
        let drop = Drop(
            firstSeries: dropped.last?.series.lowerBound ?? 0,
            samples: dropped.reduce(0) { $0 + current.parts.samples(in: $1) },
            reason: reason,
            words: words,
            isRepeated: isRepeated
        )
        current.left.removeSubrange(index...)
        return (drop, send(current))
    }
}
