// SPDX-License-Identifier: Apache-2.0
//
// What a block says of itself without being decoded: codec, count, first, min, max, last, sum. Kept in a directory
// section of its own, so that reading values does not pay for it.

internal import Bytes

/// Aggregates of the values of one block; stale markers are no values, NaN is not ordered.
struct BlockSummary: Sendable, Equatable {
    var codec: UInt8 = 0
    var count = 0
    var first = 0.0
    var min = 0.0
    var max = 0.0
    var last = 0.0
    var sum = 0.0

    init() {}

    /// Looks at all values once.
    init(_ values: [Double], codec: UInt8) {
        self.codec = codec
        count = values.count
        guard let first = values.first, let last = values.last else { return }
        self.first = first
        self.last = last
        min = .nan
        max = .nan
        for value in values {
            if !(min <= value) { min = value.isNaN ? min : value }
            if !(max >= value) { max = value.isNaN ? max : value }
            sum += value
        }
    }

    /// Five numbers as integers over one power of ten where that is exact, as bits where not.
    func append(to out: inout [UInt8]) {
        out.append(codec)
        out.append(varint: UInt64(count))
        guard count > 0 else { return }
        let numbers = [first, min, max, last]
        if let exponent = BlockSummary.exponent(numbers) {
            out.append(UInt8(exponent))
            let mantissas = numbers.map { Decimal.mantissa($0, exponent: exponent) ?? 0 }
            out.append(zigzag: mantissas[0])
            for mantissa in mantissas.dropFirst() { out.append(zigzag: mantissa - mantissas[0]) }
        } else {
            out.append(BlockSummary.rawForm)
            for number in numbers { out.append(double: number) }
        }
        if let total = Decimal.mantissa(sum, exponent: 0) {
            out.append(0)
            out.append(zigzag: total)
        } else {
            out.append(1)
            out.append(double: sum)
        }
    }

    static func read(_ reader: inout ByteReader) throws(CorruptionError) -> BlockSummary {
        var summary = BlockSummary()
        summary.codec = try reader.byte()
        summary.count = try reader.count(limit: IntegerColumn.countLimit)
        guard summary.count > 0 else { return summary }
        let place = reader.offset
        let form = try reader.byte()
        var numbers: [Double] = []
        if form == rawForm {
            for _ in 0..<4 { numbers.append(try reader.double()) }
        } else {
            guard Int(form) <= Decimal.exponentLimit else {
                throw CorruptionError("a form of summary", at: place)
            }
            let first = try reader.zigzag()
            numbers.append(Decimal.value(first, exponent: Int(form)))
            for _ in 0..<3 {
                numbers.append(Decimal.value(first &+ (try reader.zigzag()), exponent: Int(form)))
            }
        }
        (summary.first, summary.min, summary.max, summary.last) = (
            numbers[0], numbers[1], numbers[2], numbers[3]
        )
        summary.sum = try reader.byte() == 0 ? Double(try reader.zigzag()) : try reader.double()
        return summary
    }

    private static let rawForm: UInt8 = 255

    private static func exponent(_ numbers: [Double]) -> Int? {
        var exponent = 0
        for number in numbers {
            guard let found = Decimal.exponent(number, from: exponent) else { return nil }
            exponent = found
        }
        return numbers.allSatisfy { Decimal.mantissa($0, exponent: exponent) != nil } ? exponent : nil
    }
}
