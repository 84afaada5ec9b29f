// SPDX-License-Identifier: Apache-2.0
//
// Which series of the index are parts of which other. Most stores have none, so it costs nothing until the first.
//
// Invariant: a part has one parent, which stays in the index as long as the part does.

internal import Samples

/// Parts and their parents, both ways.
struct PartLinks: Sendable {
    private var parents: [SeriesReference: SeriesReference] = [:]
    private var parts: [SeriesReference: [SeriesReference]] = [:]

    /// The number of parts.
    var count: Int { parents.count }

    /// The series that a part belongs to; nil for a series that is none.
    @inline(__always)
    func parent(of reference: SeriesReference) -> SeriesReference? {
        parents.isEmpty ? nil : parents[reference]
    }

    /// The parts of a series, in no order.
    @inline(__always)
    func parts(of reference: SeriesReference) -> [SeriesReference] {
        parts.isEmpty ? [] : parts[reference] ?? []
    }

    mutating func add(_ part: SeriesReference, to parent: SeriesReference) {
        parents[part] = parent
        parts[parent, default: []].append(part)
    }

    /// Forgets a part; returns its parent.
    ///
    /// O(parts of the parent).
    mutating func remove(_ part: SeriesReference) -> SeriesReference? {
        guard !parents.isEmpty, let parent = parents.removeValue(forKey: part) else { return nil }
        parts[parent]?.removeAll { $0 == part }
        if parts[parent]?.isEmpty == true { parts[parent] = nil }
        return parent
    }
}
