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

    /// Takes a mention back and forgets the series with the last one.
    mutating func release(_ reference: SeriesReference) {
        let place = Int(reference)
        mentions[place] -= 1
        guard mentions[place] == 0 else { return }
        let key = labels[place]
        byLabels[key] = nil
        postings.remove(reference, key)
        labels[place] = Labels()
        free.append(reference)
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
