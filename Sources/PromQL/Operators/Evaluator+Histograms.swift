// SPDX-License-Identifier: Apache-2.0
//
// histogram_quantile and histogram_fraction over classic histograms: series that differ only in `le` are gathered
// into one histogram per step.

internal import Samples

extension Evaluator {
    private struct Family {
        let header: SeriesHeader
        let name: String
        var members: [(bound: Double, index: Int)] = []
    }

    func streamHistogram(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let isQuantile = call.function.function == .histogramQuantile
        let input = call.arguments[call.arguments.count - 1]
        let first = try scalar(call.arguments[0], grid)
        let second = isQuantile ? [] : try scalar(call.arguments[1], grid)
        if isQuantile { warnOfQuantiles(first, at: call.arguments[0].range) }
        let vector = try collect(input, grid)
        defer { release(vector) }
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            var histogram = ClassicHistogram()
            for family in families(vector, at: input.range) {
                try checkTime()
                var column = Column(count: grid.count)
                for step in 0..<grid.count {
                    histogram.removeAll()
                    for member in family.members where vector.columns[member.index].has(step) {
                        histogram.add(
                            bound: member.bound,
                            count: vector.columns[member.index].values[step]
                        )
                    }
                    guard !histogram.isEmpty else { continue }
                    column.set(
                        step,
                        isQuantile
                            ? histogram.quantile(first[step])
                            : histogram.fraction(first[step], second[step])
                    )
                    if isQuantile, let forced = histogram.forced {
                        note(forced, family.name, grid.time(step), at: input.range)
                    }
                }
                guard !column.isEmpty else { continue }
                try hold(column.population)
                try builder.add(family.header, column)
            }
        }
    }

    private func families(_ vector: VectorColumns, at range: SourceRange) -> [Family] {
        let selection = LabelSelection(dropping: ["le"])
        var rows: [[UInt8]: Int] = [:]
        var families: [Family] = []
        for index in vector.headers.indices {
            let header = vector.headers[index]
            let le = header.labels["le"] ?? ""
            let name = settings.delayedNameRemoval ? header.labels.metricName ?? "" : ""
            guard let bound = PromNumber.parse(le) else {
                let value = Labels.quoted(le)
                let metric = name.isEmpty ? "" : " for metric name \(Labels.quoted(name))"
                annotations.warn(
                    "bucket label \"le\" is missing or has a malformed value of \(value)\(metric)",
                    at: range
                )
                continue
            }
            let key = selection.encoded(header.labels)
            let row = rows[key] ?? families.count
            if row == families.count {
                rows[key] = row
                var group = nameless(header)
                group.labels = selection.labels(group.labels)
                families.append(Family(header: group, name: name))
            }
            families[row].members.append((bound, index))
        }
        return families
    }

    private func note(
        _ forced: (lowest: Double, highest: Double, difference: Double),
        _ name: String,
        _ time: Int64,
        at range: SourceRange
    ) {
        annotations.add(
            ForcedMonotonicity(
                metric: name,
                range: range,
                lowest: forced.lowest,
                highest: forced.highest,
                difference: forced.difference,
                first: time,
                last: time
            )
        )
    }
}
