// SPDX-License-Identifier: Apache-2.0
//
// Dots as Braille characters: each has two columns of four dots, and Unicode orders them by their dots (U+2800 + bits,
// The Unicode Standard, "Braille Patterns").

/// A grid of dots.
struct BrailleCanvas {
    /// The bit of a dot, by line and column within a character.
    private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    /// Dots in a line.
    let width: Int
    /// Lines of dots.
    let height: Int
    private var cells: [UInt8]
    private var inks: [Int]
    private let columns: Int

    /// An empty grid of so many characters.
    init(columns: Int, rows: Int) {
        self.columns = max(1, columns)
        width = self.columns * 2
        height = max(1, rows) * 4
        cells = [UInt8](repeating: 0, count: self.columns * max(1, rows))
        inks = [Int](repeating: 0, count: cells.count)
    }

    /// Sets a dot, counted from the upper left; outside nothing happens.
    mutating func set(_ x: Int, _ y: Int, ink: Int) {
        guard (0..<width).contains(x), (0..<height).contains(y) else { return }
        let cell = y / 4 * columns + x / 2
        cells[cell] |= BrailleCanvas.bits[y % 4][x % 2]
        inks[cell] = ink
    }

    /// Sets the dots between two dots (Bresenham's algorithm).
    mutating func line(from: (x: Int, y: Int), to: (x: Int, y: Int), ink: Int) {
        var (x, y) = from
        let (distanceX, distanceY) = (abs(to.x - x), -abs(to.y - y))
        let (stepX, stepY) = (x < to.x ? 1 : -1, y < to.y ? 1 : -1)
        var error = distanceX + distanceY
        while true {
            set(x, y, ink: ink)
            if x == to.x, y == to.y { return }
            let doubled = 2 * error
            if doubled >= distanceY {
                error += distanceY
                x += stepX
            }
            if doubled <= distanceX {
                error += distanceX
                y += stepY
            }
        }
    }

    /// A line of characters, each with the ink of its last dot.
    func row(_ row: Int) -> [(character: Character, ink: Int)] {
        (0..<columns).map { column in
            let cell = row * columns + column
            // All of U+2800…U+28FF are scalars.
            let scalar = Unicode.Scalar(0x2800 + UInt32(cells[cell])) ?? " "
            return (cells[cell] == 0 ? " " : Character(scalar), inks[cell])
        }
    }
}
