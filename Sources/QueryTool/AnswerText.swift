// SPDX-License-Identifier: Apache-2.0
//
// Answers for people: tables as wide as the terminal allows, graphs, and CSV (RFC 4180) for spreadsheets.

public import Samples

/// Lays answers out.
public struct AnswerText: Sendable {
    /// When a range was asked for.
    public struct Span: Sendable {
        let from: Timestamp
        let through: Timestamp
        let step: Duration

        /// Creates a span.
        public init(from: Timestamp, through: Timestamp, step: Duration) {
            self.from = from
            self.through = through
            self.step = step
        }
    }

    private let terminal: Terminal

    /// Creates a layout for a terminal.
    public init(_ terminal: Terminal) { self.terminal = terminal }

    // MARK: - Tables

    /// A table: of an instant a line for each series, of a range a line for each time.
    public func table(_ answer: QueryAnswer) -> [String] {
        if answer.isRange { return range(answer.series) }
        if answer.series.count == 1, answer.series[0].labels.pairs.isEmpty {
            return answer.series[0].points.map {
                "\(AnswerText.visible($0.text))  \(TimeText.local($0.time))"
            }
        }
        let values = answer.series.map { [$0.points.first?.text ?? ""] }
        return labelled(answer.series.map(\.labels), values, headers: ["value"])
    }

    /// A table of label sets, a column for each name.
    public func table(_ series: [Labels]) -> [String] {
        labelled(series, series.map { _ in [] }, headers: [])
    }

    /// Columns of labels, or the series as one text where that is too wide, with further columns behind.
    private func labelled(_ series: [Labels], _ cells: [[String]], headers: [String]) -> [String] {
        let names = AnswerText.names(of: series)
        let titles = names.map { $0 == Labels.metricNameLabel ? "metric" : AnswerText.visible($0) }
        var rows = [titles + headers]
        for (labels, cells) in zip(series, cells) {
            rows.append(names.map { AnswerText.visible(labels[$0] ?? "") } + cells)
        }
        let table = TextTable(
            rows,
            rightAligned: Set(names.count..<names.count + headers.count),
            gap: 2
        ).lines
        if !terminal.isTerminal || fits(table) { return table }
        let texts = zip(series, cells).map { [AnswerText.text($0)] + $1 }
        return TextTable([["series"] + headers] + texts, rightAligned: Set(1..<1 + headers.count), gap: 2)
            .lines
    }

    /// A column for each series where they fit, else one series below the other.
    private func range(_ series: [QueryAnswer.Series]) -> [String] {
        let times = Set(series.flatMap { $0.points.map(\.time) }).sorted()
        let columns = series.map { series in
            Dictionary(series.points.map { ($0.time, $0.text) }, uniquingKeysWith: { $1 })
        }
        if series.count <= 50 {
            let (headline, texts) = AnswerText.apart(series.map(\.labels))
            var rows = [["time"] + texts]
            for time in times {
                rows.append([TimeText.local(time)] + columns.map { $0[time] ?? "" })
            }
            let table = TextTable(rows, rightAligned: Set(1..<1 + series.count), gap: 2).lines
            if fits(table) { return headline + table }
        }
        return series.flatMap { series in
            let rows = series.points.map { ["", TimeText.local($0.time), $0.text] }
            return [AnswerText.text(series.labels)] + TextTable(rows, rightAligned: [2], gap: 2).lines
        }
    }

    /// A list, a line for each text.
    public static func list(_ texts: [String]) -> [String] { texts.map(visible) }

    /// The text, in quotes and escaped where something in it does not print; what sources send must not steer a terminal.
    public static func visible(_ text: String) -> String {
        let isPrinted = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
        return isPrinted ? text : Labels.quoted(text)
    }

    private func fits(_ lines: [String]) -> Bool {
        lines.allSatisfy { TextTable.width($0) <= terminal.columns }
    }

    /// All label names of some series, that of the metric first.
    private static func names(of series: [Labels]) -> [String] {
        let names = Set(series.flatMap { $0.pairs.map(\.name) })
        return names.sorted { left, right in
            if left == Labels.metricNameLabel || right == Labels.metricNameLabel {
                return left == Labels.metricNameLabel && right != left
            }
            return left < right
        }
    }

    private static func text(_ labels: Labels) -> String { labels.pairs.isEmpty ? "{}" : labels.description }

    /// What all of several series have in common, as a line, and what tells them apart.
    private static func apart(_ series: [Labels]) -> (headline: [String], texts: [String]) {
        guard series.count > 1, let first = series.first else { return ([], series.map(text)) }
        let common = first.pairs.filter { pair in series.allSatisfy { $0[pair.name] == pair.value } }
        guard !common.isEmpty else { return ([], series.map(text)) }
        let names = common.map(\.name)
        return (
            [text(Labels(common.map { (name: $0.name, value: $0.value) }))],
            series.map { text($0.dropping(names)) }
        )
    }

    // MARK: - Graphs

    /// A line graph; of more series than can be told apart a line of blocks each; of an instant bars.
    public func graph(_ answer: QueryAnswer, _ span: Span?) -> [String] {
        guard let span, answer.isRange else { return bars(answer.series) }
        if answer.series.count == 1 || terminal.hasColors && answer.series.count <= LineGraph.inks.count {
            return LineGraph(
                answer.series,
                from: span.from,
                through: span.through,
                step: span.step,
                terminal: terminal
            ).lines
        }
        return sparklines(answer.series, span)
    }

    private func sparklines(_ series: [QueryAnswer.Series], _ span: Span) -> [String] {
        var rows = [["series", "min", "max", "last", ""]]
        let half = max(10, terminal.columns / 2)
        let (headline, texts) = AnswerText.apart(series.map(\.labels))
        for (series, text) in zip(series, texts) {
            let numbers = series.points.compactMap(\.number).filter { !$0.isNaN }
            let summary = [numbers.min(), numbers.max(), series.points.last?.number]
            rows.append(
                [cut(text, to: half)]
                    + summary.map { $0.map(ShortNumber.text) ?? "" }
            )
        }
        let left = TextTable(rows, rightAligned: [1, 2, 3], gap: 2).lines
        let used = left.map { TextTable.width($0) }.max() ?? 0
        let width = max(10, terminal.columns - used - 2)
        return headline
            + left.enumerated().map { index, line in
                guard index > 0 else { return line }
                let points = series[index - 1].points
                let blanks = String(repeating: " ", count: used + 2 - TextTable.width(line))
                let spark = Sparkline.text(points, from: span.from, through: span.through, width: width)
                return spark.isEmpty ? line : line + blanks + spark
            }
    }

    /// A bar for each series, from zero.
    private func bars(_ series: [QueryAnswer.Series]) -> [String] {
        let numbers = series.map { $0.points.first?.number }
        let largest = numbers.compactMap { $0?.magnitude }.filter(\.isFinite).max() ?? 0
        let (headline, texts) = AnswerText.apart(series.map(\.labels))
        let rows = zip(series, texts).map { series, text in
            [cut(text, to: max(10, terminal.columns / 2)), series.points.first?.text ?? ""]
        }
        let left = TextTable(rows, rightAligned: [1], gap: 2).lines
        let used = left.map { TextTable.width($0) }.max() ?? 0
        let width = max(10, terminal.columns - used - 2)
        return headline
            + zip(left, numbers).map { line, number in
                guard let number, number.isFinite, number != 0 else { return line }
                let eighths = Int((number.magnitude / largest * Double(width * 8)).rounded())
                let bar = String(repeating: "█", count: eighths / 8)
                let rest = eighths % 8 == 0 ? "" : String(Array("▏▎▍▌▋▊▉")[eighths % 8 - 1])
                return line + String(repeating: " ", count: used + 2 - TextTable.width(line)) + bar + rest
            }
    }

    private func cut(_ text: String, to width: Int) -> String {
        TextTable.width(text) <= width ? text : String(text.prefix(width - 1)) + "…"
    }

    // MARK: - CSV

    /// A line for each value: labels, time in UTC, value.
    public static func csv(_ answer: QueryAnswer) -> [String] {
        let names = names(of: answer.series.map(\.labels))
        var lines = [line(names + ["timestamp", "value"])]
        for series in answer.series {
            let labels = names.map { series.labels[$0] ?? "" }
            for point in series.points {
                lines.append(line(labels + [TimeText.utc(point.time), point.text]))
            }
        }
        return lines
    }

    /// A line for each label set.
    public static func csv(_ series: [Labels]) -> [String] {
        let names = names(of: series)
        return [line(names)] + series.map { labels in line(names.map { labels[$0] ?? "" }) }
    }

    /// Cells with a comma, a quote or a line end are quoted.
    public static func line(_ cells: [String]) -> String {
        cells.map { cell in
            guard cell.unicodeScalars.contains(where: { ",\"\n\r".unicodeScalars.contains($0) }) else {
                return cell
            }
            return "\""
                + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
                + "\""
        }.joined(separator: ",")
    }
}
