// SPDX-License-Identifier: Apache-2.0
//
// A span of the store: the windows its rows are in with the times of these rows, and per series the columns it has in
// them. Values are decoded when they are read, each column once per read; nothing of them is kept.
//
// Which samples a span has depends only on rows, never on where they are: it stays the same through seal and restart.

internal import Logging
internal import Samples

/// Rows of the store as a shipper reads them.
struct StoreSpan: LogSpan {
    /// A column of a window that holds a series, or a part of one.
    struct Place: Sendable {
        let window: Int
        let column: Int
        let part: SeriesPart?
    }

    /// A wanted series with all its places.
    struct Member: Sendable {
        let labels: Labels
        var places: [Place]
    }

    let store: Store
    let positions: Range<UInt64>
    let rows: UInt64
    let lostRows: UInt64
    let times: ClosedRange<Int64>?
    /// The times asked for; nil asks for all.
    let wantedTimes: ClosedRange<Int64>?
    let windows: [LoadedWindow]
    /// Rows of each window within the span.
    let rowCounts: [Int]
    /// Ascending by labels.
    let members: [Member]

    var count: Int { members.count }

    func labels(_ index: Int) -> Labels { members[index].labels }

    func samples(_ index: Int) -> Int {
        members[index].places.reduce(0) { $0 + rowCounts[$1.window] }
    }

    func read(_ indices: Range<Int>, into series: inout [LogChunk.Series]) throws(SourceError) {
        var cells = ColumnCells()
        var failure: SourceError?
        series.reserveCapacity(series.count + indices.count)
        for index in indices {
            series.append(read(members[index], &cells, &failure))
        }
        if let failure { throw failure }
    }

    private func read(
        _ member: Member,
        _ cells: inout ColumnCells,
        _ failure: inout SourceError?
    ) -> LogChunk.Series {
        var samples = SampleColumns()
        var parts = ShippedParts.Columns()
        for place in member.places {
            do throws(SourceError) {
                let found = try windows[place.window].samples(
                    place.column,
                    positions,
                    times: wantedTimes,
                    cells: &cells,
                    reader: store.reader
                )
                if let part = place.part { parts.add(found, part) } else { samples.merge(found) }
            } catch {
                store.noteLeftOut(error)
                failure = failure ?? error
            }
        }
        guard !parts.isEmpty else { return LogChunk.Series(labels: member.labels, samples: samples) }
        return parts.series(member.labels, samples) { store.note($0, of: $1) }
    }
}

extension Store {
    /// Says that something could not be read for shipping.
    func noteLeftOut(_ error: SourceError) {
        logger.warning("left out of what is shipped", metadata: ["error": "\(error)"])
    }
}
