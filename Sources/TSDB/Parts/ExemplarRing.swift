// SPDX-License-Identifier: Apache-2.0
//
// Exemplars in memory: one ring for all series, in which each entry names its neighbours of the series; the newest takes
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
        /// Equal to one of the newest of its series: somebody sends again what was stored.
        case repeated
        case outOfOrder
    }

    private struct Entry: Sendable {
        let series: Labels
        let exemplar: Exemplar
        /// Places of the ones before and after of the series.
        var previous: Int32
        var next: Int32
    }

    private struct Ends: Sendable {
        var first: Int32
        var last: Int32
    }

    private static let none: Int32 = -1
    /// How many of a series' newest a repetition may be of: more than a sender has in one request of one series.
    static let lookBack = 64
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
            if exemplar.isBefore(newest) {
                return isKnown(exemplar, from: ends.last) ? .repeated : .outOfOrder
            }
        }
        // One copy of the labels for all that the series has; those read from the log are a copy each.
        let series = ends[series].map { entries[Int($0.last)].series } ?? series
        let place = Int32(takePlace())
        // Read only now: the place may have been that of the series' last one.
        let previous = ends[series]?.last ?? ExemplarRing.none
        let entry = Entry(
            series: series,
            exemplar: exemplar,
            previous: previous,
            next: ExemplarRing.none
        )
        if Int(place) == entries.count { entries.append(entry) } else { entries[Int(place)] = entry }
        if previous == ExemplarRing.none {
            ends[series] = Ends(first: place, last: place)
        } else {
            entries[Int(previous)].next = place
            ends[series]?.last = place
        }
        return .added
    }

    private func isKnown(_ exemplar: Exemplar, from last: Int32) -> Bool {
        var place = last
        for _ in 0..<ExemplarRing.lookBack where place != ExemplarRing.none {
            let entry = entries[Int(place)]
            if entry.exemplar == exemplar { return true }
            if entry.exemplar.timestamp < exemplar.timestamp { return false }
            place = entry.previous
        }
        return false
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
            entries[Int(old.next)].previous = ExemplarRing.none
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
