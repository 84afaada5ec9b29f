// SPDX-License-Identifier: Apache-2.0
//
// Exemplars in memory: one ring for all series, in which each entry names the next one of its series; the newest takes
// the place of the oldest. About 200 bytes an exemplar with a trace identifier, allocated as they come.
//
// Invariants: the entries of a series are in order of time, value and labels; they are overwritten in the order in which
// they came, so the one that goes is always the first of its series.

internal import Samples

/// A bounded store of exemplars.
struct ExemplarRing: Sendable {
    /// What became of an exemplar.
    enum Outcome: Sendable {
        case added
        /// Equal to the newest of its series.
        case repeated
        case outOfOrder
    }

    private struct Entry: Sendable {
        let series: Labels
        let exemplar: Exemplar
        /// Place of the next one of the series.
        var next: Int32
    }

    private struct Ends: Sendable {
        var first: Int32
        var last: Int32
    }

    private static let none: Int32 = -1
    let limit: Int
    private var entries: [Entry] = []
    /// Where the next entry goes once the ring is full.
    private var place = 0
    private var ends: [Labels: Ends] = [:]

    init(limit: Int) {
        self.limit = min(max(0, limit), Int(Int32.max))
    }

    var count: Int { entries.count }
    var seriesCount: Int { ends.count }

    mutating func add(_ exemplar: Exemplar, of series: Labels) -> Outcome {
        guard limit > 0 else { return .added }
        if let ends = ends[series] {
            let newest = entries[Int(ends.last)].exemplar
            if newest == exemplar { return .repeated }
            if exemplar.isBefore(newest) { return .outOfOrder }
        }
        // One copy of the labels for all that the series has; those read from the log are a copy each.
        let series = ends[series].map { entries[Int($0.last)].series } ?? series
        let place = Int32(takePlace())
        let entry = Entry(series: series, exemplar: exemplar, next: ExemplarRing.none)
        if Int(place) == entries.count { entries.append(entry) } else { entries[Int(place)] = entry }
        if let last = ends[series]?.last {
            entries[Int(last)].next = place
            ends[series]?.last = place
        } else {
            ends[series] = Ends(first: place, last: place)
        }
        return .added
    }

    /// A place for an entry, its old one taken out of its series.
    private mutating func takePlace() -> Int {
        guard entries.count == limit else { return entries.count }
        defer { place = (place + 1) % limit }
        let old = entries[place]
        if old.next == ExemplarRing.none {
            ends[old.series] = nil
        } else {
            ends[old.series]?.first = old.next
        }
        return place
    }

    /// The exemplars within a range of series that satisfy a set of matchers; series in label order.
    ///
    /// O(series with exemplars × matchers).
    func select(_ matcherSets: [[LabelMatcher]], _ range: TimeRange) -> [SeriesExemplars] {
        var result: [SeriesExemplars] = []
        for (series, ends) in ends {
            let isWanted = matcherSets.contains { $0.allSatisfy { $0.matches(series) } }
            guard isWanted else { continue }
            var found: [Exemplar] = []
            var next = ends.first
            while next != ExemplarRing.none {
                let entry = entries[Int(next)]
                if range.contains(entry.exemplar.timestamp.milliseconds) { found.append(entry.exemplar) }
                next = entry.next
            }
            if !found.isEmpty { result.append(SeriesExemplars(labels: series, exemplars: found)) }
        }
        return result.sorted { $0.labels < $1.labels }
    }
}

extension Exemplar {
    /// Prometheus' order within a series: time, then value, then labels.
    fileprivate func isBefore(_ other: Exemplar) -> Bool {
        if timestamp != other.timestamp { return timestamp < other.timestamp }
        if value.bitPattern != other.value.bitPattern { return value < other.value }
        return labels < other.labels
    }
}
