// SPDX-License-Identifier: Apache-2.0
//
// The kernel keeps the order of the lines in its files. What was made of a line (its metric families, whether a pattern
// wants it) is therefore remembered by the line's place, and found again by one comparison, without a hash or a String.

/// What is known of the lines of a file, by their place.
///
/// Invariant: an entry is used only for the key it was made for; from a line that changed on, everything is made anew.
struct RowMemo<Value> {
    private var rows: [(key: [UInt8], value: Value)] = []
    /// Far more lines than any file it is used for has; beyond it everything is made anew each time.
    private static var limit: Int { 65_536 }

    /// What is known of the line with this key at this place.
    ///
    /// - Parameters:
    ///   - row: the place; go from 0 upwards without gaps.
    ///   - key: what tells lines apart.
    ///   - make: makes it when the line is new.
    /// - Returns: what is known.
    mutating func value(row: Int, key: ArraySlice<UInt8>, make: () -> Value) -> Value {
        if row < rows.count {
            if rows[row].key.elementsEqual(key) { return rows[row].value }
            rows.removeSubrange(row...)
        }
        let fresh = make()
        if row == rows.count, row < RowMemo.limit { rows.append((Array(key), fresh)) }
        return fresh
    }

    /// Forgets the lines behind those of this pass.
    mutating func end(at row: Int) {
        if row < rows.count { rows.removeSubrange(row...) }
    }
}
