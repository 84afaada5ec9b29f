// SPDX-License-Identifier: Apache-2.0
//
// Changes label sets: relabeling, label_replace, external labels, building a set from a parsed line.
// Invariant: `pairs` is sorted by name and holds no empty value.

/// A mutable set of labels.
public struct LabelsBuilder: Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// Starts without labels.
    public init() {}

    /// Starts from a set.
    public init(_ labels: Labels) {
        pairs = labels.pairs
    }

    /// Starts from pairs in any order.
    ///
    /// Pairs with an empty name are left out; of several pairs with one name the last wins, and if that has an empty value
    /// there is no such label. O(n log n), which inserting them one by one is not.
    public init(_ pairs: some Sequence<(name: String, value: String)>) {
        let given = Array(pairs)
        let isSorted = given.indices.dropFirst().allSatisfy {
            Labels.precedes(given[$0 - 1].name, given[$0].name)
        }
        if isSorted {
            self.pairs = given.filter { !$0.name.isEmpty && !$0.value.isEmpty }
            return
        }
        let order = given.indices.sorted { left, right in
            if Labels.precedes(given[left].name, given[right].name) { return true }
            return left < right && !Labels.precedes(given[right].name, given[left].name)
        }
        for (place, index) in order.enumerated() {
            let pair = given[index]
            let isReplaced =
                place + 1 < order.count && Labels.sameBytes(given[order[place + 1]].name, pair.name)
            if !isReplaced, !pair.name.isEmpty, !pair.value.isEmpty { self.pairs.append(pair) }
        }
    }

    /// The value of a label, nil when there is none.
    public subscript(_ name: String) -> String? {
        let index = position(of: name)
        return index < pairs.count && Labels.sameBytes(pairs[index].name, name) ? pairs[index].value : nil
    }

    /// All pairs in name order.
    public var sortedPairs: [(name: String, value: String)] { pairs }

    /// Sets or replaces a label; an empty value removes it.
    ///
    /// An empty name is ignored.
    public mutating func set(_ name: String, _ value: String) {
        let index = position(of: name)
        let exists = index < pairs.count && Labels.sameBytes(pairs[index].name, name)
        switch (exists, value.isEmpty || name.isEmpty) {
        case (true, true): pairs.remove(at: index)
        case (true, false): pairs[index].value = value
        case (false, true): break
        case (false, false): pairs.insert((name, value), at: index)
        }
    }

    /// Removes a label.
    public mutating func remove(_ name: String) {
        set(name, "")
    }

    /// The finished set.
    public func labels() -> Labels {
        Labels(sortedPairs: pairs)
    }

    private func position(of name: String) -> Int {
        var low = 0
        var high = pairs.count
        while low < high {
            let middle = (low + high) / 2
            if Labels.precedes(pairs[middle].name, name) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
