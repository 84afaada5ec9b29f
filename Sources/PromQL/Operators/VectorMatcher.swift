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
        let matcher = VectorMatcher(
            binary: binary,
            many: isSwapped ? right : left,
            one: isSwapped ? left : right,
            isSwapped: isSwapped,
            delayedNameRemoval: settings.delayedNameRemoval
        )
        if binary.op.isTrim {
            if !left.headers.isEmpty, !right.headers.isEmpty { noteIncompatible(binary) }
            return
        }
        try streamJoined(grid, body) { (builder: inout VectorBuilder) throws(QueryError) in
            try matcher.match { (header, column) throws(QueryError) in
                try checkTime()
                try hold(column.population)
                try builder.add(header, column, otherwise: matcher.collision)
            }
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
    func match(_ emit: (SeriesHeader, Column) throws(QueryError) -> Void) throws(QueryError) {
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
            guard let candidates = answering[key], let members = asking[key] else { continue }
            if binary.matching.cardinality == .oneToOne { try checkOneToOne(members, candidates) }
            for member in members {
                for candidate in candidates {
                    var column = many.columns[member]
                    compute(&column, one.columns[candidate])
                    guard !column.isEmpty else { continue }
                    try emit(header(many.headers[member].labels, one.headers[candidate].labels), column)
                }
            }
        }
    }

    /// At no step may two series of the "one" side have the same signature, where the other side has anything.
    private func checkUnique(_ answering: [[UInt8]: [Int]]) throws(QueryError) {
        let crowded = answering.values.filter { $0.count > 1 }
        if crowded.isEmpty { return }
        var asked = [UInt64](repeating: 0, count: Column.words(many.count))
        for column in many.columns {
            for word in asked.indices { asked[word] |= column.presence[word] }
        }
        for members in crowded {
            var taken = [UInt64](repeating: 0, count: asked.count)
            for (position, index) in members.enumerated() {
                for word in taken.indices {
                    let clash = asked[word] & taken[word] & one.columns[index].presence[word]
                    taken[word] |= one.columns[index].presence[word]
                    guard clash != 0 else { continue }
                    let other = members[..<position].first { one.columns[$0].presence[word] & clash != 0 }
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
            for word in answered.indices { answered[word] |= one.columns[candidate].presence[word] }
        }
        var taken = [UInt64](repeating: 0, count: answered.count)
        for member in members {
            for word in taken.indices {
                let bits = many.columns[member].presence[word] & answered[word]
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
    private func compute(_ column: inout Column, _ other: Column) {
        for word in column.presence.indices { column.presence[word] &= other.presence[word] }
        let op = binary.op
        let returnsBool = binary.returnsBool
        column.update { step, value in
            let left = isSwapped ? other.values[step] : value
            let right = isSwapped ? value : other.values[step]
            guard op.isComparison else { return BinaryArithmetic.apply(op, left, right) }
            let holds = BinaryArithmetic.holds(op, left, right)
            if returnsBool { return holds ? 1 : 0 }
            return holds ? left : nil
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
