// SPDX-License-Identifier: Apache-2.0
//
// Which series carry a label value: name → value → ascending series references. A matcher that an absent label
// would satisfy cannot be answered by a union of postings; it is answered by what it excludes.
//
// A matcher that lists its values (`=~"a|b"`, `!=`) is looked up; others are compared with every value of the label, or,
// when fewer series than that are left, with theirs.

internal import Samples

/// A series in the index, shared by all groups that hold these labels; reused when a series is forgotten.
typealias SeriesReference = UInt32

/// The inverted index over labels.
struct Postings: Sendable {
    /// The values of one label.
    private struct Values: Sendable {
        var lists: [LabelText: [SeriesReference]] = [:]
        /// The values in their order, each with one of its series, since they were asked for; nil once a value came or a
        /// series went.
        var order: [(text: LabelText, witness: SeriesReference)]?
    }

    /// Values kept in order for all labels together, 24 bytes each; of labels beyond it they are sorted each time.
    private static let orderedLimit = 4096

    /// Series of a value that is rare.
    private static let fewLimit = 256

    private var byName: [LabelText: Values] = [:]
    /// The values in all `order`.
    private var ordered = 0

    /// Adds a series; O(labels), more when the reference is a reused one.
    mutating func insert(_ reference: SeriesReference, _ labels: Labels) {
        for (name, value) in labels.pairs {
            let known = LabelText(name)
            ordered -= Postings.insert(reference, LabelText(value), into: &byName[known, default: Values()])
        }
    }

    /// Removes a series; O(series that share its labels).
    mutating func remove(_ reference: SeriesReference, _ labels: Labels) {
        for (name, value) in labels.pairs {
            let (name, value) = (LabelText(name), LabelText(value))
            guard let place = byName[name]?.lists[value]?.firstIndex(of: reference) else { continue }
            byName[name]?.lists[value]?.remove(at: place)
            ordered -= byName[name]?.order?.count ?? 0
            byName[name]?.order = nil
            if byName[name]?.lists[value]?.isEmpty == true { byName[name]?.lists[value] = nil }
            if byName[name]?.lists.isEmpty == true { byName[name] = nil }
        }
    }

    /// The series that carry a label value, ascending.
    func references(_ name: String, _ value: String) -> [SeriesReference] {
        byName[LabelText(name)]?.lists[LabelText(value)] ?? []
    }

    /// Sorts the values of a label, unless they are sorted already or too many to be kept so.
    mutating func order(_ name: String) {
        let name = LabelText(name)
        guard let values = byName[name], values.order == nil,
            values.lists.count <= Postings.orderedLimit
        else { return }
        if ordered + values.lists.count > Postings.orderedLimit {
            for other in byName.keys { byName[other]?.order = nil }
            ordered = 0
        }
        ordered += values.lists.count
        byName[name]?.order = values.lists.compactMap { value, list in list.first.map { (value, $0) } }
            .sorted { $0.text < $1.text }
    }

    /// The sorted values of a label with a series that `isWanted` accepts; O(values) behind `order`.
    func values(of name: String, where isWanted: (SeriesReference) -> Bool) -> [String] {
        guard let values = byName[LabelText(name)] else { return [] }
        guard let order = values.order else {
            return values.lists.compactMap { $0.value.contains(where: isWanted) ? $0.key : nil }.sorted()
                .map(\.text)
        }
        return order.compactMap { value, witness in
            isWanted(witness) || values.lists[value]?.contains(where: isWanted) == true ? value.text : nil
        }
    }

    /// All pairs of a series and a label.
    var count: Int { byName.values.reduce(0) { $1.lists.values.reduce($0) { $0 + $1.count } } }

    /// The series that satisfy all matchers, ascending.
    ///
    /// - Parameters:
    ///   - matchers: what the series must satisfy.
    ///   - all: asked for only when nothing narrows the search.
    ///   - labels: the labels of a series.
    /// - Returns: their references.
    func select(
        _ matchers: [LabelMatcher],
        all: () -> [SeriesReference],
        labels: (SeriesReference) -> Labels
    ) -> [SeriesReference] {
        var found: [SeriesReference]?
        func narrow(_ list: [SeriesReference]) {
            found = found.map { SortedReferences.intersection($0, list) } ?? list
        }
        // What can be looked up first: it is quick and shortens everything after it.
        for matcher in matchers where !matcher.matchesEmpty {
            if let values = matcher.included { narrow(union(matcher.name, of: values)) }
        }
        for matcher in matchers where matcher.included == nil || matcher.matchesEmpty {
            if found?.isEmpty == true { return [] }
            if matcher.matchesEmpty, let values = matcher.excluded {
                found = SortedReferences.difference(found ?? all(), union(matcher.name, of: values))
            } else if let known = found, isDearer(matcher.name, than: known.count) {
                found = known.filter { matcher.matches(labels($0)) }
            } else if matcher.matchesEmpty {
                let excluded = union(matcher.name) { !matcher.matches($0) }
                found = SortedReferences.difference(found ?? all(), excluded)
            } else {
                narrow(union(matcher.name) { matcher.matches($0) })
            }
        }
        return found ?? all()
    }

    /// The number of series that satisfy all matchers; nil unless each asks for one value and some value is rare.
    func fewSeries(_ matchers: [LabelMatcher]) -> Int? {
        var lists: [[SeriesReference]] = []
        for matcher in matchers {
            guard matcher.operation == .equal, !matcher.matchesEmpty else { return nil }
            lists.append(references(matcher.name, matcher.value))
        }
        guard let shortest = lists.min(by: { $0.count < $1.count }),
            shortest.count <= Postings.fewLimit
        else { return nil }
        return lists.reduce(shortest) { SortedReferences.intersection($0, $1) }.count
    }

    /// Whether looking at all values of a label takes longer than looking at the labels of so many series.
    private func isDearer(_ name: String, than series: Int) -> Bool {
        (byName[LabelText(name)]?.lists.count ?? 0) > series
    }

    private func union(_ name: String, of values: [String]) -> [SeriesReference] {
        if values.count == 1 { return references(name, values[0]) }
        guard let lists = byName[LabelText(name)]?.lists else { return [] }
        return SortedReferences.sorted(values.flatMap { lists[LabelText($0)] ?? [] })
    }

    private func union(_ name: String, where include: (String) -> Bool) -> [SeriesReference] {
        guard let values = byName[LabelText(name)]?.lists else { return [] }
        var lists = 0
        var result: [SeriesReference] = []
        for (value, list) in values where include(value.text) {
            lists += 1
            result.append(contentsOf: list)
        }
        // A series has one value per name, so the lists are disjoint.
        return lists > 1 ? SortedReferences.sorted(result) : result
    }

    /// Adds a series to a value; returns how many values are no longer in their order.
    private static func insert(
        _ reference: SeriesReference,
        _ value: LabelText,
        into values: inout Values
    ) -> Int {
        let before = values.lists.count
        insert(reference, into: &values.lists[value, default: []])
        guard values.lists.count > before, let order = values.order else { return 0 }
        values.order = nil
        return order.count
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
    /// Distinct references in ascending order; in time of the largest when they are many, as references are dense.
    static func sorted(_ references: [SeriesReference]) -> [SeriesReference] {
        guard let largest = references.max(), references.count > 64, references.count > Int(largest) / 256
        else { return references.sorted() }
        var bits = [UInt64](repeating: 0, count: Int(largest >> 6) + 1)
        for reference in references { bits[Int(reference >> 6)] |= 1 << UInt64(reference & 63) }
        var result: [SeriesReference] = []
        result.reserveCapacity(references.count)
        for (word, mask) in bits.enumerated() {
            var rest = mask
            while rest != 0 {
                result.append(SeriesReference(word << 6 | rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        return result
    }

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

extension LabelMatcher {
    /// The only values that satisfy the matcher, each once; nil when they cannot be listed.
    fileprivate var included: [String]? {
        switch operation {
        case .equal: [value]
        case .matches: texts
        case .notEqual, .notMatches: nil
        }
    }

    /// The only values that do not satisfy the matcher; nil when they cannot be listed.
    fileprivate var excluded: [String]? {
        switch operation {
        case .notEqual: [value]
        case .notMatches: texts
        case .equal, .matches: nil
        }
    }
}
