// SPDX-License-Identifier: Apache-2.0
//
// The series that any of several selectors finds, each once, without their labels in memory: twelve bytes say where a
// series is to be found. Selections are in the order of their labels, so they are merged.

internal import Samples
internal import Wire

/// Series of several selections.
struct MergedSeries: Sendable {
    private struct Place {
        let selection: Int32
        let index: Int32
        /// The rank of its metric's name, by which the places may be sorted.
        var name: Int32 = 0
    }

    private let selections: [any SeriesSelection]
    /// Nil for one selection in its own order.
    private var places: [Place]?

    /// Merges selections in the order of labels.
    init(_ selections: [any SeriesSelection]) {
        self.selections = selections
        guard selections.count != 1 else { return }
        var places: [Place] = []
        MergedSeries.merge(selections) { selection, index, _ in
            places.append(Place(selection: selection, index: index))
        }
        self.places = places
    }

    /// Merges selections in the order of metric names, and of labels within; series without a name are left out.
    init(byName selections: [any SeriesSelection]) {
        self.selections = selections
        var places: [Place] = []
        var ranks: [String: Int32] = [:]
        MergedSeries.merge(selections) { selection, index, labels in
            guard let name = labels.metricName else { return }
            let rank = ranks[name] ?? Int32(clamping: ranks.count)
            ranks[name] = rank
            places.append(Place(selection: selection, index: index, name: rank))
        }
        var order = [Int32](repeating: 0, count: ranks.count)
        let names = ranks.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for (place, name) in names.enumerated() { order[Int(ranks[name] ?? 0)] = Int32(clamping: place) }
        // Sorting is stable: series of one metric stay in the order of their labels.
        self.places = places.sorted { order[Int($0.name)] < order[Int($1.name)] }
    }

    /// The number of series.
    var count: Int { places?.count ?? selections.first?.count ?? 0 }

    /// Where a series is to be read.
    subscript(_ index: Int) -> (selection: any SeriesSelection, index: Int) {
        guard let places else { return (selections[0], index) }
        return (selections[Int(places[index].selection)], Int(places[index].index))
    }

    /// Calls `body` with each series once, in the order of labels.
    private static func merge(
        _ selections: [any SeriesSelection],
        _ body: (_ selection: Int32, _ index: Int32, _ labels: Labels) -> Void
    ) {
        var next = [Int](repeating: 0, count: selections.count)
        var heads = selections.map { $0.count > 0 ? $0.labels(0) : nil }
        while true {
            var best: Int?
            for (index, head) in heads.enumerated() {
                guard let head else { continue }
                if let known = best, let least = heads[known], !(head < least) { continue }
                best = index
            }
            guard let best, let labels = heads[best] else { return }
            body(Int32(clamping: best), Int32(clamping: next[best]), labels)
            for index in selections.indices where heads[index] == labels {
                next[index] += 1
                heads[index] =
                    next[index] < selections[index].count ? selections[index].labels(next[index]) : nil
            }
        }
    }
}

/// The answer of `/series`, some label sets at a time.
struct SeriesBody: Reply.ChunkSource {
    /// A piece ends with the label set that makes it reach this many bytes.
    static let chunkBytes = 64 << 10

    private let series: MergedSeries
    private let shown: Int
    private let warnings: [String]
    private var writer = JSONWriter()
    private var index = 0
    private var isFinished = false

    /// Creates the body of an answer with the first series.
    init(_ series: MergedSeries, shown: Int, warnings: [String]) {
        self.series = series
        self.shown = shown
        self.warnings = warnings
        Envelope.begin(&writer)
        writer.beginArray()
    }

    mutating func next() -> [UInt8]? {
        guard !isFinished else { return nil }
        while index < shown, writer.bytes.count < SeriesBody.chunkBytes {
            let (selection, place) = series[index]
            writer.labels(selection.labels(place))
            index += 1
        }
        if index == shown {
            writer.endArray()
            Envelope.end(&writer, warnings: warnings, infos: [])
            isFinished = true
        }
        return writer.take()
    }
}
