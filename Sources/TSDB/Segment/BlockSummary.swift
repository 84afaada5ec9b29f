// SPDX-License-Identifier: Apache-2.0
//
// What a block says of itself without being decoded: count, first, min, max, last, sum.

internal import Bytes

/// Aggregates of the values of one block; stale markers are no values, NaN is not ordered.
struct BlockSummary: Sendable, Equatable {
    var count = 0
    var first = 0.0
    var min = 0.0
    var max = 0.0
    var last = 0.0
    /// Of decimals the sum of their integers, rounded once; of others added up in row order.
    var sum = 0.0

    init() {}

    /// Looks at all values.
    init(_ values: [Double]) {
        self.init(values, sums: DecimalSum(values))
    }

    init(_ values: [Double], sums: DecimalSum?) {
        count = values.count
        guard let first = values.first, let last = values.last else { return }
        self.first = first
        self.last = last
        min = .nan
        max = .nan
        for value in values {
            if !(min <= value) { min = value.isNaN ? min : value }
            if !(max >= value) { max = value.isNaN ? max : value }
        }
        sum = sums?.value ?? values.reduce(0, +)
    }

    /// The aggregates of one value that comes `count` times.
    init(constant value: Double, count: Int) {
        self.count = count
        guard count > 0 else { return }
        (first, min, max, last) = (value, value, value, value)
        sum = value * Double(count)
    }

    /// Equal bit for bit.
    static func == (left: BlockSummary, right: BlockSummary) -> Bool {
        left.count == right.count && left.first.bitPattern == right.first.bitPattern
            && left.min.bitPattern == right.min.bitPattern && left.max.bitPattern == right.max.bitPattern
            && left.last.bitPattern == right.last.bitPattern && left.sum.bitPattern == right.sum.bitPattern
    }
}

/// How an integer stands for a double: divided by a power of ten, or, as drivers do that scale registers, multiplied
/// by one.
enum SummaryScale {
    /// Added to the exponent of a power that is multiplied by.
    static let product = 16
    private static let products = 1...9

    static func isKnown(_ scale: Int) -> Bool {
        scale <= Decimal.exponentLimit || products.contains(scale - product)
    }

    static func value(_ integer: Int64, _ scale: Int) -> Double {
        scale < product
            ? Decimal.value(integer, exponent: scale)
            : Double(integer) * Decimal.value(1, exponent: scale - product)
    }

    /// The integer that stands for a value bit for bit, nil when there is none.
    static func integer(_ value: Double, _ scale: Int) -> Int64? {
        guard scale >= product else { return Decimal.mantissa(value, exponent: scale) }
        let factor = Decimal.value(1, exponent: scale - product)
        guard let integer = Decimal.mantissa((value / factor).rounded(), exponent: 0) else { return nil }
        return (Double(integer) * factor).bitPattern == value.bitPattern ? integer : nil
    }

    /// The scale under which all values are integers, nil when there is none.
    static func find(_ values: [Double]) -> Int? {
        var exponent = 0
        for value in values {
            guard let found = Decimal.exponent(value, from: exponent) else { return findProduct(values) }
            exponent = found
        }
        // A larger exponent can push an earlier value past 2^53.
        return values.allSatisfy { Decimal.mantissa($0, exponent: exponent) != nil } ? exponent : nil
    }

    private static func findProduct(_ values: [Double]) -> Int? {
        products.map { $0 + product }.first { scale in values.allSatisfy { integer($0, scale) != nil } }
    }
}

/// The sum of values that are integers under one scale, as an integer.
struct DecimalSum: Sendable {
    let scale: Int
    let integer: Int64

    var value: Double { SummaryScale.value(integer, scale) }

    /// Nil when the values have no common scale, or their sum is out of range.
    init?(_ values: [Double]) {
        guard let scale = SummaryScale.find(values) else { return nil }
        var total: Int64 = 0
        for value in values {
            guard let integer = SummaryScale.integer(value, scale) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(integer)
            guard !overflow else { return nil }
            total = sum
        }
        self.scale = scale
        integer = total
    }
}
