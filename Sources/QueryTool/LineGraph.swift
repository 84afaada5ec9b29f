// SPDX-License-Identifier: Apache-2.0
//
// Series as lines over time: values on the left axis, local times below, points joined where no step is missing.

internal import Glibc
internal import Samples

/// A graph of a few series.
struct LineGraph {
    /// Colours of series, as terminals number them; more series than this are not told apart.
    static let inks = [36, 33, 35, 32, 31, 34]

    private let series: [QueryAnswer.Series]
    private let from: Timestamp
    private let through: Timestamp
    private let step: Duration
    private let columns: Int
    private let rows: Int
    private let hasColors: Bool

    init(
        _ series: [QueryAnswer.Series],
        from: Timestamp,
        through: Timestamp,
        step: Duration,
        terminal: Terminal
    ) {
        self.series = series
        self.from = from
        self.through = through
        self.step = step
        columns = terminal.columns
        // Room for the axis, the query's line and the prompt.
        rows = min(max(6, terminal.rows - 8), 20)
        hasColors = terminal.hasColors
    }

    var lines: [String] {
        let axis = ValueAxis(
            series.flatMap { $0.points.compactMap(\.number).filter(\.isFinite) },
            ticks: max(2, rows / 3)
        )
        guard let axis else { return ["no numbers"] }
        let width = axis.labels.map { TextTable.width($0.text) }.max() ?? 0
        var canvas = BrailleCanvas(columns: max(10, columns - width - 3), rows: rows)
        for (index, series) in series.enumerated() {
            draw(series.points, axis, ink: LineGraph.inks[index % LineGraph.inks.count], on: &canvas)
        }
        var labels = [String?](repeating: nil, count: rows)
        for label in axis.labels {
            let place = (1 - axis.part(of: label.value)) * Double(rows - 1)
            labels[min(rows - 1, max(0, Int(place.rounded())))] = label.text
        }
        var lines: [String] = []
        for (row, label) in labels.enumerated() {
            let text = label ?? ""
            let blanks = String(repeating: " ", count: width - TextTable.width(text))
            lines.append(" " + blanks + text + (label == nil ? "│" : "┤") + painted(canvas.row(row)))
        }
        return lines + times(under: canvas.width / 2, indent: width + 1) + legend
    }

    private func draw(
        _ points: [QueryAnswer.Point],
        _ axis: ValueAxis,
        ink: Int,
        on canvas: inout BrailleCanvas
    ) {
        let span = Double(max(1, through.milliseconds - from.milliseconds))
        var previous: (place: (x: Int, y: Int), time: Timestamp)?
        for point in points {
            guard let number = point.number, number.isFinite else {
                previous = nil
                continue
            }
            let part = Double(point.time.milliseconds - from.milliseconds) / span
            guard part >= 0, part <= 1 else { continue }
            let place = (
                x: Int((part * Double(canvas.width - 1)).rounded()),
                y: Int(((1 - axis.part(of: number)) * Double(canvas.height - 1)).rounded())
            )
            let reach = step.milliseconds + step.milliseconds / 2
            if let previous, point.time.milliseconds - previous.time.milliseconds <= reach {
                canvas.line(from: previous.place, to: place, ink: ink)
            } else {
                canvas.set(place.x, place.y, ink: ink)
            }
            previous = (place, point.time)
        }
    }

    /// The characters, coloured where colours change.
    private func painted(_ row: [(character: Character, ink: Int)]) -> String {
        var text = ""
        var current = 0
        for (character, ink) in row {
            if hasColors, character != " ", ink != current {
                text += "\u{1b}[\(ink)m"
                current = ink
            }
            text.append(character)
        }
        if current != 0 { text += "\u{1b}[0m" }
        while text.last == " " { text.removeLast() }
        return text
    }

    // MARK: - Below

    private func times(under width: Int, indent: Int) -> [String] {
        let span = Duration.milliseconds(through.milliseconds - from.milliseconds)
        let sample = TimeText.short(from, span: span)
        let count = max(1, min(8, width / (TextTable.width(sample) + 6)))
        var ruler = [Character](repeating: "─", count: width)
        var labels = String(repeating: " ", count: indent)
        for index in 0...count {
            let place = index * (width - 1) / count
            ruler[place] = "┬"
            let distance = Double(through.milliseconds - from.milliseconds) * Double(index) / Double(count)
            let time = from.advanced(byMilliseconds: Int64(distance))
            let text = TimeText.short(time, span: span)
            // Centred below its mark, yet within the line.
            let start = min(max(indent, indent + 1 + place - text.count / 2), indent + width + 1 - text.count)
            guard start >= labels.count else { continue }
            labels += String(repeating: " ", count: start - labels.count) + text
        }
        return [String(repeating: " ", count: indent) + "└" + String(ruler), labels]
    }

    private var legend: [String] {
        series.enumerated().map { index, series in
            let ink = LineGraph.inks[index % LineGraph.inks.count]
            let mark = hasColors ? "\u{1b}[\(ink)m━\u{1b}[0m" : "━"
            let last = series.points.last?.number.map { "  \(ShortNumber.text($0))" } ?? ""
            return " \(mark) \(series.labels.pairs.isEmpty ? "{}" : series.labels.description)\(last)"
        }
    }
}

/// The axis of values: bounds and marks at round numbers.
struct ValueAxis {
    let labels: [(value: Double, text: String)]
    private let low: Double
    private let high: Double

    /// Nil without values.
    init?(_ values: [Double], ticks: Int) {
        guard var low = values.min(), var high = values.max() else { return nil }
        // A scale that begins at zero says more unless it hides the differences.
        if low > 0, low < (high - low) / 2 { low = 0 }
        if high < 0, -high < (high - low) / 2 { high = 0 }
        if low == high {
            let room = low == 0 ? 1 : low.magnitude / 10
            low -= room
            high += room
        }
        let unit = ValueAxis.roundUnit((high / Double(ticks)) - (low / Double(ticks)))
        let first = (low / unit).rounded(.down)
        let last = (high / unit).rounded(.up)
        guard unit > 0, unit.isFinite, last - first < 100, (last * unit).isFinite, (first * unit).isFinite
        else {
            self.low = low
            self.high = high
            labels = [(low, ShortNumber.text(low)), (high, ShortNumber.text(high))]
            return
        }
        self.low = first * unit
        self.high = last * unit
        labels = stride(from: first, through: last, by: 1).map { ($0 * unit, ShortNumber.text($0 * unit)) }
    }

    /// Where a value is, from 0 below to 1 above.
    func part(of value: Double) -> Double {
        let part = (value / 2 - low / 2) / (high / 2 - low / 2)
        return part.isFinite ? min(1, max(0, part)) : 0
    }

    /// 1, 2, 2.5 or 5 times a power of ten, at least `size`.
    private static func roundUnit(_ size: Double) -> Double {
        guard size > 0, size.isFinite else { return 1 }
        let power = pow(10, log10(size).rounded(.down))
        for factor in [1.0, 2, 2.5, 5] where factor * power >= size { return factor * power }
        return 10 * power
    }
}
