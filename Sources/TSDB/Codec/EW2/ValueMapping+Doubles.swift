// SPDX-License-Identifier: Apache-2.0
//
// From integers back to doubles: one loop per mapping, nothing in it that depends on the values, so that the compiler
// can do several at once.

extension ValueMapping {
    /// Fills the doubles from as many integers; `corrections` belong to `corrected` only.
    func apply(
        to integers: Span<Int64>,
        corrections: Span<Int64>,
        into values: inout MutableSpan<Double>
    ) {
        let count = values.count
        precondition(integers.count == count, "a mapping turns each integer into one double")
        // Rule for the loops: index < count, and integers has count elements.
        switch self {
        case .raw: break
        case .signedBits:
            for index in 0..<count {
                let integer = unsafe integers[unchecked: index]
                unsafe values[unchecked: index] = DoubleBits.fromSigned(integer)
            }
        case .orderedBits:
            for index in 0..<count {
                let integer = unsafe integers[unchecked: index]
                unsafe values[unchecked: index] = DoubleBits.fromOrdered(integer)
            }
        case .scale(let factor):
            multiply(integers, by: factor, into: &values)
        case .quotient(0):
            for index in 0..<count {
                unsafe values[unchecked: index] = Double(integers[unchecked: index])
            }
        case .quotient(let exponent):
            let divisor = PowersOfTen.positive[exponent]
            for index in 0..<count {
                unsafe values[unchecked: index] = Double(integers[unchecked: index]) / divisor
            }
        case .product(let exponent):
            multiply(integers, by: PowersOfTen.negative[exponent], into: &values)
        case .corrected(let exponent):
            let divisor = PowersOfTen.positive[exponent]
            for index in 0..<count {
                let quotient = Double(integers[index]) / divisor
                values[index] = DoubleBits.fromSigned(DoubleBits.signed(quotient) &+ corrections[index])
            }
        }
    }

    private func multiply(_ integers: Span<Int64>, by factor: Double, into values: inout MutableSpan<Double>)
    {
        for index in 0..<values.count {
            unsafe values[unchecked: index] = Double(integers[unchecked: index]) * factor
        }
    }
}
