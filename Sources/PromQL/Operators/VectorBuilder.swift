// SPDX-License-Identifier: Apache-2.0
//
// Collects results whose label sets may collide, as when metric names were dropped. Two series with the same labels
// become one when no step has both; a step with both is an error.

internal import Samples

/// Gathers series, joining those with equal labels.
struct VectorBuilder {
    static let collision = QueryError(
        .execution,
        "vector cannot contain metrics with the same labelset"
    )

    private(set) var result: VectorColumns
    private var rows: [Labels: Int] = [:]

    init(count: Int) {
        result = VectorColumns(count: count)
    }

    private static func firstStep(_ bits: [UInt64]) -> Int {
        guard let word = bits.firstIndex(where: { $0 != 0 }) else { return .max }
        return word << 6 + bits[word].trailingZeroBitCount
    }

    mutating func add(
        _ header: SeriesHeader,
        _ column: Column,
        otherwise failure: QueryError = collision
    ) throws(QueryError) {
        guard let row = rows[header.labels] else {
            rows[header.labels] = result.headers.count
            result.append(header, column)
            return
        }
        let known = result.columns[row].occupied
        let new = column.occupied
        for word in new.indices {
            guard known[word] & new[word] == 0 else { throw failure }
        }
        // Which value came first says whether the joined series has its name.
        if header.dropsName != result.headers[row].dropsName, Self.firstStep(new) < Self.firstStep(known) {
            result.headers[row].dropsName = header.dropsName
        }
        column.visit { step, value in result.columns[row].set(step, value) }
        column.visitHistograms { step, histogram in result.columns[row].set(step, histogram) }
    }
}
