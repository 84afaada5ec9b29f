// SPDX-License-Identifier: Apache-2.0
//
// One-to-one and many-to-one matching of two vectors. The "one" side may hold several series of a signature as long
// as no step has two of them; then which one answers changes from step to step, and so may the labels it lends.

internal import Samples

extension Evaluator {
    func streamMatched(_ binary: Binary, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        let left = try collect(binary.left, grid)
        let right = try collect(binary.right, grid)
        defer {
            release(left)
            release(right)
        }
        let isSwapped = binary.matching.cardinality == .oneToMany
        var matcher = VectorMatcher(
            binary: binary,
            many: isSwapped ? right : left,
            one: isSwapped ? left : right,
            isSwapped: isSwapped,
            delayedNameRemoval: delayedNameRemoval
        )
        let collision = matcher.collision
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try matcher.match { (header, column) throws(QueryError) in
                try checkTime()
                try hold(column.footprint + header.footprint)
                try builder.add(header, column, otherwise: collision)
            }
            report(matcher.notes, binary)
        }
    }
}

/// Matches the series of two vectors and computes the results.
struct VectorMatcher {
    let binary: Binary
    let many: VectorColumns
    let one: VectorColumns
    /// The "one" side is the left operand.
    let isSwapped: Bool
    let delayedNameRemoval: Bool
    /// What there is to say about operands.
    private(set) var notes: Set<BinaryNote> = []
    /// The steps at which each series of the two sides has a value.
    private let manyBits: [[UInt64]]
    private let oneBits: [[UInt64]]

    init(
        binary: Binary,
        many: VectorColumns,
        one: VectorColumns,
        isSwapped: Bool,
        delayedNameRemoval: Bool
    ) {
        self.binary = binary
        self.many = many
        self.one = one
        self.isSwapped = isSwapped
        self.delayedNameRemoval = delayedNameRemoval
        manyBits = many.columns.map(\.occupied)
        oneBits = one.columns.map(\.occupied)
    }

    /// What two results with equal labels at one step mean.
    var collision: QueryError {
        binary.matching.cardinality == .oneToOne
            ? VectorBuilder.collision
            : QueryError(
                .execution,
                "multiple matches for labels: grouping labels must ensure unique matches"
            )
    }

    /// Calls `emit` with each result; several may have the same labels.
    mutating func match(_ emit: (SeriesHeader, Column) throws(QueryError) -> Void) throws(QueryError) {
        let selection = binary.matching.selection
        var answering: [[UInt8]: [Int]] = [:]
        for index in one.headers.indices {
            answering[selection.encoded(one.headers[index].labels), default: []].append(index)
        }
        try checkUnique(answering)
        var asking: [[UInt8]: [Int]] = [:]
        var order: [[UInt8]] = []
        for index in many.headers.indices {
            let key = selection.encoded(many.headers[index].labels)
            if asking[key] == nil { order.append(key) }
            asking[key, default: []].append(index)
        }
        for key in order {
            guard let members = asking[key] else { continue }
            let candidates = answering[key] ?? []
            if binary.matching.cardinality == .oneToOne { try checkOneToOne(members, candidates) }
            for member in members {
                for candidate in candidates {
                    var column = many.columns[member]
                    compute(&column, one.columns[candidate], oneBits[candidate])
                    guard !column.isEmpty else { continue }
                    try emit(header(many.headers[member].labels, one.headers[candidate].labels), column)
                }
            }
        }
        if binary.matching.hasFill { try fill(asking, order, answering, emit) }
    }

    // MARK: - Filling

    /// Computes what is missing on one side with the number given for it.
    ///
    /// As in Prometheus, `fill_right` is for the "one" side and `fill_left` for the other, also with `group_right`,
    /// where the "one" side is the left operand.
    private mutating func fill(
        _ asking: [[UInt8]: [Int]],
        _ order: [[UInt8]],
        _ answering: [[UInt8]: [Int]],
        _ emit: (SeriesHeader, Column) throws(QueryError) -> Void
    ) throws(QueryError) {
        let matching = binary.matching
        let selection = matching.selection
        if let number = matching.fillRight {
            for key in order {
                let present = union(answering[key] ?? [], oneBits)
                for member in asking[key] ?? [] {
                    guard var column = lonely(many.columns[member], besides: present) else { continue }
                    var filling = Column(count: many.count)
                    filling.fill(number)
                    compute(&column, filling, filling.presence)
                    guard !column.isEmpty else { continue }
                    let labels = many.headers[member].labels
                    try emit(header(labels, selection.labels(labels)), column)
                }
            }
        }
        guard let number = matching.fillLeft else { return }
        for (index, given) in one.headers.enumerated() {
            let present = union(asking[selection.encoded(given.labels)] ?? [], manyBits)
            guard let other = lonely(one.columns[index], besides: present) else { continue }
            var column = Column(count: many.count)
            column.fill(number)
            compute(&column, other, other.occupied)
            guard !column.isEmpty else { continue }
            try emit(header(selection.labels(given.labels), given.labels), column)
        }
    }

    /// A column's values at the steps where the other side has none; nil when there are none.
    private func lonely(_ column: Column, besides present: [UInt64]) -> Column? {
        var column = column
        column.keep(present.map { ~$0 })
        return column.isEmpty ? nil : column
    }

    private func union(_ indices: [Int], _ bits: [[UInt64]]) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: Column.words(many.count))
        for index in indices {
            for word in result.indices { result[word] |= bits[index][word] }
        }
        return result
    }

    // MARK: - Checks

    /// At no step may two series of the "one" side have the same signature, where the other side has anything.
    private func checkUnique(_ answering: [[UInt8]: [Int]]) throws(QueryError) {
        let crowded = answering.values.filter { $0.count > 1 }
        if crowded.isEmpty { return }
        var asked = [UInt64](repeating: 0, count: Column.words(many.count))
        if binary.matching.hasFill {
            for word in asked.indices { asked[word] = .max }
        }
        for bits in manyBits {
            for word in asked.indices { asked[word] |= bits[word] }
        }
        for members in crowded {
            var taken = [UInt64](repeating: 0, count: asked.count)
            for (position, index) in members.enumerated() {
                for word in taken.indices {
                    let clash = asked[word] & taken[word] & oneBits[index][word]
                    taken[word] |= oneBits[index][word]
                    guard clash != 0 else { continue }
                    let other = members[..<position].first { oneBits[$0][word] & clash != 0 }
                    throw duplicate(one.headers[index].labels, one.headers[other ?? index].labels)
                }
            }
        }
    }

    private func duplicate(_ first: Labels, _ second: Labels) -> QueryError {
        let group = binary.matching.selection.labels(first)
        let side = isSwapped ? "left" : "right"
        let pair = [first.pairText, second.pairText].sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return QueryError(
            .execution,
            "found duplicate series for the match group \(group.pairText) on the \(side) hand-side of the operation: "
                + "[\(pair[0]), \(pair[1])];many-to-many matching not allowed: matching labels must be unique on one side"
        )
    }

    private func checkOneToOne(_ members: [Int], _ candidates: [Int]) throws(QueryError) {
        guard members.count > 1 else { return }
        var answered = [UInt64](repeating: 0, count: Column.words(many.count))
        for candidate in candidates {
            for word in answered.indices { answered[word] |= oneBits[candidate][word] }
        }
        if binary.matching.fillRight != nil {
            for word in answered.indices { answered[word] = .max }
        }
        var taken = [UInt64](repeating: 0, count: answered.count)
        for member in members {
            for word in taken.indices {
                let bits = manyBits[member][word] & answered[word]
                guard taken[word] & bits == 0 else {
                    throw QueryError(
                        .execution,
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    )
                }
                taken[word] |= bits
            }
        }
    }

    /// Replaces the many side's values by the results.
    private mutating func compute(_ column: inout Column, _ other: Column, _ otherBits: [UInt64]) {
        let op = binary.op
        let returnsBool = binary.returnsBool
        if !column.histograms.isEmpty || !other.histograms.isEmpty || op.isTrim {
            return computeAny(&column, other)
        }
        for word in column.presence.indices { column.presence[word] &= otherBits[word] }
        column.update { step, value in
            let left = isSwapped ? other.values[step] : value
            let right = isSwapped ? value : other.values[step]
            guard op.isComparison else { return BinaryArithmetic.apply(op, left, right) }
            let holds = BinaryArithmetic.holds(op, left, right)
            if returnsBool { return holds ? 1 : 0 }
            return holds ? left : nil
        }
    }

    /// As `compute`, with histograms on a side.
    private mutating func computeAny(_ column: inout Column, _ other: Column) {
        let given = column
        column.removeAll()
        for step in 0..<given.count {
            guard let value = given.value(step), let theirs = other.value(step) else { continue }
            let result = SampleArithmetic.apply(
                binary.op,
                isSwapped ? theirs : value,
                isSwapped ? value : theirs,
                returnsBool: binary.returnsBool,
                &notes
            )
            if let result { column.set(step, result) }
        }
    }

    private func header(_ many: Labels, _ one: Labels) -> SeriesHeader {
        let matching = binary.matching
        var labels = many
        if !binary.op.isComparison || (binary.returnsBool && !delayedNameRemoval) {
            labels = LabelSelection.withoutMetadata.labels(labels)
        }
        if matching.cardinality == .oneToOne {
            let selection =
                matching.isOn
                ? LabelSelection(keeping: matching.labels) : LabelSelection(dropping: matching.labels)
            labels = selection.labels(labels)
        }
        for name in matching.include { labels = labels.setting(name, one[name] ?? "") }
        return SeriesHeader(labels: labels, dropsName: binary.returnsBool && delayedNameRemoval)
    }
}

extension Labels {
    /// `{__name__="up", job="x"}`, as Go's labels print.
    var pairText: String {
        let words = pairs.map { pair in
            let name = Labels.isLegacyLabelName(pair.name) ? pair.name : Labels.quoted(pair.name)
            return "\(name)=\(Labels.quoted(pair.value))"
        }
        return "{\(words.joined(separator: ", "))}"
    }
}
