// SPDX-License-Identifier: Apache-2.0
//
// The answer of a range query whose steps were computed piece by piece. Operators hold a value for each step of each
// series, also where a series has few; with thousands of short series that is more than a query may hold, though the
// answer is not. No operator looks from one step at another's result, so pieces of the steps give the same answer in less
// memory, for the price of selecting the series once for each.

internal import Samples

/// Series that pieces are appended to, in the order of time.
struct PiecewiseAnswer {
    /// Steps below which a piece is not divided any more: the failed attempts would cost more than they give.
    static let smallestPiece = 32

    private(set) var series: [SeriesColumn] = []
    /// Where the series of a label set stands; filled by the second piece.
    private var rows: [Labels: Int] = [:]

    /// Adds the series of the next piece, each with labels of its own.
    mutating func append(_ piece: [SeriesColumn]) {
        if series.isEmpty {
            series = piece
            return
        }
        if rows.isEmpty {
            for row in series.indices { rows[series[row].labels] = row }
        }
        for one in piece {
            if let row = rows[one.labels] {
                series[row].append(one)
            } else {
                rows[one.labels] = series.count
                series.append(one)
            }
        }
    }
}

extension SeriesColumn {
    /// Appends what is later than all it has.
    fileprivate mutating func append(_ later: SeriesColumn) {
        var (samples, histograms) = (samples, histograms)
        self = SeriesColumn(labels: labels, samples: SampleColumns())
        samples.timestamps += later.samples.timestamps
        samples.values += later.samples.values
        histograms.timestamps += later.histograms.timestamps
        histograms.histograms += later.histograms.histograms
        self = SeriesColumn(labels: labels, samples: samples, histograms: histograms)
    }
}
