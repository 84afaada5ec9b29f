// SPDX-License-Identifier: Apache-2.0
//
// Where samples end and rows begin. Rows answer for the time of which samples may be missing, because the ring came round
// or retention hides them, and no more: while there are samples, they are exact. The seam between two tiers is found
// the same way. All seams lie on window ends, so no window is split and none is counted twice.

internal import Samples

/// Which tier answers for which time.
struct CoarsePlan: Sendable {
    /// A stretch that one tier answers for, open on the left.
    struct Piece: Sendable {
        let tier: Int
        let resolution: Int64
        var span: TierSpan
    }

    /// Oldest first, each beginning where the one before ends.
    private(set) var pieces: [Piece] = []
    /// Samples answer for the time after this.
    private(set) var samplesAfter = Int64.min

    init(pieces: [Piece] = []) {
        self.pieces = pieces
    }

    /// - Parameters:
    ///   - head: what there is.
    ///   - retention: how long samples are answered, in milliseconds.
    ///   - wall: the time now.
    init(_ head: borrowing Head, retention: Int64?, wall: Int64) {
        let cut = retention.map { wall.subtractingClamped($0) } ?? .min
        samplesAfter = cut.subtractingClamped(1)
        var missing = Missing(givenUp: head.givenUp, cut: samplesAfter, wall: wall) {
            var oldest = Int64.max
            head.forEachWindow { low, _ in oldest = min(oldest, low) }
            return oldest
        }
        for (number, tier) in head.tiers.enumerated() where !tier.segments.isEmpty {
            let upper = pieces.last?.span.through ?? .max
            let through = tier.coverage.end(upTo: min(upper, missing.through(tier)))
            let cut = tier.retention.map { wall.subtractingClamped($0) } ?? .min
            // Without a row of its own it hides nothing that answers instead.
            guard max(min(cut, through), tier.oldest) < through else { continue }
            if pieces.isEmpty {
                samplesAfter = through
            } else {
                pieces[pieces.count - 1].span.from = through
            }
            pieces.append(
                Piece(
                    tier: number,
                    resolution: tier.resolution,
                    span: TierSpan(from: min(cut, through), through: through)
                )
            )
            missing = Missing(givenUp: tier.givenUp, cut: cut, wall: wall) { tier.oldest + 1 }
        }
        // A stretch in which there is nothing is not coarse.
        for place in pieces.indices {
            pieces[place].span.from = max(pieces[place].span.from, head.tiers[pieces[place].tier].oldest)
        }
        pieces.reverse()
        pieces.removeAll { $0.span.from >= $0.span.through }
    }

    /// The time up to which something may be missing.
    private struct Missing {
        private let through: Int64
        /// Whether anything is known to be missing.
        private let isCertain: Bool

        init(givenUp: Int64?, cut: Int64, wall: Int64, oldest: () -> Int64) {
            var through = cut
            if let givenUp, givenUp <= wall { through = max(cut, givenUp) }
            isCertain = through > .min
            // Nothing is known to be gone; before the oldest sample there is nothing all the same.
            self.through = isCertain ? through : oldest().subtractingClamped(1)
        }

        /// The last window end for which the tier answers.
        func through(_ tier: TierView) -> Int64 {
            let below = TierGrid.down(through, tier.resolution)
            if !isCertain, !tier.segments.contains(where: { $0.span.from < below }) { return below }
            return TierGrid.up(through, tier.resolution)
        }
    }
}

extension CoarsePlan {
    /// The stretches a selection tells of: all, when the range reaches back to any of them.
    func stretches(_ range: TimeRange) -> [CoarseStretch] {
        guard let last = pieces.last, range.from <= last.span.through else { return [] }
        return pieces.map {
            CoarseStretch(after: $0.span.from, through: $0.span.through, resolution: $0.resolution)
        }
    }
}

extension TierView {
    /// Where the rows begin; `.max` when there are none.
    fileprivate var oldest: Int64 { segments.reduce(Int64.max) { min($0, $1.span.from) } }
}

extension Int64 {
    /// The difference, clamped to what the type can hold.
    func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }
}
