// SPDX-License-Identifier: Apache-2.0
//
// The summaries of a bundle's columns, a stream per property: numbers of like size side by side compress better than
// the rows of a table. Decimals are written as differences of their integers: first − min, max − min and max − last
// are never negative and small, and the sum is close to what minimum and maximum let expect.

internal import Bytes

/// Writes summaries; one call a column, in column order.
struct SummaryWriter {
    private enum Form {
        /// Added to the scale when the sum is not an integer under it.
        static let rawSum: UInt8 = 32
        static let raw: UInt8 = 255
    }

    private var counts: [UInt8] = []
    private var forms: [UInt8] = []
    private var bases: [UInt8] = []
    private var firsts: [UInt8] = []
    private var spans: [UInt8] = []
    private var lasts: [UInt8] = []
    private var sums: [UInt8] = []

    /// A column with rows without a value.
    mutating func append(missing: Int) {
        counts.append(varint: UInt64(missing))
    }

    /// A column whose values differ.
    mutating func append(_ values: [Double]) {
        let total = DecimalSum(values)
        let summary = BlockSummary(values, sums: total)
        let numbers = [summary.first, summary.min, summary.max, summary.last]
        guard let scale = total?.scale ?? SummaryScale.find(numbers) else {
            forms.append(Form.raw)
            let base = summary.first.bitPattern
            XORBytes.append(base, to: &bases)
            XORBytes.append(summary.min.bitPattern ^ base, to: &firsts)
            XORBytes.append(summary.max.bitPattern ^ base, to: &spans)
            XORBytes.append(summary.last.bitPattern ^ base, to: &lasts)
            XORBytes.append(summary.sum.bitPattern, to: &sums)
            return
        }
        let integers = numbers.map { SummaryScale.integer($0, scale) ?? 0 }
        let (first, min, max, last) = (integers[0], integers[1], integers[2], integers[3])
        bases.append(zigzag: min)
        firsts.append(varint: UInt64(bitPattern: first &- min))
        spans.append(varint: UInt64(bitPattern: max &- min))
        lasts.append(varint: UInt64(bitPattern: max &- last))
        if let total {
            forms.append(UInt8(scale))
            sums.append(zigzag: total.integer &- SummaryTable.expectedSum(min, max, summary.count))
        } else {
            forms.append(UInt8(scale) + Form.rawSum)
            XORBytes.append(summary.sum.bitPattern, to: &sums)
        }
    }

    func bytes() -> [UInt8] { counts + forms + bases + firsts + spans + lasts + sums }
}

/// Reads summaries back.
enum SummaryTable {
    /// The sum of `count` numbers spread evenly; wraps, on both sides alike.
    static func expectedSum(_ min: Int64, _ max: Int64, _ count: Int) -> Int64 {
        Int64(count) &* ((min >> 1) &+ (max >> 1))
    }

    /// The summaries of all columns of a bundle.
    static func read(
        _ bytes: [UInt8],
        _ blocks: BlockTable,
        _ windows: [SegmentWindow]
    ) throws(CorruptionError) -> [BlockSummary] {
        var reader = ByteReader(bytes)
        var result = [BlockSummary](repeating: BlockSummary(), count: blocks.flags.count)
        var coded: [Int] = []
        for window in windows {
            for column in Int(window.firstColumn)..<(Int(window.firstColumn) + Int(window.columns)) {
                let flags = blocks.flags[column]
                var count = Int(window.rows)
                if flags & BlockTable.Flag.states != 0 { count -= try reader.count(limit: count) }
                if flags & BlockTable.Flag.constant != 0 {
                    let value = Double(bitPattern: blocks.constants[column])
                    result[column] = BlockSummary(constant: value, count: count)
                } else {
                    result[column].count = count
                    coded.append(column)
                }
            }
        }
        let forms = Array(try reader.take(coded.count))
        for (index, column) in coded.enumerated() {
            result[column].first = try number(&reader, forms[index])
        }
        try readNumbers(&reader, forms, coded, into: &result)
        return result
    }

    private static func readNumbers(
        _ reader: inout ByteReader,
        _ forms: [UInt8],
        _ coded: [Int],
        into result: inout [BlockSummary]
    ) throws(CorruptionError) {
        // While integers are put together, `first` and the others hold their bits.
        var integers = [Int64](repeating: 0, count: coded.count * 4)
        for (index, column) in coded.enumerated() {
            integers[index * 4] = Int64(bitPattern: result[column].first.bitPattern)
        }
        for property in 1...3 {
            for index in coded.indices {
                let base = integers[index * 4]
                if forms[index] == 255 {
                    let bits = UInt64(bitPattern: base) ^ (try XORBytes.read(&reader))
                    integers[index * 4 + property] = Int64(bitPattern: bits)
                } else {
                    let difference = Int64(bitPattern: try reader.varint())
                    let from = property == 3 ? integers[index * 4 + 2] : base
                    integers[index * 4 + property] = property == 3 ? from &- difference : from &+ difference
                }
            }
        }
        for (index, column) in coded.enumerated() {
            let numbers = integers[(index * 4)..<(index * 4 + 4)].map { $0 }
            guard forms[index] != 255 else {
                result[column].first = Double(bitPattern: UInt64(bitPattern: numbers[0]))
                result[column].min = Double(bitPattern: UInt64(bitPattern: numbers[1]))
                result[column].max = Double(bitPattern: UInt64(bitPattern: numbers[2]))
                result[column].last = Double(bitPattern: UInt64(bitPattern: numbers[3]))
                result[column].sum = Double(bitPattern: try XORBytes.read(&reader))
                continue
            }
            let scale = Int(forms[index] & 31)
            result[column].min = SummaryScale.value(numbers[0], scale)
            result[column].first = SummaryScale.value(numbers[1], scale)
            result[column].max = SummaryScale.value(numbers[2], scale)
            result[column].last = SummaryScale.value(numbers[3], scale)
            if forms[index] >= 32 {
                result[column].sum = Double(bitPattern: try XORBytes.read(&reader))
            } else {
                let expected = expectedSum(numbers[0], numbers[2], result[column].count)
                result[column].sum = SummaryScale.value(try reader.zigzag() &+ expected, scale)
            }
        }
    }

    private static func number(_ reader: inout ByteReader, _ form: UInt8) throws(CorruptionError) -> Double {
        if form == 255 { return Double(bitPattern: try XORBytes.read(&reader)) }
        guard SummaryScale.isKnown(Int(form & 31)), form < 64 else {
            throw CorruptionError("a form of summary", at: reader.offset)
        }
        return Double(bitPattern: UInt64(bitPattern: try reader.zigzag()))
    }
}
