// SPDX-License-Identifier: Apache-2.0
//
// Small whole files: configuration, and the kernel's own text under /proc and /sys, whose size is not known
// before reading. A limit keeps a wrong path (a device, a huge log) from eating the memory.

internal import Glibc

/// Reads a small file at once.
public enum TextFile {
    /// All bytes of a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the most bytes read; a longer file throws EFBIG.
    /// - Returns: the contents.
    /// - Throws: `FileError` as the system words it.
    public static func read(_ path: String, limit: Int = 16 << 20) throws(FileError) -> [UInt8] {
        let descriptor = unsafe path.withCString { unsafe open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
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
