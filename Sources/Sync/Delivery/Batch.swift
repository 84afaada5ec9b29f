// SPDX-License-Identifier: Apache-2.0
//
// The seam between what is shipped and how. A source cuts recipes out of what a stream owes and turns a recipe into a
// batch; whether rows, windows or aggregates are behind it, delivery does not know.

internal import Samples

/// A frozen request, ready to be sent.
struct Batch: Sendable {
    /// What it was made of.
    var recipe: Recipe
    /// Its series, with the labels they are sent under but for those the peer adds (`Peer.encode`).
    let series: [LogChunk.Series]
    /// The bytes to send.
    let body: [UInt8]
    /// Samples in it; a histogram is one.
    let samples: Int
    /// Samples of its ordinals that are not in it, by reason; counted when the recipe is frozen and not when it is
    /// made again.
    var omitted: [DropReason: Int] = [:]
    /// Rows of its ordinals that have left the store or cannot be read.
    var lostRows: UInt64 = 0
    /// Why some of its samples could not be read; nil when all could.
    var damage: SourceError?
}

/// How much a batch may hold.
struct BatchLimits: Sendable, Equatable {
    /// Samples, about: a row or a series is never cut for it.
    var samples: Int
    /// Rows of a lane of the store's: more are not decoded at once.
    var rows = 1024
    /// The time its samples may span; nil without limit.
    var extent: Duration?
}

/// Where a stream's batches come from.
protocol BatchSource: Sendable {
    /// The next recipe of a range, from its lower end; nil while nothing in it is due.
    ///
    /// `number`, `lane`, `message` and `encoding` are set by the caller.
    func next(in range: OrdinalRange, limits: BatchLimits) throws(SourceError) -> Recipe?

    /// The batch of a recipe: a function of recipe and store, so that the same bytes come out as long as the store has
    /// what the recipe names.
    func batch(_ recipe: Recipe) throws(SourceError) -> Batch
}
