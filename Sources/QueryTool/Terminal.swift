// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What standard output is written to.
public struct Terminal: Sendable {
    /// Places of a line; 80 where nobody says.
    public let columns: Int
    /// Lines; 24 where nobody says.
    public let rows: Int
    /// Whether a person sees it; files and pipes are for programs.
    public let isTerminal: Bool
    /// Whether colours may be used (no-color.org).
    public let hasColors: Bool

    /// Creates one of a size.
    public init(columns: Int, rows: Int, isTerminal: Bool, hasColors: Bool) {
        self.columns = columns
        self.rows = rows
        self.isTerminal = isTerminal
        self.hasColors = hasColors
    }

    /// That of this process; `COLUMNS` and `LINES` are believed where the system does not know.
    public static var current: Terminal {
        var size = winsize()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let isKnown = isTerminal && ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        func number(_ name: String) -> Int? {
            variable(name).flatMap { Int($0) }.flatMap { (20...1000).contains($0) ? $0 : nil }
        }
        return Terminal(
            columns: isKnown ? max(20, Int(size.ws_col)) : number("COLUMNS") ?? 80,
            rows: isKnown ? max(10, Int(size.ws_row)) : number("LINES") ?? 24,
            isTerminal: isTerminal,
            hasColors: isTerminal && (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb"
        )
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
