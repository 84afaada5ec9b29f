// SPDX-License-Identifier: Apache-2.0
//
// sum, avg, count and the like keep one accumulator per group and take the series as they come. topk, quantile and
// count_values look at several series of a group at once.

internal import Samples

extension Evaluator {
    func stream(_ aggregation: Aggregation, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        switch aggregation.aggregator {
        case .topk, .bottomk:
            try ordering(true) { () throws(QueryError) in try streamLargest(aggregation, grid, body) }
        case .quantile: try streamQuantile(aggregation, grid, body)
        case .countValues: try streamCountValues(aggregation, grid, body)
        case .limitk:
            try ordering(true) { () throws(QueryError) in try streamLimited(aggregation, grid, body) }
        case .limitRatio: try streamSampled(aggregation, grid, body)
        default: try streamAccumulated(aggregation, grid, body)
        }
    }

    private func streamAccumulated(
        _ aggregation: Aggregation,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        let selection = aggregation.selection
        var rows: [[UInt8]: Int] = [:]
        var groups: [Accumulator] = []
        var held = 0
        // Neighbours are mostly of one group.
        var last: (key: [UInt8], row: Int)?
        func add(_ header: SeriesHeader, _ column: inout Column) throws(QueryError) {
            let key = selection.encoded(header.labels)
            let row: Int
            if let last, last.key == key {
                row = last.row
            } else if let known = rows[key] {
                row = known
            } else {
                row = groups.count
                rows[key] = row
                groups.append(
                    Accumulator(aggregation.aggregator, Labels(copiedPairs: key), grid.count)
                )
                try hold(grid.count)
            }
            last = (key, row)
            groups[row].add(column)
            if !column.histograms.isEmpty {
                let weight = groups[row].addHistograms(column)
                held += weight
                try hold(weight)
            }
            if header.dropsName { groups[row].header.dropsName = true }
        }
        // Groups come out by their first series, so with several the order of series shows.
        try ordering(!selection.isEmpty && isOrdered) { () throws(QueryError) in
            try stream(aggregation.expression, grid, add)
        }
        release(grid.count * groups.count + held)
        for index in groups.indices {
            groups[index].finish()
            report(groups[index].notes, aggregation)
            guard !groups[index].column.isEmpty else { continue }
            try body(groups[index].header, &groups[index].column)
        }
    }

    // MARK: - topk, bottomk

    private func streamLargest(
        _ aggregation: Aggregation,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        let limits = try parameter(aggregation, grid)
        guard let counts = try Self.counts(limits) else { return }
        let vector = try collect(aggregation.expression, grid)
        defer { release(vector) }
        noteIgnored(vector, aggregation, at: aggregation.range)
        let members = groups(vector, aggregation.selection).members
        let isTop = aggregation.aggregator == .topk
        func precedes(_ left: Double, _ right: Double) -> Bool {
            if left.isNaN || right.isNaN { return !left.isNaN && right.isNaN }
            return isTop ? left > right : left < right
        }
        if grid.count == 1 {
            for member in members {
                let order = member.filter { vector.columns[$0].hasNumbers }.sorted {
                    let (left, right) = (vector.columns[$0].values[0], vector.columns[$1].values[0])
                    return precedes(left, right) || (!precedes(right, left) && $0 < $1)
                }
                for index in order.prefix(counts[0]) {
                    var column = vector.columns[index]
                    try body(vector.headers[index], &column)
                }
            }
            return
        }
        var kept = vector.columns.map { _ in Column(count: 0) }
        var present: [Int] = []
        for index in kept.indices { kept[index] = Column(count: grid.count) }
        for member in members {
            try checkTime()
            for step in 0..<grid.count where counts[step] > 0 {
                present.removeAll(keepingCapacity: true)
                for index in member where vector.columns[index].has(step) { present.append(index) }
                if present.count > counts[step] {
                    present.sort {
                        let (left, right) = (vector.columns[$0].values[step], vector.columns[$1].values[step])
                        return precedes(left, right) || (!precedes(right, left) && $0 < $1)
                    }
                }
                for index in present.prefix(counts[step]) {
                    kept[index].set(step, vector.columns[index].values[step])
                }
            }
        }
        for index in kept.indices where !kept[index].isEmpty { try body(vector.headers[index], &kept[index]) }
    }

    /// How many elements to keep at each step; nil when none at any.
    static func counts(_ limits: [Double]) throws(QueryError) -> [Int]? {
        let largest = limits.reduce(-Double.infinity) { $1.isNaN ? $0 : Swift.max($0, $1) }
        if limits.contains(where: \.isNaN) { throw QueryError(.execution, "Parameter value is NaN") }
        if largest < 1 { return nil }
        if let low = limits.first(where: { $0 <= -9_223_372_036_854_775_808 }) {
            throw QueryError(.execution, "Scalar value \(NumberText.general(low)) underflows int64")
        }
        if let high = limits.first(where: { $0 >= 9_223_372_036_854_774_784 }) {
            throw QueryError(.execution, "Scalar value \(NumberText.general(high)) overflows int64")
        }
        // In range of Int64 by the checks above.
        return limits.map { Swift.max(0, Int($0)) }
    }

    // MARK: - quantile

    private func streamQuantile(
        _ aggregation: Aggregation,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        let phi = try parameter(aggregation, grid)
        if let parameter = aggregation.parameter { warnOfQuantiles(phi, at: parameter.range) }
        let vector = try collect(aggregation.expression, grid)
        defer { release(vector) }
        noteIgnored(vector, aggregation, at: aggregation.expression.range)
        let groups = groups(vector, aggregation.selection)
        var values: [Double] = []
        var column = Column(count: grid.count)
        for (header, member) in zip(groups.headers, groups.members) {
            try checkTime()
            column.removeAll()
            for step in 0..<grid.count {
                values.removeAll(keepingCapacity: true)
                for index in member where vector.columns[index].has(step) {
                    values.append(vector.columns[index].values[step])
                }
                guard !values.isEmpty else { continue }
                values.sort(by: Quantile.precedes)
                column.set(step, Quantile.of(sorted: values, phi[step]))
            }
            if !column.isEmpty { try body(header, &column) }
        }
    }

    // MARK: - count_values

    private func streamCountValues(
        _ aggregation: Aggregation,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        let bytes = aggregation.parameter?.literalBytes ?? []
        guard !bytes.isEmpty, let label = String(validating: bytes, as: UTF8.self) else {
            throw QueryError(.execution, "invalid label name \(EscapedString.quote(bytes))")
        }
        let names = aggregation.grouping
        let selection =
            aggregation.isWithout
            ? LabelSelection(dropping: names + [Labels.metricNameLabel])
            : LabelSelection(keeping: names + [label])
        var rows: [Labels: Int] = [:]
        var result = VectorColumns(count: grid.count)
        try stream(aggregation.expression, grid) { (header, column: inout Column) throws(QueryError) in
            // Equal neighbours are common; their row is looked up once.
            var row = -1
            var last = Double.nan
            func place(of text: String) throws(QueryError) -> Int {
                let key = selection.labels(header.labels.setting(label, text))
                if let known = rows[key] {
                    if header.dropsName { result.headers[known].dropsName = true }
                    return known
                }
                rows[key] = result.headers.count
                result.append(
                    SeriesHeader(labels: key, dropsName: header.dropsName),
                    Column(count: grid.count)
                )
                try hold(grid.count)
                return result.headers.count - 1
            }
            func count(_ step: Int, _ row: Int) {
                let count = result.columns[row].has(step) ? result.columns[row].values[step] : 0
                result.columns[row].set(step, count + 1)
            }
            try column.visit { (step, value) throws(QueryError) in
                if row < 0 || value.bitPattern != last.bitPattern {
                    row = try place(of: NumberText.plain(value))
                    last = value
                }
                count(step, row)
            }
            try column.visitHistograms { (step, histogram) throws(QueryError) in
                count(step, try place(of: histogram.text))
            }
        }
        release(grid.count * result.headers.count)
        for index in result.headers.indices { try body(result.headers[index], &result.columns[index]) }
    }

    // MARK: - Groups

    /// Says that histograms do not count.
    private func noteIgnored(_ vector: VectorColumns, _ aggregation: Aggregation, at range: SourceRange) {
        guard vector.columns.contains(where: { !$0.histograms.isEmpty }) else { return }
        annotations.inform(Notices.histogramIgnored(aggregation.aggregator), at: range)
    }

    private func report(_ notes: Accumulator.Notes, _ aggregation: Aggregation) {
        let range = aggregation.expression.range
        if notes.contains(.mixedTypes) { annotations.warn(Notices.mixedTypesInAggregation, at: range) }
        if notes.contains(.mixedSchemas) { annotations.warn(Notices.mixedSchemas(""), at: range) }
        if notes.contains(.resetsCollide) { annotations.warn(Notices.resetsCollide(.aggregation), at: range) }
        if notes.contains(.boundsReconciled) {
            annotations.inform(Notices.boundsReconciled(.aggregation), at: range)
        }
        if notes.contains(.ignored) {
            annotations.inform(Notices.histogramIgnored(aggregation.aggregator), at: range)
        }
    }

    func parameter(_ aggregation: Aggregation, _ grid: Grid) throws(QueryError) -> [Double] {
        guard let parameter = aggregation.parameter else { return [] }
        return try scalar(parameter, grid)
    }

    func groups(
        _ vector: VectorColumns,
        _ selection: LabelSelection
    ) -> (headers: [SeriesHeader], members: [[Int]]) {
        var rows: [[UInt8]: Int] = [:]
        var headers: [SeriesHeader] = []
        var members: [[Int]] = []
        for index in vector.headers.indices {
            let key = selection.encoded(vector.headers[index].labels)
            let row = rows[key] ?? headers.count
            if row == headers.count {
                rows[key] = row
                headers.append(SeriesHeader(labels: Labels(copiedPairs: key)))
                members.append([])
            }
            members[row].append(index)
            if vector.headers[index].dropsName { headers[row].dropsName = true }
        }
        return (headers, members)
    }
}

extension Aggregation {
    /// The labels that tell groups apart, and that results carry.
    var selection: LabelSelection {
        isWithout
            ? LabelSelection(dropping: grouping + [Labels.metricNameLabel])
            : LabelSelection(keeping: grouping)
    }
}
