// SPDX-License-Identifier: Apache-2.0
//
// Which series carry a label value: name → value → ascending series references. A matcher that an absent label
// would satisfy cannot be answered by a union of postings; it is answered by what it excludes.

internal import Samples

/// A series in the index, shared by all groups that hold these labels; reused when a series is forgotten.
typealias SeriesReference = UInt32

/// The inverted index over labels.
struct Postings: Sendable {
    private(set) var byName: [String: [String: [SeriesReference]]] = [:]

    /// Adds a series; O(labels), more when the reference is a reused one.
    mutating func insert(_ reference: SeriesReference, _ labels: Labels) {
        for (name, value) in labels.pairs {
            Postings.insert(reference, into: &byName[name, default: [:]][value, default: []])
        }
    }

    /// Removes a series; O(series that share its labels).
    mutating func remove(_ reference: SeriesReference, _ labels: Labels) {
        for (name, value) in labels.pairs {
            guard let place = byName[name]?[value]?.firstIndex(of: reference) else { continue }
            byName[name]?[value]?.remove(at: place)
            if byName[name]?[value]?.isEmpty == true { byName[name]?[value] = nil }
            if byName[name]?.isEmpty == true { byName[name] = nil }
        }
    }

    /// The series that satisfy all matchers, ascending; `all` is asked for only when nothing narrows the search.
    func select(_ matchers: [LabelMatcher], all: () -> [SeriesReference]) -> [SeriesReference] {
        var found: [SeriesReference]?
        // Equality first: it needs one look-up and shortens everything after it.
        for matcher in matchers where matcher.operation == .equal && !matcher.matchesEmpty {
            let list = byName[matcher.name]?[matcher.value] ?? []
            found = found.map { SortedReferences.intersection($0, list) } ?? list
        }
        for matcher in matchers where matcher.operation != .equal && !matcher.matchesEmpty {
            if found?.isEmpty == true { return [] }
            let list = union(matcher.name) { matcher.matches($0) }
            found = found.map { SortedReferences.intersection($0, list) } ?? list
        }
        for matcher in matchers where matcher.matchesEmpty {
            if found?.isEmpty == true { return [] }
            let excluded = union(matcher.name) { !matcher.matches($0) }
            found = SortedReferences.difference(found ?? all(), excluded)
        }
        return found ?? all()
    }

    private func union(_ name: String, where include: (String) -> Bool) -> [SeriesReference] {
        guard let values = byName[name] else { return [] }
        var lists = 0
        var result: [SeriesReference] = []
        for (value, list) in values where include(value) {
            lists += 1
            result.append(contentsOf: list)
        }
        // A series has one value per name, so the lists are disjoint.
        if lists > 1 { result.sort() }
        return result
    }

    private static func insert(_ reference: SeriesReference, into list: inout [SeriesReference]) {
        guard let last = list.last, last >= reference else {
            list.append(reference)
            return
        }
        list.insert(reference, at: SortedReferences.position(of: reference, in: list))
    }
}

/// Set operations on ascending references.
enum SortedReferences {
    /// The first place whose reference is not smaller.
    static func position(of reference: SeriesReference, in list: [SeriesReference]) -> Int {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < reference { low = middle + 1 } else { high = middle }
        }
        return low
    }

    static func intersection(_ left: [SeriesReference], _ right: [SeriesReference]) -> [SeriesReference] {
        let (short, long) = left.count <= right.count ? (left, right) : (right, left)
        if short.count * 16 < long.count {
            return short.filter {
                let place = position(of: $0, in: long)
                return place < long.count && long[place] == $0
            }
        }
        var result: [SeriesReference] = []
        var other = 0
        for reference in short {
            while other < long.count, long[other] < reference { other += 1 }
            if other < long.count, long[other] == reference { result.append(reference) }
        }
        return result
    }

    static func difference(_ left: [SeriesReference], _ right: [SeriesReference]) -> [SeriesReference] {
        guard !right.isEmpty else { return left }
        var other = 0
        return left.filter { reference in
            while other < right.count, right[other] < reference { other += 1 }
            return other >= right.count || right[other] != reference
        }
    }
}
