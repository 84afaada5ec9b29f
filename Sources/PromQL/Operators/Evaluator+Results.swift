// SPDX-License-Identifier: Apache-2.0
//
// From columns to the answers of the engine.

internal import Samples

extension Evaluator {
    /// The answer of an instant query.
    func instantValue(_ root: Node, _ grid: Grid) throws(QueryError) -> QueryValue {
        let time = Timestamp(milliseconds: grid.start)
        switch root.type {
        case .scalar: return .scalar(time, try scalar(root, grid)[0])
        case .string: return .string(time, root.literalText)
        case .matrix:
            let series = try samples(root.unwrapped, grid)
            return .matrix(try named(series).sorted { $0.labels < $1.labels })
        case .vector:
            let vector = try finished(collect(root, grid))
            return .vector(
                vector.headers.indices.map { index in
                    VectorSample(
                        labels: vector.headers[index].labels,
                        timestamp: time,
                        value: vector.columns[index].values[0],
                        histogram: vector.columns[index].histograms.first ?? nil
                    )
                }
            )
        }
    }

    /// The answer of a range query.
    func rangeValue(_ root: Node, _ grid: Grid) throws(QueryError) -> [SeriesColumn] {
        if root.type == .scalar {
            var samples = SampleColumns(capacity: grid.count)
            for (step, value) in try scalar(root, grid).enumerated() {
                samples.append(grid.time(step), value)
            }
            return [SeriesColumn(labels: Labels(), samples: samples)]
        }
        var vector = try finished(collect(root, grid))
        var series: [SeriesColumn] = []
        series.reserveCapacity(vector.headers.count)
        for index in vector.headers.indices {
            var samples = SampleColumns(capacity: vector.columns[index].population)
            var histograms = HistogramColumns()
            vector.columns[index].visit { step, value in samples.append(grid.time(step), value) }
            vector.columns[index].visitHistograms { histograms.append(grid.time($0), $1) }
            let labels = vector.headers[index].labels
            series.append(SeriesColumn(labels: labels, samples: samples, histograms: histograms))
            // Both forms of a series need not be held at once.
            vector.columns[index] = Column(count: 0)
        }
        return series.sorted { $0.labels < $1.labels }
    }

    /// Drops the names that were to be dropped at the end.
    private func finished(_ vector: VectorColumns) throws(QueryError) -> VectorColumns {
        guard vector.headers.contains(where: \.dropsName) else { return vector }
        var builder = VectorBuilder(count: vector.count)
        for index in vector.headers.indices {
            try builder.add(Self.named(vector.headers[index]), vector.columns[index])
        }
        return builder.result
    }

    private func named(_ series: [(SeriesHeader, SeriesSamples)]) throws(QueryError) -> [SeriesColumn] {
        var seen: Set<Labels> = []
        return try series.map { (header, samples) throws(QueryError) in
            let labels = Self.named(header).labels
            guard seen.insert(labels).inserted else { throw VectorBuilder.collision }
            return SeriesColumn(labels: labels, samples: samples.numbers, histograms: samples.histograms)
        }
    }

    private static func named(_ header: SeriesHeader) -> SeriesHeader {
        guard header.dropsName else { return header }
        return SeriesHeader(labels: LabelSelection.withoutMetadata.labels(header.labels))
    }
}
