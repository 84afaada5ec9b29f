// SPDX-License-Identifier: Apache-2.0
//
// histogram_quantile, histogram_quantiles and histogram_fraction, over native histograms as they come and over classic
// ones: series that differ only in `le` are gathered into one histogram per step.

internal import Samples

/// What is asked of each histogram.
private enum HistogramQuestion {
    /// The φ of each step, and what the result's label is to say of it.
    case quantile([Double], label: (name: String, texts: [String])?)
    case fraction(lower: [Double], upper: [Double])
}

extension Evaluator {
    private struct Family {
        let header: SeriesHeader
        let name: String
        var members: [(bound: Double, index: Int)] = []
        /// Steps with a native histogram of the same labels.
        var conflicts: [UInt64] = []
    }

    func streamHistogram(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let (questions, input) = try questions(call, grid)
        let vector = try collect(input, grid)
        defer { release(vector) }
        var families = families(vector, at: input.range)
        let natives = natives(vector, &families, at: input.range)
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            for question in questions {
                for native in natives {
                    try checkTime()
                    let name = native.header.labels.metricName ?? ""
                    let shown = delayedNameRemoval ? name : ""
                    for (header, column) in answers(question, to: native, shown, at: input.range, grid) {
                        try hold(column.footprint + header.footprint)
                        try builder.add(header, column)
                    }
                }
                for family in families where !family.members.isEmpty {
                    try checkTime()
                    for (header, column) in answers(question, to: family, vector, at: input.range, grid) {
                        try hold(column.footprint + header.footprint)
                        try builder.add(header, column)
                    }
                }
            }
        }
    }

    /// What is asked, and of which vector.
    private func questions(
        _ call: Call,
        _ grid: Grid
    ) throws(QueryError) -> ([HistogramQuestion], input: Node) {
        let arguments = call.arguments
        switch call.function.function {
        case .histogramQuantile:
            let phi = try scalar(arguments[0], grid)
            warnOfQuantiles(phi, at: arguments[0].range)
            return ([.quantile(phi, label: nil)], arguments[1])
        case .histogramQuantiles:
            let bytes = arguments[1].literalBytes
            guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
                throw QueryError(.execution, "invalid label name \(EscapedString.quote(bytes))")
            }
            var questions: [HistogramQuestion] = []
            for argument in arguments.dropFirst(2) {
                let phi = try scalar(argument, grid)
                warnOfQuantiles(phi, at: argument.range)
                questions.append(.quantile(phi, label: (name, phi.map(NumberText.openMetrics))))
            }
            return (questions, arguments[0])
        default:
            let lower = try scalar(arguments[0], grid)
            let upper = try scalar(arguments[1], grid)
            return ([.fraction(lower: lower, upper: upper)], arguments[2])
        }
    }

    // MARK: - Native

    /// The series with native histograms; where a classic one has the same labels, neither counts.
    private func natives(
        _ vector: VectorColumns,
        _ families: inout [Family],
        at range: SourceRange
    ) -> [(header: SeriesHeader, column: Column)] {
        var rows: [Labels: Int] = [:]
        var natives: [(header: SeriesHeader, column: Column)] = []
        for index in vector.headers.indices where !vector.columns[index].histograms.isEmpty {
            if rows.isEmpty {
                for (row, family) in families.enumerated() { rows[family.header.labels] = row }
            }
            let header = vector.headers[index]
            var column = vector.columns[index]
            for word in column.presence.indices { column.presence[word] = 0 }
            // A family's header has lost its name already when names go at once.
            let labels = delayedNameRemoval ? header.labels : nameless(header).labels
            if let row = rows[labels] {
                let mine = column.occupied
                var theirs = [UInt64](repeating: 0, count: mine.count)
                for member in families[row].members {
                    let bits = vector.columns[member.index].presence
                    for word in theirs.indices { theirs[word] |= bits[word] }
                }
                let clash = zip(mine, theirs).map { $0 & $1 }
                if clash.contains(where: { $0 != 0 }) {
                    let name = header.labels.metricName ?? ""
                    annotations.warn(Notices.mixedClassicAndNative(name), at: range)
                    column.keep(clash.map { ~$0 })
                    families[row].conflicts = clash
                }
            }
            if !column.isEmpty { natives.append((header, column)) }
        }
        return natives
    }

    private func answers(
        _ question: HistogramQuestion,
        to native: (header: SeriesHeader, column: Column),
        _ name: String,
        at range: SourceRange,
        _ grid: Grid
    ) -> [(SeriesHeader, Column)] {
        var answers = HistogramAnswers(nameless(native.header), grid.count)
        native.column.visitHistograms { step, histogram in
            switch question {
            case .quantile(let phi, let label):
                let (value, effect) = histogram.quantile(phi[step])
                if effect == .result { annotations.inform(Notices.quantileIsNaN(name), at: range) }
                if effect == .skew { annotations.inform(Notices.quantileIsSkewed(name), at: range) }
                answers.set(step, value, label)
            case .fraction(let lower, let upper):
                let (value, excludesNaN) = histogram.fraction(lower[step], upper[step])
                if excludesNaN { annotations.inform(Notices.fractionExcludesNaN(name), at: range) }
                answers.set(step, value, nil)
            }
        }
        return answers.columns
    }

    // MARK: - Classic

    private func answers(
        _ question: HistogramQuestion,
        to family: Family,
        _ vector: VectorColumns,
        at range: SourceRange,
        _ grid: Grid
    ) -> [(SeriesHeader, Column)] {
        var answers = HistogramAnswers(family.header, grid.count)
        var histogram = ClassicHistogram()
        for step in 0..<grid.count {
            if !family.conflicts.isEmpty, family.conflicts[step >> 6] >> UInt64(step & 63) & 1 != 0 {
                continue
            }
            histogram.removeAll()
            for member in family.members where vector.columns[member.index].has(step) {
                histogram.add(bound: member.bound, count: vector.columns[member.index].values[step])
            }
            guard !histogram.isEmpty else { continue }
            switch question {
            case .quantile(let phi, let label):
                answers.set(step, histogram.quantile(phi[step]), label)
                if let forced = histogram.forced { note(forced, family.name, grid.time(step), at: range) }
            case .fraction(let lower, let upper):
                answers.set(step, histogram.fraction(lower[step], upper[step]), nil)
            }
        }
        return answers.columns
    }

    private func families(_ vector: VectorColumns, at range: SourceRange) -> [Family] {
        let selection = LabelSelection(dropping: ["le"])
        var rows: [[UInt8]: Int] = [:]
        var families: [Family] = []
        for index in vector.headers.indices where vector.columns[index].hasNumbers {
            let header = vector.headers[index]
            let le = header.labels["le"] ?? ""
            let name = delayedNameRemoval ? header.labels.metricName ?? "" : ""
            guard let bound = PromNumber.parse(le) else {
                annotations.warn(Notices.badBucketLabel(le, name), at: range)
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

/// The results for one histogram, one series for each text of the label they are told apart by.
private struct HistogramAnswers {
    private let header: SeriesHeader
    private let count: Int
    private var rows: [String: Int] = [:]
    private(set) var columns: [(SeriesHeader, Column)] = []

    init(_ header: SeriesHeader, _ count: Int) {
        self.header = header
        self.count = count
    }

    mutating func set(_ step: Int, _ value: Double, _ label: (name: String, texts: [String])?) {
        let text = label?.texts[step] ?? ""
        let row = rows[text] ?? columns.count
        if row == columns.count {
            rows[text] = row
            var header = header
            if let label { header.labels = header.labels.setting(label.name, text) }
            columns.append((header, Column(count: count)))
        }
        columns[row].1.set(step, value)
    }
}
