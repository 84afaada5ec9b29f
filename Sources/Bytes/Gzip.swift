// SPDX-License-Identifier: Apache-2.0
//
// Decompression of gzip (RFC 1952, one member or several) and zlib (RFC 1950), which HTTP calls deflate. A thousand bytes
// may stand for a million, and nothing in front says so: the output grows as it comes and ends one byte behind the limit.

internal import CZlib

/// gzip files and zlib streams.
public enum Gzip {
    /// The first memory for the output; it doubles from there.
    private static let firstBytes = 64 << 10
    /// The largest window, and 32 more to tell the two framings by their first bytes.
    private static let windowBits: Int32 = 15 + 32
    /// A gzip member begins with these.
    private static let magic: (UInt8, UInt8) = (0x1f, 0x8b)

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
        guard let inputCount = UInt32(exactly: bytes.count) else { throw .tooLarge }
        let most = max(0, min(limit, Int(Int32.max) - 1)) + 1
        // The library remembers where this lies, so it may not be a variable that moves.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        defer { unsafe stream.deallocate() }
        guard
            unsafe inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw .damaged }
        defer { unsafe inflateEnd(stream) }
        return try unsafe bytes.withUnsafeBufferPointer { input throws(DecompressionError) in
            // The input is only read; zlib's interface lacks the const.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointee.avail_in = inputCount
            var written = 0
            while true {
                if written == buffer.count { grow(&buffer, to: most) }
                let room = min(buffer.count, most) - written
                let code = unsafe buffer.withUnsafeMutableBufferPointer { space in
                    unsafe stream.pointee.next_out = space.baseAddress.map { unsafe $0 + written }
                    unsafe stream.pointee.avail_out = UInt32(room)
                    return unsafe inflate(stream, Z_NO_FLUSH)
                }
                written += unsafe room - Int(stream.pointee.avail_out)
                guard written < most else { throw .tooLarge }
                switch code {
                case Z_OK: continue
                case Z_STREAM_END:
                    let left = unsafe Int(stream.pointee.avail_in)
                    if left == 0 { return written }
                    // Another member, or what is no part of any.
                    let next = input.count - left
                    guard left > 1, unsafe (input[next], input[next + 1]) == magic,
                        unsafe inflateReset(stream) == Z_OK
                    else { throw .damaged }
                default: throw .damaged
                }
            }
        }
    }

    private static func grow(_ buffer: inout [UInt8], to most: Int) {
        let size = min(most, max(firstBytes, buffer.count * 2))
        if size > buffer.count { buffer += repeatElement(0, count: size - buffer.count) }
    }
}
