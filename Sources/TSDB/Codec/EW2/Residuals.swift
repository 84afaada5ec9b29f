// SPDX-License-Identifier: Apache-2.0
//
// Predictions of a column and what they leave. Every residual is invertible modulo 2^64, so no column is refused
// and none needs a check for overflow.

internal import Bytes

/// How residuals come from integers; the raw values are those on disk.
enum ResidualKind: UInt8 {
    /// v[i] − base.
    case offset = 0
    /// v[i] − v[i−1]; base is v[0].
    case delta = 1
    /// v[i] − v[i−1] − step; base is v[0].
    case shiftedDelta = 2
    /// The differences of differences; base is v[0], step is v[1] − v[0].
    case secondDelta = 3
    /// |v[i]| − base with the sign of v[i]; every |v[i]| is above base, unless that is zero.
    case signMagnitude = 4
    /// The place of v[i] in a sorted list.
    case dictionary = 5

    /// How many values of the column have no residual.
    var lead: Int {
        switch self {
        case .offset, .signMagnitude, .dictionary: 0
        case .delta, .shiftedDelta: 1
        case .secondDelta: 2
        }
    }

    /// Whether a step follows the base.
    var hasStep: Bool { self == .shiftedDelta || self == .secondDelta }
}

/// A prediction with its parameters.
struct Residual: Equatable {
    var kind: ResidualKind
    var base: Int64
    var step: Int64 = 0

    /// Puts the residuals of the values into the array; not for dictionaries.
    func apply(to values: [Int64], into out: inout [Int64]) {
        out.removeAll(keepingCapacity: true)
        out.append(contentsOf: repeatElement(0, count: max(0, values.count - kind.lead)))
        var residuals = out.mutableSpan
        switch kind {
        case .offset, .dictionary:
            for index in values.indices { residuals[index] = values[index] &- base }
        case .delta, .shiftedDelta:
            for index in residuals.indices {
                residuals[index] = values[index + 1] &- values[index] &- step
            }
        case .secondDelta:
            for index in residuals.indices {
                let before = values[index + 1] &- values[index]
                residuals[index] = values[index + 2] &- values[index + 1] &- before
            }
        case .signMagnitude:
            for index in values.indices {
                let value = values[index]
                residuals[index] = value < 0 ? value &+ base : value &- base
            }
        }
    }

    /// Turns residuals, which begin at index `kind.lead`, into the values they came from; not for dictionaries.
    func invert(_ values: inout MutableSpan<Int64>) {
        switch kind {
        case .offset, .dictionary:
            for index in values.indices { values[index] = values[index] &+ base }
        case .delta, .shiftedDelta:
            values[0] = base
            var sum = base
            for index in 1..<values.count {
                sum = sum &+ values[index] &+ step
                values[index] = sum
            }
        case .secondDelta:
            values[0] = base
            values[1] = base &+ step
            var sum = base &+ step
            var slope = step
            for index in 2..<values.count {
                slope = slope &+ values[index]
                sum = sum &+ slope
                values[index] = sum
            }
        case .signMagnitude:
            for index in values.indices {
                let value = values[index]
                values[index] = value < 0 ? value &- base : value &+ base
            }
        }
    }
}
