// SPDX-License-Identifier: Apache-2.0
//
// sort, sort_desc, sort_by_label and sort_by_label_desc: the order of an instant query's answer. Answers of range queries
// are ordered by labels whatever a query says.

internal import Samples

extension Evaluator {
    func streamSorted(_ call: Call, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let function = call.function.function
        let byValue = function == .sort || function == .sortDesc
        guard grid.count == 1 else {
            annotations.warn(Notices.sortInRangeQuery, at: call.range)
            return try stream(call.arguments[0], grid) { (header, column: inout Column) throws(QueryError) in
                if byValue { column.removeHistograms() }
                if !column.isEmpty { try body(header, &column) }
            }
        }
        let vector = try collect(call.arguments[0], grid)
        var order = vector.headers.indices.filter { !byValue || vector.columns[$0].hasNumbers }
        if byValue {
            let isDescending = function == .sortDesc
            order.sort { left, right in
                let (first, second) = (vector.columns[left].values[0], vector.columns[right].values[0])
                if first.isNaN || second.isNaN { return !first.isNaN }
                return isDescending ? first > second : first < second
            }
        } else {
            let names = call.arguments.dropFirst().map(\.literalText)
            let isDescending = function == .sortByLabelDesc
            order.sort { left, right in
                let (first, second) = (vector.headers[left].labels, vector.headers[right].labels)
                return isDescending
                    ? Self.precedes(second, first, by: names) : Self.precedes(first, second, by: names)
            }
        }
        release(vector)
        for index in order {
            var column = vector.columns[index]
            try body(vector.headers[index], &column)
        }
    }

    /// By some labels in natural order, then by all.
    private static func precedes(_ left: Labels, _ right: Labels, by names: [String]) -> Bool {
        for name in names {
            let (first, second) = (Array((left[name] ?? "").utf8), Array((right[name] ?? "").utf8))
            if first != second { return NaturalOrder.precedes(first, second) }
        }
        return left < right
    }
}

/// The order people expect of text with numbers in it: `a2` before `a10`.
///
/// Source: Prometheus sorts with github.com/facette/natsort, which compares runs of digits by value.
enum NaturalOrder {
    static func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let (first, second) = (runs(of: left), runs(of: right))
        for (mine, theirs) in zip(first, second) {
            if mine.elementsEqual(theirs) { continue }
            guard isNumber(mine), isNumber(theirs) else { return mine.lexicographicallyPrecedes(theirs) }
            let (digits, others) = (mine.drop { $0 == 0x30 }, theirs.drop { $0 == 0x30 })
            if digits.count != others.count { return digits.count < others.count }
            if !digits.elementsEqual(others) { return digits.lexicographicallyPrecedes(others) }
            // Equal numbers: with fewer leading zeros first.
            return mine.count < theirs.count
        }
        return first.count < second.count
    }

    private static func isNumber(_ run: ArraySlice<UInt8>) -> Bool {
        run.first.map(Lexer.isDigit) ?? false
    }

    /// The text cut where digits begin or end.
    private static func runs(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        var runs: [ArraySlice<UInt8>] = []
        var start = 0
        for index in text.indices where index > start {
            if Lexer.isDigit(text[index]) != Lexer.isDigit(text[index - 1]) {
                runs.append(text[start..<index])
                start = index
            }
        }
        if start < text.count { runs.append(text[start...]) }
        return runs
    }
}
