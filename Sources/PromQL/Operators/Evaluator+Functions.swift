// SPDX-License-Identifier: Apache-2.0
//
// Function calls: which operator serves which function.

internal import Samples

extension Evaluator {
    func stream(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let function = call.function.function
        let arguments = call.arguments
        switch function {
        case _ where Function.elementwise.contains(function):
            try streamNameless(arguments[0], grid, body) { (column: inout Column) in
                column.update { Elementwise.apply(function, $1) }
            }
        case _ where Function.calendar.contains(function): try streamCalendar(call, grid, body)
        case _ where call.function.arguments.contains(.matrix): try streamRange(call, grid, body)
        case .round:
            let nearest =
                arguments.count > 1
                ? try scalar(arguments[1], grid) : [Double](repeating: 1, count: grid.count)
            try streamNameless(arguments[0], grid, body) { (column: inout Column) in
                column.update { Elementwise.round($1, to: nearest[$0]) }
            }
        case .clamp, .clampMin, .clampMax: try streamClamp(call, grid, body)
        case .timestamp:
            if case .selector(let selector) = arguments[0].unwrapped {
                return try streamTimestampsNameless(selector, grid, body)
            }
            try streamNameless(arguments[0], grid, body) { (column: inout Column) in
                column.update { step, _ in Double(grid.time(step)) / 1000 }
            }
        case .vector:
            var column = Column(count: grid.count)
            for (step, value) in try scalar(arguments[0], grid).enumerated() { column.set(step, value) }
            try body(SeriesHeader(labels: Labels()), &column)
        case .absent: try streamAbsent(call, grid, body)
        case .sort, .sortDesc: try streamSorted(call, grid, body)
        case .labelReplace: try streamLabelReplace(call, grid, body)
        case .labelJoin: try streamLabelJoin(call, grid, body)
        case .histogramQuantile, .histogramFraction: try streamHistogram(call, grid, body)
        default: throw QueryError(.internal, "function \(function.rawValue) yields no instant vector")
        }
    }

    // MARK: - Of one value

    private func streamCalendar(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let function = call.function.function
        guard let argument = call.arguments.first else {
            var column = Column(count: grid.count)
            for step in 0..<grid.count {
                let seconds = (Double(grid.time(step)) / 1000).rounded(.down)
                column.set(step, Elementwise.calendar(function, seconds))
            }
            return try body(SeriesHeader(labels: Labels()), &column)
        }
        try streamNameless(argument, grid, body) { (column: inout Column) in
            column.update { Elementwise.calendar(function, $1) }
        }
    }

    private func streamClamp(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let bounds = try scalar(call.arguments[1], grid)
        switch call.function.function {
        case .clampMin:
            try streamNameless(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { GoMath.max(bounds[$0], $1) }
            }
        case .clampMax:
            try streamNameless(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { GoMath.min(bounds[$0], $1) }
            }
        default:
            let upper = try scalar(call.arguments[2], grid)
            try streamNameless(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { step, value in
                    upper[step] < bounds[step]
                        ? nil : GoMath.max(bounds[step], GoMath.min(upper[step], value))
                }
            }
        }
    }

    private func streamTimestampsNameless(
        _ selector: VectorSelector,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        if settings.delayedNameRemoval || selector.name != nil {
            return try streamTimestamps(selector, grid) { (header, column: inout Column) throws(QueryError) in
                try body(nameless(header), &column)
            }
        }
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try streamTimestamps(selector, grid) { (header, column: inout Column) throws(QueryError) in
                try hold(column.population)
                try builder.add(nameless(header), column)
            }
        }
    }

    // MARK: - Of a window

    private func streamRange(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let function = call.function.function
        if function == .absentOverTime { return try streamAbsentOverTime(call, grid, body) }
        var parameter: [Double] = []
        var window = call.arguments[0]
        if call.arguments.count > 1 {
            let isFirst = call.function.arguments[0] == .scalar
            parameter = try scalar(call.arguments[isFirst ? 0 : 1], grid)
            window = call.arguments[isFirst ? 1 : 0]
        }
        if function == .quantileOverTime { warnOfQuantiles(parameter, at: call.arguments[0].range) }
        let keepsName = function == .lastOverTime || function == .firstOverTime
        let needsCounter = function == .rate || function == .increase
        var column = Column(count: grid.count)
        var distinct = DistinctLabels(hasOneName: !window.mayCollideWithoutName)
        try streamWindows(window, grid) { (header, samples: borrowing SampleWindows) throws(QueryError) in
            samples.evaluate(function, parameter: parameter, into: &column)
            guard !column.isEmpty else { return }
            if needsCounter { noteUnlessCounter(header.labels, at: window.range) }
            let result = keepsName ? header : nameless(header)
            if !settings.delayedNameRemoval, !keepsName {
                guard distinct.insert(result.labels, from: header.labels) else {
                    throw VectorBuilder.collision
                }
            }
            try body(result, &column)
        }
    }

    private func noteUnlessCounter(_ labels: Labels, at range: SourceRange) {
        guard let name = labels.metricName else { return }
        guard !["_total", "_sum", "_count", "_bucket"].contains(where: name.hasSuffix) else { return }
        let words = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket"
        annotations.inform("\(words): \(Labels.quoted(name))", at: range)
    }

    func warnOfQuantiles(_ values: [Double], at range: SourceRange) {
        for value in values where !(value >= 0 && value <= 1) {
            annotations.warn(Quantile.warning(value), at: range)
        }
    }

    // MARK: - Of nothing

    private func streamAbsent(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        var presence = [UInt64](repeating: 0, count: Column.words(grid.count))
        try stream(call.arguments[0], grid) { (_, column: inout Column) throws(QueryError) in
            for word in presence.indices { presence[word] |= column.presence[word] }
        }
        try emitAbsent(presence, call.arguments[0], grid, body)
    }

    private func streamAbsentOverTime(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        var presence = [UInt64](repeating: 0, count: Column.words(grid.count))
        var column = Column(count: grid.count)
        try streamWindows(call.arguments[0], grid) {
            (_, samples: borrowing SampleWindows) throws(QueryError) in
            samples.evaluate(.presentOverTime, parameter: [], into: &column)
            for word in presence.indices { presence[word] |= column.presence[word] }
        }
        try emitAbsent(presence, call.arguments[0], grid, body)
    }

    private func emitAbsent(
        _ presence: [UInt64],
        _ argument: Node,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        var column = Column(count: grid.count)
        column.presence = presence
        var absent = Column(count: grid.count)
        for step in 0..<grid.count where !column.has(step) { absent.set(step, 1) }
        guard !absent.isEmpty else { return }
        try body(SeriesHeader(labels: Self.labelsOfAbsence(argument)), &absent)
    }

    /// What the selector says by `=` of the series that is missing; a name used twice says nothing.
    private static func labelsOfAbsence(_ argument: Node) -> Labels {
        let matchers: [LabelMatcher]
        switch argument.unwrapped {
        case .selector(let selector): matchers = selector.matchers
        case .matrix(let matrix): matchers = matrix.selector.matchers
        default: return Labels()
        }
        var builder = LabelsBuilder()
        var seen: Set<String> = []
        for matcher in matchers where matcher.name != Labels.metricNameLabel {
            if matcher.operation == .equal, !seen.contains(matcher.name) {
                builder.set(matcher.name, matcher.value)
                seen.insert(matcher.name)
            } else {
                builder.remove(matcher.name)
            }
        }
        return builder.labels()
    }

    // MARK: - Order

    private func streamSorted(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        guard grid.count == 1 else {
            annotations.warn(
                "sort is ineffective for range queries since results are always ordered by labels",
                at: call.range
            )
            return try stream(call.arguments[0], grid, body)
        }
        let vector = try collect(call.arguments[0], grid)
        let isDescending = call.function.function == .sortDesc
        let order = vector.headers.indices.sorted { left, right in
            let (first, second) = (vector.columns[left].values[0], vector.columns[right].values[0])
            if first.isNaN || second.isNaN { return !first.isNaN }
            return isDescending ? first > second : first < second
        }
        var sorted = VectorColumns(count: 1)
        for index in order { sorted.append(vector.headers[index], vector.columns[index]) }
        try emit(sorted, body)
    }
}

/// Notices when series become equal by losing the labels that name their metric.
private struct DistinctLabels {
    /// Nil as long as only `__name__`, the same for all, was lost: then nothing can have become equal.
    private var seen: Set<Labels>?
    private var plain: [Labels] = []

    init(hasOneName: Bool) {
        if !hasOneName { seen = [] }
    }

    /// False when an equal set came before.
    mutating func insert(_ labels: Labels, from original: Labels) -> Bool {
        if seen == nil {
            if !Self.mentionsMetadata(original) {
                plain.append(labels)
                return true
            }
            seen = Set(plain)
            plain = []
        }
        return seen?.insert(labels).inserted ?? true
    }

    private static func mentionsMetadata(_ labels: Labels) -> Bool {
        labels.value(ofNameBytes: typeName) != nil || labels.value(ofNameBytes: unitName) != nil
    }

    private static let typeName = Array("__type__".utf8)
    private static let unitName = Array("__unit__".utf8)
}
