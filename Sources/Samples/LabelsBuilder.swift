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
