// SPDX-License-Identifier: Apache-2.0
//
// What is kept of a stream, as docs/formats/sync-state.md draws it. Every ordinal is in exactly one place: settled, in a
// remaining range, in one unsettled recipe, or counted as lost.

internal import Bytes
internal import Samples

/// The state of one stream.
struct StreamRecord: Sendable, Equatable {
    /// The table of the state store.
    static let table = "sync_streams"
    /// Recipes frozen and not settled, at most.
    static let recipeLimit = 4
    /// A longer record is not ours.
    static let byteLimit = 64 << 10

    /// What the stream counts in.
    var kind = OrdinalKind.rows
    /// Of everything configured that decides what the stream owes.
    var fingerprint: UInt64 = 0
    /// When the destination last accepted something of it.
    var lastSuccess: Timestamp?
    /// The boot in which the record was written: a later one may have lost its last changes.
    var boot: UInt64 = 0
    /// Batches still to come of which rows may have been delivered before a power cut.
    var doubtful: UInt8 = 0
    /// The number of the next recipe.
    var nextNumber: UInt64 = 0
    /// What is owed and not frozen.
    var remaining: RangeSet
    /// Frozen and not settled, ascending by number.
    var recipes: [Recipe] = []

    /// A stream that owes everything from a position on.
    init(from position: LogPosition) {
        remaining = RangeSet(from: position.sequence)
    }

    /// The key under which a stream is kept.
    static func key(destination: String, rule: SyncRule, kind: OrdinalKind = .rows) -> String {
        let window: Int64 =
            switch kind {
            case .rows: 0
            case .windows(let length): length.milliseconds
            }
        return "\(destination)\n\(rule.name)\n\(window)"
    }

    /// The oldest ordinal that is not settled.
    var position: UInt64 {
        let frozen = recipes.map(\.ordinals.lowerBound).min() ?? .max
        return min(frozen, remaining.first?.ordinals.lowerBound ?? .max)
    }

    /// Takes a recipe's ordinals out of what remains; false when that is not possible.
    mutating func freeze(_ recipe: Recipe) -> Bool {
        guard recipes.count < Self.recipeLimit, recipe.number == nextNumber,
            remaining.remove(recipe.ordinals)
        else { return false }
        recipes.append(recipe)
        nextNumber += 1
        return true
    }

    /// A recipe's batch was accepted or given up whole.
    mutating func settle(_ number: UInt64) {
        recipes.removeAll { $0.number == number }
    }

    /// What is wrong with the record, nil when nothing is.
    var invariantViolation: String? {
        if let violation = remaining.invariantViolation { return violation }
        // No stream ever gets there, and the next number has to fit.
        if nextNumber == .max { return "recipe numbers are used up" }
        if recipes.count > Self.recipeLimit { return "\(recipes.count) recipes" }
        for (place, recipe) in recipes.enumerated() {
            if recipe.number >= nextNumber { return "recipe \(recipe.number) is not numbered yet" }
            if recipe.ordinals.isEmpty { return "recipe \(recipe.number) settles nothing" }
            if place > 0, recipes[place - 1].number >= recipe.number { return "recipes are not in order" }
            if remaining.ranges.contains(where: { $0.ordinals.overlaps(recipe.ordinals) }) {
                return "recipe \(recipe.number) is in a remaining range too"
            }
            for other in recipes[..<place] where other.ordinals.overlaps(recipe.ordinals) {
                return "recipes \(other.number) and \(recipe.number) overlap"
            }
        }
        return nil
    }
}
