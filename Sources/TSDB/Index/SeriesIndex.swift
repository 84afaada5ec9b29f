// SPDX-License-Identifier: Apache-2.0
//
// All series the store knows, in memory or in segments, each once by its labels. A series stays as long as a
// handle of this process or a set of columns of some segment mentions it; then its place is reused.
//
// Parts (Samples/PartLabel.swift) are series that only their parent knows: they are in no postings, so no selector finds
// them, and each mentions its parent, which is in the postings even when it has no column of its own.

internal import Samples

/// Series by labels and by label values.
struct SeriesIndex: Sendable {
    /// Labels by reference; empty for a free place.
    private(set) var labels: [Labels] = []
    private(set) var postings = Postings()
    private var mentions: [UInt32] = []
    private var byLabels: [Labels: SeriesReference] = [:]
    private var free: [SeriesReference] = []
    private var columnSets = ColumnSets()
    private(set) var links = PartLinks()

    /// The number of series, parts not included.
    var count: Int { byLabels.count - links.count }

    /// The reference of the labels with one mention more, created when new.
    mutating func retain(_ key: Labels) -> SeriesReference {
        if let known = byLabels[key] {
            mentions[Int(known)] += 1
            return known
        }
        let reference: SeriesReference
        if let reused = free.popLast() {
            reference = reused
            labels[Int(reused)] = key
            mentions[Int(reused)] = 1
        } else {
            reference = SeriesReference(labels.count)
            labels.append(key)
            mentions.append(1)
        }
        byLabels[key] = reference
        if let (_, parent) = PartLabel.split(key) {
            links.add(reference, to: retain(parent))
        } else {
            postings.insert(reference, key)
        }
        return reference
    }

    /// Mentions a series again.
    mutating func retain(_ reference: SeriesReference) {
        mentions[Int(reference)] += 1
    }

    /// The shared set of these series with one use more.
    mutating func adopt(_ references: [SeriesReference]) -> ColumnSet {
        let (set, isNew) = columnSets.adopt(references)
        if isNew { for reference in references { retain(reference) } }
        return set
    }

    /// Takes a use of a set back; returns the series that are forgotten with it.
    mutating func release(_ set: ColumnSet) -> [SeriesReference] {
        guard columnSets.release(set) else { return [] }
        var forgotten: [SeriesReference] = []
        for reference in set.references { release(reference, &forgotten) }
        return forgotten
    }

    /// Takes a mention back and forgets the series with the last one, and with the last part its parent.
    mutating func release(_ reference: SeriesReference, _ forgotten: inout [SeriesReference]) {
        let place = Int(reference)
        mentions[place] -= 1
        guard mentions[place] == 0 else { return }
        let key = labels[place]
        byLabels[key] = nil
        labels[place] = Labels()
        free.append(reference)
        forgotten.append(reference)
        if let parent = links.remove(reference) {
            release(parent, &forgotten)
        } else {
            postings.remove(reference, key)
        }
    }

    /// Sorts the values of a label for `postings`.
    mutating func order(_ name: String) { postings.order(name) }

    /// The reference of the labels, nil when unknown.
    func reference(_ key: Labels) -> SeriesReference? { byLabels[key] }

    /// The series that satisfy all matchers, ascending by reference.
    func select(_ matchers: [LabelMatcher]) -> [SeriesReference] {
        postings.select(
            matchers,
            all: {
                labels.indices.compactMap { place in
                    let reference = SeriesReference(place)
                    return mentions[place] > 0 && links.parent(of: reference) == nil ? reference : nil
                }
            },
            labels: { labels[Int($0)] }
        )
    }
}

// MARK: - Invariants

extension SeriesIndex {
    /// What is wrong with the index, given per reference the handles that mention it and the sets of the windows in
    /// segments.
    func violations(handles: [SeriesReference: Int], sets: [ColumnSet]) -> [String] {
        var found: [String] = []
        var expected = handles
        var distinct: Set<ObjectIdentifier> = []
        for set in sets where distinct.insert(ObjectIdentifier(set)).inserted {
            for reference in set.references { expected[reference, default: 0] += 1 }
        }
        for place in labels.indices {
            if let parent = links.parent(of: SeriesReference(place)) { expected[parent, default: 0] += 1 }
        }
        for (place, count) in mentions.enumerated() {
            let reference = SeriesReference(place)
            if Int(count) != expected[reference, default: 0] {
                found.append(
                    "series \(labels[place]) has \(count) mentions, not \(expected[reference, default: 0])"
                )
            }
            if (count == 0) != labels[place].pairs.isEmpty, !labels[place].pairs.isEmpty {
                found.append("series \(labels[place]) is kept without a mention")
            }
            if count > 0, byLabels[labels[place]] != reference {
                found.append("series \(labels[place]) is not found by its labels")
            }
            guard links.parent(of: reference) == nil else { continue }
            for (name, value) in labels[place].pairs
            where !postings.references(name, value).contains(reference) {
                found.append("series \(labels[place]) is not in its postings")
            }
        }
        let posted = postings.count
        let pairs = labels.reduce(0) { $0 + (PartLabel.marks($1) ? 0 : $1.pairs.count) }
        if posted != pairs { found.append("\(posted) postings for \(pairs) labels") }
        if byLabels.count != mentions.count - free.count { found.append("free places are not counted right") }
        return found
    }
}
