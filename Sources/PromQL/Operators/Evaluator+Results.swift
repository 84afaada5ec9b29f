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
        if delayedNameRemoval {
            let vector = try finished(collect(root, grid))
            var series: [SeriesColumn] = []
            series.reserveCapacity(vector.headers.count)
            for index in vector.headers.indices {
                series.append(Self.series(vector.headers[index], vector.columns[index], grid))
            }
            return series.sorted { $0.labels < $1.labels }
        }
        var answer = PiecewiseAnswer()
        try evaluate(root, grid, 0..<grid.count, into: &answer)
        return answer.series.sorted { $0.labels < $1.labels }
    }

    /// Adds the answer for some steps; when that needs more memory than there is, for one half of them after the other.
    private func evaluate(
        _ root: Node,
        _ grid: Grid,
        _ steps: Range<Int>,
        into answer: inout PiecewiseAnswer
    ) throws(QueryError) {
        let piece = grid.piece(steps)
        let (before, counted) = (holding, tally)
        tally?.steps = steps
        do throws(QueryError) {
            var series: [SeriesColumn] = []
            try stream(root, piece) { (header, column: inout Column) throws(QueryError) in
                guard !column.isEmpty else { return }
                // Kept without the steps that have no value.
                try hold(column.population + header.footprint)
                series.append(Self.series(header, column, piece))
            }
            answer.append(series)
        } catch Self.tooManySamples where steps.count >= 2 * PiecewiseAnswer.smallestPiece {
            release(holding - before)
            tally = counted
            let middle = steps.lowerBound + steps.count / 2
            try evaluate(root, grid, steps.lowerBound..<middle, into: &answer)
            try evaluate(root, grid, middle..<steps.upperBound, into: &answer)
        }
    }

    private static func series(_ header: SeriesHeader, _ column: Column, _ grid: Grid) -> SeriesColumn {
        var samples = SampleColumns(capacity: column.presence.reduce(0) { $0 + $1.nonzeroBitCount })
        var histograms = HistogramColumns()
        column.visit { step, value in samples.append(grid.time(step), value) }
        column.visitHistograms { histograms.append(grid.time($0), $1) }
        return SeriesColumn(labels: header.labels, samples: samples, histograms: histograms)
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
