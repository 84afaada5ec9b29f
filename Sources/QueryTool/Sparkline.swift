// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// A series as one line of blocks.
enum Sparkline {
    private static let blocks = Array("▁▂▃▄▅▆▇█")

    /// One character for each part of the time; a blank where there is no value.
    static func text(_ points: [QueryAnswer.Point], from: Timestamp, through: Timestamp, width: Int) -> String
    {
        var cells = [(sum: Double, count: Int)](repeating: (0, 0), count: max(1, width))
        let span = Double(max(1, through.milliseconds - from.milliseconds))
        for point in points {
            guard let number = point.number, number.isFinite else { continue }
            let place = Double(point.time.milliseconds - from.milliseconds) / span * Double(cells.count - 1)
            guard let cell = Int(exactly: place.rounded()), cells.indices.contains(cell) else { continue }
            cells[cell].sum += number / Double(points.count)
            cells[cell].count += 1
        }
        let means = cells.map { $0.count == 0 ? nil : $0.sum / Double($0.count) * Double(points.count) }
        let known = means.compactMap(\.self)
        guard let low = known.min(), let high = known.max() else { return "" }
        return String(
            means.map { mean in
                guard let mean else { return " " }
                // Halved, so that the largest differences are no infinity.
                let part = high > low ? (mean / 2 - low / 2) / (high / 2 - low / 2) : 0
                return blocks[min(blocks.count - 1, max(0, Int(part * Double(blocks.count))))]
            }
        )
    }
}
