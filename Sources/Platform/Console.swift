// SPDX-License-Identifier: Apache-2.0

internal import CPlatform
internal import Glibc

/// The process' standard streams and its end.
public enum Console {
    /// Makes lines appear at once, also when stdout is a pipe or a file.
    public static func flushEachLine() {
        ew_stdout_by_line()
    }

    /// Writes a line to stderr.
    public static func writeError(_ line: String) {
        let bytes = Array("\(line)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Ends the process.
    public static func exit(_ code: Int32) -> Never {
        Glibc.exit(code)
    }
}
