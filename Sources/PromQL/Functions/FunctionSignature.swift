// SPDX-License-Identifier: Apache-2.0
//
// Argument and result types of the functions of the language.

/// What the parser has to know of a function.
struct FunctionSignature: Sendable {
    let function: Function
    /// Types of the arguments; with `variadic` the last one may repeat or be left out.
    let arguments: [ValueType]
    /// Extra arguments beyond the required `arguments.count - 1`: 0 exactly `arguments.count`, negative any number.
    let variadic: Int
    let result: ValueType

    var name: String { function.rawValue }

    /// All functions by name.
    static let all: [String: FunctionSignature] = {
        var table: [String: FunctionSignature] = [:]
        func add(
            _ functions: [Function],
            _ arguments: [ValueType],
            _ variadic: Int = 0,
            _ result: ValueType = .vector
        ) {
            for function in functions {
                table[function.rawValue] = FunctionSignature(
                    function: function,
                    arguments: arguments,
                    variadic: variadic,
                    result: result
                )
            }
        }
        add(Function.elementwise, [.vector])
        add(Function.calendar, [.vector], 1)
        add(Function.overRange, [.matrix])
        add([.absent, .sort, .sortDesc, .timestamp], [.vector])
        add([.absentOverTime], [.matrix])
        add([.clamp], [.vector, .scalar, .scalar])
        add([.clampMin, .clampMax], [.vector, .scalar])
        add([.round], [.vector, .scalar], 1)
        add([.histogramQuantile], [.scalar, .vector])
        add([.histogramFraction], [.scalar, .scalar, .vector])
        add([.labelReplace], [.vector, .string, .string, .string, .string])
        add([.labelJoin], [.vector, .string, .string, .string], -1)
        add([.predictLinear], [.matrix, .scalar])
        add([.quantileOverTime], [.scalar, .matrix])
        add([.pi, .time], [], 0, .scalar)
        add([.scalar], [.vector], 0, .scalar)
        add([.vector], [.scalar])
        add(Function.ofHistograms, [.vector])
        add([.histogramQuantiles], [.vector, .string, .scalar, .scalar], 9)
        add([.doubleExponentialSmoothing], [.matrix, .scalar, .scalar])
        add([.info], [.vector, .vector], 1)
        add([.sortByLabel, .sortByLabelDesc], [.vector, .string], -1)
        add([.startTimestamp], [.vector])
        add([.start, .end, .range, .step], [], 0, .scalar)
        add([.minOf, .maxOf], [.scalar, .scalar], 0, .scalar)
        return table
    }()
}
