// SPDX-License-Identifier: Apache-2.0
//
// Operators with a vector on at least one side. With a scalar the vector streams through; two vectors are matched.

internal import Samples

extension Evaluator {
    func stream(_ binary: Binary, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        switch (binary.left.type, binary.right.type) {
        case (.vector, .vector):
            if binary.op.isSet {
                try streamSet(binary, grid, body)
            } else {
                try streamMatched(binary, grid, body)
            }
        case (.vector, _):
            let scalars = try scalar(binary.right, grid)
            try streamWithScalar(binary, binary.left, scalars, isScalarLeft: false, grid, body)
        default:
            let scalars = try scalar(binary.left, grid)
            try streamWithScalar(binary, binary.right, scalars, isScalarLeft: true, grid, body)
        }
    }

    private func streamWithScalar(
        _ binary: Binary,
        _ vector: Node,
        _ scalars: [Double],
        isScalarLeft: Bool,
        _ grid: Grid,
        _ body: SeriesBody
    ) throws(QueryError) {
        let op = binary.op
        if op.isComparison, !binary.returnsBool {
            return try stream(vector, grid) { (header, column: inout Column) throws(QueryError) in
                applyToHistograms(binary, &column, scalars, isScalarLeft)
                column.update { step, value in
                    let holds =
                        isScalarLeft
                        ? BinaryArithmetic.holds(op, scalars[step], value)
                        : BinaryArithmetic.holds(op, value, scalars[step])
                    return holds ? value : nil
                }
                if !column.isEmpty { try body(header, &column) }
            }
        }
        if op.isTrim {
            return try stream(vector, grid) { (header, column: inout Column) throws(QueryError) in
                if column.hasNumbers {
                    report([.incompatibleTypes(left: false, right: false)], binary)
                    column.update { _, _ in nil }
                }
                applyToHistograms(binary, &column, scalars, isScalarLeft)
                if !column.isEmpty { try body(header, &column) }
            }
        }
        try streamNameless(vector, grid, body) { (column: inout Column) in
            applyToHistograms(binary, &column, scalars, isScalarLeft)
            column.update { step, value in
                isScalarLeft
                    ? BinaryArithmetic.apply(op, scalars[step], value)
                    : BinaryArithmetic.apply(op, value, scalars[step])
            }
        }
    }

    /// Replaces the histograms of a column by what the operator makes of them and a number.
    private func applyToHistograms(
        _ binary: Binary,
        _ column: inout Column,
        _ scalars: [Double],
        _ isScalarLeft: Bool
    ) {
        if column.histograms.isEmpty { return }
        var notes: Set<BinaryNote> = []
        let op = binary.op
        column.updateHistograms { step, histogram in
            let number = SampleValue.number(scalars[step])
            let value = SampleValue.histogram(histogram)
            let result =
                isScalarLeft
                ? SampleArithmetic.apply(op, number, value, returnsBool: binary.returnsBool, &notes)
                : SampleArithmetic.apply(op, value, number, returnsBool: binary.returnsBool, &notes)
            // Of a number and a histogram no operator makes a number.
            guard case .histogram(let changed)? = result else { return nil }
            return changed
        }
        report(notes, binary)
    }

    // MARK: - and, or, unless

    private func streamSet(_ binary: Binary, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let selection = binary.matching.selection
        let left = try collect(binary.left, grid)
        let right = try collect(binary.right, grid)
        defer {
            release(left)
            release(right)
        }
        if binary.op == .or {
            let covered = presence(left, selection, grid)
            return try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
                for index in left.headers.indices {
                    try hold(left.columns[index].footprint)
                    try builder.add(left.headers[index], left.columns[index])
                }
                for index in right.headers.indices {
                    var column = right.columns[index]
                    if let bits = covered[selection.encoded(right.headers[index].labels)] {
                        column.keep(bits.map { ~$0 })
                    }
                    guard !column.isEmpty else { continue }
                    try hold(column.footprint)
                    try builder.add(right.headers[index], column)
                }
            }
        }
        let covered = presence(right, selection, grid)
        let keepsCovered = binary.op == .and
        for index in left.headers.indices {
            var column = left.columns[index]
            let bits = covered[selection.encoded(left.headers[index].labels)]
            let mask = bits ?? [UInt64](repeating: 0, count: column.presence.count)
            column.keep(keepsCovered ? mask : mask.map { ~$0 })
            if !column.isEmpty { try body(left.headers[index], &column) }
        }
    }

    /// For each signature the steps at which some series has a value.
    private func presence(
        _ vector: VectorColumns,
        _ selection: LabelSelection,
        _ grid: Grid
    ) -> [[UInt8]: [UInt64]] {
        var bits: [[UInt8]: [UInt64]] = [:]
        for index in vector.headers.indices {
            let key = selection.encoded(vector.headers[index].labels)
            let presence = vector.columns[index].occupied
            guard var known = bits[key] else {
                bits[key] = presence
                continue
            }
            for word in known.indices { known[word] |= presence[word] }
            bits[key] = known
        }
        return bits
    }
}

extension VectorMatching {
    /// The labels two elements must share.
    var selection: LabelSelection {
        isOn ? LabelSelection(keeping: labels) : LabelSelection(dropping: labels + [Labels.metricNameLabel])
    }
}
