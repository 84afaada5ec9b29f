// SPDX-License-Identifier: Apache-2.0
//
// Decompression of gzip and zlib that is there as a whole. A thousand bytes may stand for a million, and nothing in front
// says so: the output grows as it comes and ends one byte behind the limit.

/// gzip files and zlib streams.
public enum Gzip {
    /// The first memory for the output; it doubles from there.
    private static let firstBytes = 64 << 10

    /// Decompresses into a buffer that is used again and again.
    ///
    /// - Parameters:
    ///   - bytes: the members or the stream, whole.
    ///   - buffer: made larger when it is too small; what lies behind the contents is left over from before.
    ///   - limit: the most bytes the contents may have.
    /// - Returns: how many bytes of the buffer are the contents.
    /// - Throws: `DecompressionError`; more than the limit is never held.
    public static func decompress(
        _ bytes: Span<UInt8>,
        into buffer: inout [UInt8],
        limit: Int
    ) throws(DecompressionError) -> Int {
        let most = max(0, min(limit, Int(Int32.max) - 1)) + 1
        var decoder = try GzipDecoder()
        var read = 0
        var written = 0
        while true {
            if written == buffer.count { grow(&buffer, to: most) }
            let space = written..<min(buffer.count, most)
            let step = try decoder.step(bytes.extracting(read...), into: &buffer, space)
            read += step.read
            written += step.written
            guard written < most else { throw .tooLarge }
            guard step.written == space.count else {
                guard decoder.isComplete else { throw .damaged }
                return written
            }
        }
    }

    private static func grow(_ buffer: inout [UInt8], to most: Int) {
        let size = min(most, max(firstBytes, buffer.count * 2))
        if size > buffer.count { buffer += repeatElement(0, count: size - buffer.count) }
    }
}
