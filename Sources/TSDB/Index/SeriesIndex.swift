// SPDX-License-Identifier: Apache-2.0
//
// All series the store knows, in memory or in segments, each once by its labels. A series stays as long as a
// handle of this process or a set of columns of some segment mentions it; then its place is reused.

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

    /// The number of series.
    var count: Int { byLabels.count }

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
        postings.insert(reference, key)
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
        return set.references.filter { release($0) }
    }

    /// Takes a mention back and forgets the series with the last one; returns whether it did.
    mutating func release(_ reference: SeriesReference) -> Bool {
        let place = Int(reference)
        mentions[place] -= 1
        guard mentions[place] == 0 else { return false }
        let key = labels[place]
        byLabels[key] = nil
        postings.remove(reference, key)
        labels[place] = Labels()
        free.append(reference)
        return true
    }

    /// The reference of the labels, nil when unknown.
    func reference(_ key: Labels) -> SeriesReference? { byLabels[key] }

    /// The series that satisfy all matchers, ascending by reference.
    func select(_ matchers: [LabelMatcher]) -> [SeriesReference] {
        postings.select(matchers) {
            labels.indices.compactMap { mentions[$0] > 0 ? SeriesReference($0) : nil }
        }
    }
}
