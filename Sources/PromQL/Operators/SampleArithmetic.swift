// SPDX-License-Identifier: Apache-2.0
//
// Binary operators on samples of either kind. What is not defined for two kinds has no result; that is no error, the
// answer says so in an info.

internal import Samples

/// What there is to say about a binary operator's operands.
enum BinaryNote: Hashable {
    case incompatibleTypes(left: Bool, right: Bool)
    case incompatibleBuckets
    case resetsCollide(HistogramOperation)
    case boundsReconciled(HistogramOperation)
}

/// What an operator makes of two samples.
enum SampleArithmetic {
    /// The result; nil when there is none.
    ///
    /// A comparison yields the left operand, or with `returnsBool` 1 or 0.
    static func apply(
        _ op: BinaryOperator,
        _ left: SampleValue,
        _ right: SampleValue,
        returnsBool: Bool,
        _ notes: inout Set<BinaryNote>
    ) -> SampleValue? {
        switch (left, right) {
        case (.number(let first), .number(let second)) where !op.isTrim:
            guard op.isComparison else { return .number(BinaryArithmetic.apply(op, first, second)) }
            let holds = BinaryArithmetic.holds(op, first, second)
            if returnsBool { return .number(holds ? 1 : 0) }
            return holds ? left : nil
        case (.number(let factor), .histogram(let histogram)) where op == .multiply:
            return .histogram(histogram.scaled(by: factor))
        case (.histogram(let histogram), .number(let number)):
            switch op {
            case .multiply: return .histogram(histogram.scaled(by: number))
            case .divide: return .histogram(histogram.divided(by: number))
            case .trimUpper: return .histogram(histogram.trimmed(at: number, keepsLower: true))
            case .trimLower: return .histogram(histogram.trimmed(at: number, keepsLower: false))
            default: break
            }
        case (.histogram(let first), .histogram(let second)):
            switch op {
            case .add, .subtract: return combine(op, first, second, &notes)
            case .equal, .notEqual:
                let holds = first.isSame(as: second) == (op == .equal)
                if returnsBool { return .number(holds ? 1 : 0) }
                return holds ? left : nil
            default: break
            }
        default: break
        }
        notes.insert(.incompatibleTypes(left: left.isHistogram, right: right.isHistogram))
        return nil
    }

    private static func combine(
        _ op: BinaryOperator,
        _ left: NativeHistogram,
        _ right: NativeHistogram,
        _ notes: inout Set<BinaryNote>
    ) -> SampleValue? {
        let operation: HistogramOperation = op == .add ? .addition : .subtraction
        var sum = HistogramSum(left)
        do throws(MixedSchemas) {
            let remarks = op == .add ? try sum.add(right) : try sum.subtract(right)
            if remarks.contains(.resetsCollide) { notes.insert(.resetsCollide(operation)) }
            if remarks.contains(.boundsReconciled) { notes.insert(.boundsReconciled(operation)) }
        } catch {
            notes.insert(.incompatibleBuckets)
            return nil
        }
        return .histogram(op == .add ? sum.value : sum.value.hinting(.gauge))
    }
}

extension Column {
    /// Computes a function of native histograms; numbers have none.
    mutating func reduceHistograms(_ function: Function) {
        let found = histograms
        removeAll()
        for step in found.indices {
            guard let histogram = found[step] else { continue }
            switch function {
            case .histogramCount: set(step, histogram.count)
            case .histogramSum: set(step, histogram.sum)
            case .histogramAvg: set(step, histogram.sum / histogram.count)
            case .histogramStddev: set(step, histogram.variance.squareRoot())
            default: set(step, histogram.variance)
            }
        }
    }
}

extension Evaluator {
    /// Annotates the answer with what there is to say about operands.
    func report(_ notes: Set<BinaryNote>, _ binary: Binary) {
        for note in notes {
            switch note {
            case .incompatibleTypes(let left, let right):
                annotations.inform(Notices.incompatibleTypes(binary.op, left, right), at: binary.range)
            case .incompatibleBuckets:
                annotations.warn(Notices.incompatibleBuckets(binary.op), at: binary.range)
            case .resetsCollide(let operation):
                annotations.warn(Notices.resetsCollide(operation), at: binary.range)
            case .boundsReconciled(let operation):
                annotations.inform(Notices.boundsReconciled(operation), at: binary.range)
            }
        }
    }
}
