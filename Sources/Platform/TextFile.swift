// SPDX-License-Identifier: Apache-2.0
//
// Small whole files: configuration, and the kernel's own text under /proc and /sys, whose size is not known
// before reading. A limit keeps a wrong path (a device, a huge log) from eating the memory, and nothing is waited for
// unless that is asked for: a FIFO that nobody writes to would hold whoever reads it for ever.

internal import Glibc

/// Reads a small file at once.
public enum TextFile {
    /// All bytes of a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the most bytes read; a longer file throws EFBIG.
    ///   - mayBePipe: whether to wait for what a pipe, a terminal or a device has to say, as for a path that a user
    ///     gave a command.
    /// - Returns: the contents.
    /// - Throws: `FileError` as the system words it; EINVAL for a FIFO, EAGAIN for what has nothing to say yet.
    public static func read(
        _ path: String,
        limit: Int = 16 << 20,
        mayBePipe: Bool = false
    ) throws(FileError) -> [UInt8] {
        let flags = O_RDONLY | O_CLOEXEC | (mayBePipe ? 0 : O_NONBLOCK)
        let descriptor = unsafe path.withCString { unsafe open($0, flags) }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        if !mayBePipe {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else {
                throw FileError(operation: "stat", path: path, code: errno)
            }
            // Without a writer it would look like an empty file.
            guard status.st_mode & S_IFMT != S_IFIFO else {
                throw FileError(operation: "read as a file, not a FIFO,", path: path, code: EINVAL)
            }
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let got = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw FileError(operation: "read", path: path, code: errno) }
            if got == 0 { return bytes }
            guard bytes.count + got <= limit else {
                throw FileError(operation: "read", path: path, code: EFBIG)
            }
            bytes.append(contentsOf: chunk[..<got])
        }
    }
}
