// SPDX-License-Identifier: Apache-2.0
//
// Where a tool writes its result: a file, or a pipe, which knows no positions and cannot be synced.

internal import Glibc

/// A file or pipe that is written from beginning to end.
@safe
public final class OutputFile {
    /// Whether it is a file on a disk and not a pipe, a terminal or a device.
    public let isRegular: Bool
    /// Whether it is the process' standard output.
    public let isStandardOutput: Bool
    private let descriptor: Int32
    private let path: String

    /// Opens a path, emptied if it is a file; `-` and the names of standard output are standard output.
    public init(_ path: String) throws(FileError) {
        self.path = path
        isStandardOutput = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(path)
        descriptor =
            isStandardOutput
            ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
            : unsafe path.withCString {
                unsafe Glibc.open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
            }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        var status = stat()
        isRegular = unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes all bytes behind what was written before.
    public func write(_ bytes: [UInt8]) throws(FileError) {
        let failed: Int32 = unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, let base = buffer.baseAddress {
                let wrote = unsafe Glibc.write(descriptor, base + done, buffer.count - done)
                if wrote < 0, errno == EINTR { continue }
                if wrote < 0 { return errno }
                done += wrote
            }
            return 0
        }
        if failed != 0 { throw FileError(operation: "write", path: path, code: failed) }
    }

    /// Makes a file durable; of anything else there is nothing to do.
    public func end() throws(FileError) {
        guard isRegular, fdatasync(descriptor) != 0 else { return }
        throw FileError(operation: "fdatasync", path: path, code: errno)
    }
}
