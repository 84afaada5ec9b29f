// SPDX-License-Identifier: Apache-2.0
//
// One-shot zstd (RFC 8878). The decoded size is limited before anything is allocated: a frame of a few bytes
// may claim gigabytes.

internal import CZstd

/// zstd frames.
public enum Zstd {
    /// Compresses bytes into one frame.
    ///
    /// - Parameters:
    ///   - bytes: what to compress.
    ///   - level: 1 (fast) to 19 (small); 3 is the library's default.
    /// - Returns: the frame, or nil when the library refuses (out of memory).
    public static func compress(_ bytes: [UInt8], level: Int32 = 3) -> [UInt8]? {
        let bound = ZSTD_compressBound(bytes.count)
        var failed = false
        let frame = unsafe [UInt8](unsafeUninitializedCapacity: bound) { out, count in
            let size = unsafe bytes.withUnsafeBytes { input in
                unsafe ZSTD_compress(out.baseAddress, bound, input.baseAddress, input.count, level)
            }
            failed = ZSTD_isError(size) != 0
            count = failed ? 0 : size
        }
        return failed ? nil : frame
    }

    /// Decompresses one frame.
    ///
    /// - Parameters:
    ///   - bytes: the frame.
    ///   - limit: the most bytes it may decode to.
    /// - Returns: the contents.
    /// - Throws: `CorruptionError` when the frame is damaged, has no declared size, or is larger than
    ///   `limit`.
    public static func decompress(_ bytes: ArraySlice<UInt8>, limit: Int) throws(CorruptionError) -> [UInt8] {
        let declared = unsafe bytes.withUnsafeBytes {
            unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count)
        }
        // The library's two error values, ZSTD_CONTENTSIZE_UNKNOWN and _ERROR, are the largest numbers.
        guard declared <= UInt64(max(0, limit)) else {
            throw CorruptionError("a zstd frame of at most \(limit) bytes", at: bytes.startIndex)
        }
        let size = Int(declared)
        var isWhole = false
        let out = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            let got = unsafe bytes.withUnsafeBytes { input in
                unsafe ZSTD_decompress(buffer.baseAddress, size, input.baseAddress, input.count)
            }
            isWhole = ZSTD_isError(got) == 0 && got == size
            count = isWhole ? got : 0
        }
        guard isWhole else { throw CorruptionError("an undamaged zstd frame", at: bytes.startIndex) }
        return out
    }

    /// Decompresses one frame into a buffer that is used again and again.
    ///
    /// - Parameters:
    ///   - bytes: the frame, which must declare its size.
    ///   - buffer: made larger when it is too small; what lies behind the contents is left over from before.
    ///   - limit: the most bytes the frame may decode to.
    /// - Returns: how many bytes of the buffer are the contents.
    /// - Throws: `DecompressionError`; before anything is allocated when the frame declares more than the limit.
    public static func decompress(
        _ bytes: Span<UInt8>,
        into buffer: inout [UInt8],
        limit: Int
    ) throws(DecompressionError) -> Int {
        let declared = unsafe bytes.withUnsafeBytes {
            unsafe ZSTD_getFrameContentSize($0.baseAddress, $0.count)
        }
        // The library's two error values, ZSTD_CONTENTSIZE_UNKNOWN and _ERROR, are the largest numbers.
        guard declared < UInt64.max - 1 else { throw .damaged }
        guard declared <= UInt64(max(0, limit)) else { throw .tooLarge }
        let size = Int(declared)
        buffer.grow(to: size)
        let got = unsafe bytes.withUnsafeBytes { input in
            unsafe buffer.withUnsafeMutableBytes { output in
                unsafe ZSTD_decompress(output.baseAddress, size, input.baseAddress, input.count)
            }
        }
        guard ZSTD_isError(got) == 0, got == size else { throw .damaged }
        return size
    }
}

extension Zstd {
    /// The first four bytes of a frame.
    public static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]

    /// Decompresses a file of one or more frames, which need not declare their size.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - limit: the most bytes it may decode to.
    /// - Returns: the contents.
    /// - Throws: `CorruptionError` when a frame is damaged or cut, or the contents are larger than `limit`.
    public static func decompressFile(_ bytes: [UInt8], limit: Int) throws(CorruptionError) -> [UInt8] {
        guard let stream = unsafe ZSTD_createDStream() else {
            throw CorruptionError("memory for decompression", at: 0)
        }
        defer { unsafe ZSTD_freeDStream(stream) }
        var piece = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
        var out: [UInt8] = []
        var consumed = 0
        var left = 0
        repeat {
            var read = 0
            var written = 0
            left = unsafe bytes.withUnsafeBytes { source in
                unsafe piece.withUnsafeMutableBytes { target in
                    var input = unsafe ZSTD_inBuffer(
                        src: source.baseAddress,
                        size: source.count,
                        pos: consumed
                    )
                    var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    let result = unsafe ZSTD_decompressStream(stream, &output, &input)
                    (read, written) = unsafe (input.pos, output.pos)
                    return result
                }
            }
            guard ZSTD_isError(left) == 0, read > consumed || written > 0 else {
                throw CorruptionError("an undamaged zstd frame", at: consumed)
            }
            guard out.count + written <= limit else {
                throw CorruptionError("at most \(limit) bytes when decompressed", at: consumed)
            }
            out += piece[..<written]
            consumed = read
        } while consumed < bytes.count || left > 0
        return out
    }
}
