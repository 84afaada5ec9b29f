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
            try streamNumbers(arguments[0], grid, body) { (column: inout Column) in
                column.update { Elementwise.apply(function, $1) }
            }
        case _ where Function.calendar.contains(function): try streamCalendar(call, grid, body)
        case _ where call.function.arguments.contains(.matrix): try streamRange(call, grid, body)
        case .round:
            let nearest =
                arguments.count > 1
                ? try scalar(arguments[1], grid) : [Double](repeating: 1, count: grid.count)
            try streamNumbers(arguments[0], grid, body) { (column: inout Column) in
                column.update { Elementwise.round($1, to: nearest[$0]) }
            }
        case .clamp, .clampMin, .clampMax: try streamClamp(call, grid, body)
        case .timestamp:
            if case .selector(let selector) = arguments[0].unwrapped, selector.edges == nil {
                return try streamNameless(selector, .timestamp, grid, body)
            }
            try streamNameless(arguments[0], grid, body) { (column: inout Column) in
                column.presence = column.occupied
                column.removeHistograms()
                column.update { step, _ in Double(grid.time(step)) / 1000 }
            }
        case .startTimestamp:
            guard settings.features.startTimestamps, case .selector(let selector) = arguments[0].unwrapped
            else { return }
            try streamNameless(selector, .startTimestamp, grid, body)
        case .vector:
            var column = Column(count: grid.count)
            for (step, value) in try scalar(arguments[0], grid).enumerated() { column.set(step, value) }
            try body(SeriesHeader(labels: Labels()), &column)
        case .absent: try streamAbsent(call, grid, body)
        case .sort, .sortDesc, .sortByLabel, .sortByLabelDesc: try streamSorted(call, grid, body)
        case .info: try streamInfo(call, grid, body)
        case .labelReplace: try streamLabelReplace(call, grid, body)
        case .labelJoin: try streamLabelJoin(call, grid, body)
        case _ where Function.ofHistograms.contains(function):
            try streamNameless(arguments[0], grid, body) { (column: inout Column) in
                column.reduceHistograms(function)
            }
        case .histogramQuantile, .histogramQuantiles, .histogramFraction:
            try streamHistogram(call, grid, body)
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
        try streamNumbers(argument, grid, body) { (column: inout Column) in
            column.update { Elementwise.calendar(function, $1) }
        }
    }

    private func streamClamp(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let bounds = try scalar(call.arguments[1], grid)
        switch call.function.function {
        case .clampMin:
            try streamNumbers(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { GoMath.max(bounds[$0], $1) }
            }
        case .clampMax:
            try streamNumbers(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { GoMath.min(bounds[$0], $1) }
            }
        default:
            let upper = try scalar(call.arguments[2], grid)
            try streamNumbers(call.arguments[0], grid, body) { (column: inout Column) in
                column.update { step, value in
                    upper[step] < bounds[step]
                        ? nil : GoMath.max(bounds[step], GoMath.min(upper[step], value))
                }
            }
        }
    }

    /// A part of each selected sample, without the metric's name.
    private func streamNameless(
        _ selector: VectorSelector,
        _ part: SelectedPart,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        if delayedNameRemoval || selector.name != nil {
            return try stream(selector, part, grid) { (header, column: inout Column) throws(QueryError) in
                try body(nameless(header), &column)
            }
        }
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try stream(selector, part, grid) { (header, column: inout Column) throws(QueryError) in
                try hold(column.footprint)
                try builder.add(nameless(header), column)
            }
        }
    }

    // MARK: - Of a window

    private func streamRange(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let function = call.function.function
        let types = call.function.arguments
        guard let place = types.firstIndex(of: .matrix) else { return }
        let window = call.arguments[place]
        if case .matrix(let matrix) = window.unwrapped, let edges = matrix.selector.edges,
            !edges.allows(function)
        {
            throw edges.refusal(function)
        }
        if function == .absentOverTime { return try streamAbsentOverTime(call, grid, body) }
        var parameters: [[Double]] = []
        for (index, argument) in call.arguments.enumerated() where index != place {
            parameters.append(try scalar(argument, grid))
        }
        let range = call.arguments[0].range
        let keepsName = function == .lastOverTime || function == .firstOverTime
        let needsCounter = function == .rate || function == .increase
        var distinct = DistinctLabels(hasOneName: !window.mayCollideWithoutName)
        func finish(
            _ header: SeriesHeader,
            _ column: inout Column,
            _ notes: WindowNotes
        ) throws(QueryError) {
            report(notes, of: header.labels, at: range)
            guard !column.isEmpty else { return }
            if needsCounter, column.hasNumbers { noteUnlessCounter(header.labels, at: range) }
            if function == .quantileOverTime {
                column.visit { step, _ in warnOfQuantiles([parameters[0][step]], at: range) }
            }
            let result = keepsName ? header : nameless(header)
            if !delayedNameRemoval, !keepsName {
                guard distinct.insert(result.labels, from: header.labels) else {
                    throw VectorBuilder.collision
                }
            }
            try body(result, &column)
        }
        let needsStarts = function.usesStartTimestamps
        if case .matrix(let matrix) = window.unwrapped, function != .doubleExponentialSmoothing {
            return try streamShared(matrix, function, parameters, needsStarts: needsStarts, grid, finish)
        }
        var column = Column(count: grid.count)
        try streamWindows(window, grid, needsStarts: needsStarts) {
            (header, samples: borrowing SampleWindows) throws(QueryError) in
            if function == .doubleExponentialSmoothing { try Self.checkFactors(parameters) }
            var notes = WindowNotes()
            samples.evaluate(function, parameters: parameters, into: &column, &notes)
            try finish(header, &column, notes)
        }
    }

    private static func checkFactors(_ factors: [[Double]]) throws(QueryError) {
        for (name, short, values) in [("smoothing", "sf", factors[0]), ("trend", "tf", factors[1])] {
            guard let wrong = values.first(where: { $0 <= 0 || $0 >= 1 }) else { continue }
            let shown = NumberText.fixed(wrong, decimals: 6)
            throw QueryError(
                .execution,
                "invalid \(name) factor. Expected: 0 < \(short) < 1, got: \(shown)"
            )
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
            let occupied = column.occupied
            for word in presence.indices { presence[word] |= occupied[word] }
        }
        try emitAbsent(presence, call.arguments[0], grid, body)
    }

    private func streamAbsentOverTime(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        var presence = [UInt64](repeating: 0, count: Column.words(grid.count))
        var column = Column(count: grid.count)
        try streamWindows(call.arguments[0], grid) {
            (_, samples: borrowing SampleWindows) throws(QueryError) in
            var notes = WindowNotes()
            samples.evaluate(.presentOverTime, parameters: [], into: &column, &notes)
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
