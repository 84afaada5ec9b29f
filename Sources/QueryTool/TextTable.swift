// SPDX-License-Identifier: Apache-2.0
//
// Rows of cells as aligned columns. Widths are counted in characters a terminal gives one place each; wide ones of East
// Asian scripts take two.

/// Aligned columns.
public struct TextTable: Sendable {
    private let rows: [[String]]
    /// Columns whose cells end at the same place.
    private let rightAligned: Set<Int>
    private let gap: Int

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - rows: cells, those of one column at the same place.
    ///   - rightAligned: columns whose cells end at the same place.
    ///   - gap: blanks between columns.
    public init(_ rows: [[String]], rightAligned: Set<Int> = [], gap: Int = 4) {
        self.rows = rows
        self.rightAligned = rightAligned
        self.gap = gap
    }

    /// The rows, without blanks at their ends.
    public var lines: [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], TextTable.width(cell))
            }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: widths[column] - TextTable.width(cell))
                line += rightAligned.contains(column) ? blanks + cell : cell + blanks
                line += String(repeating: " ", count: gap)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Places of a terminal line a text takes.
    public static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0x300...0x36f, 0x200b...0x200f, 0xfe00...0xfe0f: 0
        case 0x1100...0x115f, 0x2e80...0xa4cf, 0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f,
            0xff00...0xff60, 0xffe0...0xffe6, 0x1f300...0x1faff, 0x20000...0x3fffd:
            2
        default: 1
        }
    }
}
