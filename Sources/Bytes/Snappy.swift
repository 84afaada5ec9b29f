// SPDX-License-Identifier: Apache-2.0
//
// Snappy's block format (google/snappy, format_description.txt), which remote write uses; never the framed one.
// The decoded size is checked before anything is allocated.

internal import CSnappy

/// Snappy blocks.
public enum Snappy {
    /// Compresses bytes into one block.
    public static func compress(_ bytes: [UInt8]) -> [UInt8] {
        let bound = snappy_max_compressed_length(bytes.count)
        return unsafe [UInt8](unsafeUninitializedCapacity: bound) { out, count in
            var size = bound
            unsafe bytes.withUnsafeBytes { input in
                let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
                let target = unsafe UnsafeMutableRawPointer(out.baseAddress)?.assumingMemoryBound(
                    to: CChar.self
                )
                // Fails only for a buffer below the bound.
                _ = unsafe snappy_compress(source, input.count, target, &size)
            }
            count = size
        }
    }

    /// Decompresses one block.
    ///
    /// - Parameters:
    ///   - bytes: the block.
    ///   - limit: the most bytes it may decode to.
    /// - Returns: the contents.
    /// - Throws: `CorruptionError` when the block is damaged or larger than `limit`.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(CorruptionError) -> [UInt8] {
        var size = 0
        let hasLength = unsafe bytes.withUnsafeBytes { input in
            let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
            return unsafe snappy_uncompressed_length(source, input.count, &size) == SNAPPY_OK
        }
        guard hasLength, size <= limit else {
            throw CorruptionError("a snappy block of at most \(limit) bytes", at: 0)
        }
        var isWhole = false
        let out = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var got = size
            isWhole = unsafe bytes.withUnsafeBytes { input in
                let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
                let target = unsafe UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(
                    to: CChar.self
                )
                return unsafe snappy_uncompress(source, input.count, target, &got) == SNAPPY_OK
            }
            count = isWhole ? got : 0
        }
        guard isWhole else { throw CorruptionError("an undamaged snappy block", at: 0) }
        return out
    }

    /// Decompresses one block into a buffer that is used again and again.
    ///
    /// - Parameters:
    ///   - bytes: the block.
    ///   - buffer: made larger when it is too small; what lies behind the contents is left over from before.
    ///   - limit: the most bytes the block may decode to.
    /// - Returns: how many bytes of the buffer are the contents.
    /// - Throws: `DecompressionError`; before anything is allocated when the block claims more than the limit or more
    ///   than its bytes can stand for.
    public static func decompress(
        _ bytes: Span<UInt8>,
        into buffer: inout [UInt8],
        limit: Int
    ) throws(DecompressionError) -> Int {
        var size = 0
        let hasLength = unsafe bytes.withUnsafeBytes { input in
            let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
            return unsafe snappy_uncompressed_length(source, input.count, &size) == SNAPPY_OK
        }
        guard hasLength else { throw .damaged }
        guard size <= limit else { throw .tooLarge }
        // The densest element copies 64 bytes and has three.
        guard size / 64 * 3 <= bytes.count else { throw .damaged }
        buffer.grow(to: size)
        var got = buffer.count
        let isWhole = unsafe bytes.withUnsafeBytes { input in
            unsafe buffer.withUnsafeMutableBytes { output in
                let source = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
                let target = unsafe output.baseAddress?.assumingMemoryBound(to: CChar.self)
                return unsafe snappy_uncompress(source, input.count, target, &got) == SNAPPY_OK
            }
        }
        guard isWhole, got == size else { throw .damaged }
        return size
    }
}
