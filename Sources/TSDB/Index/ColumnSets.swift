// SPDX-License-Identifier: Apache-2.0
//
// The sets of series that windows in segments have. Windows of a group mostly have the same series, so they share
// one set; a set mentions its series in the index as long as a window uses it.

/// Shared sets of series by their references.
struct ColumnSets: Sendable {
    private struct Entry: Sendable {
        let set: ColumnSet
        var uses: Int
    }

    private var entries: [[SeriesReference]: Entry] = [:]

    /// The set of these references with one use more, and whether this is its first.
    mutating func adopt(_ references: [SeriesReference]) -> (set: ColumnSet, isNew: Bool) {
        if let known = entries[references] {
            entries[references]?.uses += 1
            return (known.set, false)
        }
        let set = ColumnSet(references)
        entries[references] = Entry(set: set, uses: 1)
        return (set, true)
    }

    /// Takes a use back; returns whether it was the last.
    mutating func release(_ set: ColumnSet) -> Bool {
        guard let uses = entries[set.references]?.uses else { return false }
        entries[set.references]?.uses = uses - 1
        if uses == 1 { entries[set.references] = nil }
        return uses == 1
    }
}
