// SPDX-License-Identifier: Apache-2.0
//
// The values of one series' rows: last, first, min, max, fallen and sum. Of most series most of these follow from the
// others (a counter that did not restart has its first value as minimum, its last as maximum and fell nowhere), so a
// column is written as its difference from what it is expected to be, or not at all when it is exactly that.
// docs/formats/tier.md draws the bytes. Bit for bit exact: a difference that does not give the value back is not used.

internal import Bytes
internal import Samples

/// The coding of one series' rows within a span.
struct TierBlock {
    /// How a column is written.
    private enum Form {
        static let asExpected: UInt8 = 0
        static let values: UInt8 = 1
        static let differences: UInt8 = 2
    }

    private var columns = Columns()
    private var buffer: [Double] = []
    private var plain: [UInt8] = []
    private var different: [UInt8] = []

    /// Appends a block; the reader must know the shape.
    mutating func append(_ rows: [CoarseRow], to out: inout [UInt8], _ encoder: inout BlockEncoder) {
        columns.fill(rows)
        if !columns.last.isEmpty { encoder.append(columns.last, effort: .segment, to: &out) }
        append(columns.first, expected: Columns.expectedFirst(columns.last), to: &out, &encoder)
        append(columns.min, expected: columns.expected(Swift.min), to: &out, &encoder)
        append(columns.max, expected: columns.expected(Swift.max), to: &out, &encoder)
        append(columns.fallen, expected: columns.last.map { _ in 0 }, to: &out, &encoder)
        append(columns.sum, expected: columns.expectedSum(), to: &out, &encoder)
    }

    private mutating func append(
        _ values: [Double],
        expected: [Double],
        to out: inout [UInt8],
        _ encoder: inout BlockEncoder
    ) {
        guard !values.isEmpty else { return }
        if values.indices.allSatisfy({ values[$0].bitPattern == expected[$0].bitPattern }) {
            out.append(Form.asExpected)
            return
        }
        plain.removeAll(keepingCapacity: true)
        encoder.append(values, effort: .segment, to: &plain)
        buffer.removeAll(keepingCapacity: true)
        for index in values.indices {
            let difference = values[index] - expected[index]
            // What adding NaN gives bit for bit is the processor's choice.
            guard !difference.isNaN, (expected[index] + difference).bitPattern == values[index].bitPattern
            else { break }
            buffer.append(difference)
        }
        if buffer.count == values.count {
            different.removeAll(keepingCapacity: true)
            encoder.append(buffer, effort: .segment, to: &different)
            if different.count < plain.count {
                out.append(Form.differences)
                out += different
                return
            }
        }
        out.append(Form.values)
        out += plain
    }

    /// Appends the rows of a block.
    mutating func read(
        _ reader: inout ByteReader,
        _ shape: TierShape,
        _ span: TierSpan,
        resolution: Int64,
        _ decoder: inout BlockDecoder,
        into rows: inout [CoarseRow]
    ) throws(CorruptionError) {
        let count = shape.counts.count
        columns.counts = shape.counts
        columns.last = []
        if count > 0 { columns.last = try TierBlock.values(count, &reader, &decoder) }
        columns.first = try column(&reader, Columns.expectedFirst(columns.last), &decoder)
        columns.min = try column(&reader, columns.expected(Swift.min), &decoder)
        columns.max = try column(&reader, columns.expected(Swift.max), &decoder)
        columns.fallen = try column(&reader, columns.last.map { _ in 0 }, &decoder)
        columns.sum = try column(&reader, columns.expectedSum(), &decoder)
        var next = 0
        for (place, state) in shape.states.enumerated() where state != TierShape.State.absent {
            let end = span.from + Int64(place + 1) * resolution
            guard state != TierShape.State.end else {
                rows.append(CoarseRow(end: end, summary: nil, isEnded: true))
                continue
            }
            let summary = columns.summary(next, shape, end: end, resolution: resolution)
            rows.append(
                CoarseRow(end: end, summary: summary, isEnded: state == TierShape.State.rowsAndEnd)
            )
            next += 1
        }
    }

    private func column(
        _ reader: inout ByteReader,
        _ expected: [Double],
        _ decoder: inout BlockDecoder
    ) throws(CorruptionError) -> [Double] {
        guard !expected.isEmpty else { return [] }
        let place = reader.offset
        switch try reader.byte() {
        case Form.asExpected: return expected
        case Form.values: return try TierBlock.values(expected.count, &reader, &decoder)
        case Form.differences:
            var values = try TierBlock.values(expected.count, &reader, &decoder)
            for index in values.indices { values[index] = expected[index] + values[index] }
            return values
        default: throw CorruptionError("a form of a tier's column", at: place)
        }
    }

    private static func values(
        _ count: Int,
        _ reader: inout ByteReader,
        _ decoder: inout BlockDecoder
    ) throws(CorruptionError) -> [Double] {
        var values = [Double](repeating: 0, count: count)
        var span = values.mutableSpan
        try decoder.read(&reader, into: &span)
        return values
    }
}

/// The rows with samples, a column per property.
private struct Columns {
    var counts: [Int64] = []
    var last: [Double] = []
    var first: [Double] = []
    var min: [Double] = []
    var max: [Double] = []
    var fallen: [Double] = []
    var sum: [Double] = []

    mutating func fill(_ rows: [CoarseRow]) {
        self = Columns()
        for row in rows {
            guard let summary = row.summary else { continue }
            counts.append(Int64(summary.count))
            last.append(summary.last)
            first.append(summary.first)
            min.append(summary.min)
            max.append(summary.max)
            fallen.append(summary.fallen)
            sum.append(summary.sum)
        }
    }

    /// A window begins about where the one before ended.
    static func expectedFirst(_ last: [Double]) -> [Double] {
        guard let value = last.first else { return [] }
        return [value] + last.dropLast()
    }

    /// The extremes of a window that only rises or only falls are at its ends.
    func expected(_ extreme: (Double, Double) -> Double) -> [Double] {
        last.indices.map { extreme(first[$0], last[$0]) }
    }

    /// As if the last value had been there all the time.
    func expectedSum() -> [Double] {
        last.indices.map { Double(counts[$0]) * last[$0] }
    }

    func summary(_ index: Int, _ shape: TierShape, end: Int64, resolution: Int64) -> SampleSummary {
        var summary = SampleSummary(time: end - resolution + shape.leads[index], value: first[index])
        summary.count = Int(shape.counts[index])
        summary.lastTime = end - shape.lags[index]
        summary.last = last[index]
        summary.min = min[index]
        summary.max = max[index]
        summary.fallen = fallen[index]
        summary.sum = sum[index]
        return summary
    }
}
