// SPDX-License-Identifier: Apache-2.0
//
// Compression of what is made in pieces and sent at once: gzip (RFC 1952), HTTP's deflate (RFC 1950) and zstd (RFC 8878).
// Fastest levels with small windows: what is compressed is JSON and text, of which the first level already leaves a tenth,
// and a compressor of 128 KiB to half a MiB fits a gateway that answers several clients.

internal import CZlib
internal import CZstd

/// Compresses one stream, piece by piece.
///
/// Invariant: exactly one of the two libraries' states exists, owned by this value and freed with it.
@safe
public struct StreamCompressor: ~Copyable {
    /// How the stream is coded.
    public enum Format: Sendable {
        /// gzip.
        case gzip
        /// zlib's own framing, which HTTP calls deflate.
        case zlib
        /// zstd.
        case zstd
    }

    /// log2 of the bytes matches may reach back: 16 KiB of zlib, with 64 KiB for its tables.
    private static let zlibWindowBits: Int32 = 14
    private static let zlibMemoryLevel: Int32 = 7
    /// The same for zstd: 128 KiB.
    private static let zstdWindowLog: Int32 = 17

    private let zlib: UnsafeMutablePointer<z_stream>?
    private let zstd: OpaquePointer?
    private var buffer = [UInt8](repeating: 0, count: 16 << 10)

    /// Creates a compressor; nil when there is no memory for it.
    public init?(_ format: Format) {
        if case .zstd = format {
            guard let context = unsafe ZSTD_createCCtx() else { return nil }
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)
            unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, StreamCompressor.zstdWindowLog)
            unsafe (zlib, zstd) = (nil, context)
            return
        }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more asks for gzip's framing.
        let bits = StreamCompressor.zlibWindowBits + (format == .gzip ? 16 : 0)
        let code = unsafe deflateInit2_(
            stream,
            Z_BEST_SPEED,
            Z_DEFLATED,
            bits,
            StreamCompressor.zlibMemoryLevel,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
        unsafe (zlib, zstd) = (stream, nil)
    }

    deinit {
        if let stream = unsafe zlib {
            unsafe deflateEnd(stream)
            unsafe stream.deallocate()
        }
        if let context = unsafe zstd { unsafe ZSTD_freeCCtx(context) }
    }

    /// Compresses the next piece.
    ///
    /// - Parameters:
    ///   - bytes: the piece; may be empty.
    ///   - isLast: whether the stream ends with it.
    ///   - out: what is finished is appended here; often nothing before the last piece.
    /// - Returns: false when the library refuses, after which the stream cannot be ended.
    public mutating func compress(_ bytes: [UInt8], isLast: Bool, into out: inout [UInt8]) -> Bool {
        unsafe zlib == nil
            ? compressZstd(bytes, isLast, &out) : compressZlib(bytes, isLast, &out)
    }

    private mutating func compressZlib(_ bytes: [UInt8], _ isLast: Bool, _ out: inout [UInt8]) -> Bool {
        guard let stream = unsafe zlib, let count = UInt32(exactly: bytes.count) else { return false }
        // The input is only read; zlib's interface lacks the const.
        return unsafe bytes.withUnsafeBytes { input in
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.bindMemory(to: UInt8.self).baseAddress
            )
            unsafe stream.pointee.avail_in = count
            while true {
                let size = buffer.count
                let (code, written) = unsafe buffer.withUnsafeMutableBufferPointer { space in
                    unsafe stream.pointee.next_out = space.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(size)
                    let code = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    return unsafe (code, size - Int(stream.pointee.avail_out))
                }
                out.append(contentsOf: buffer[..<written])
                switch code {
                case Z_STREAM_END: return true
                case Z_OK, Z_BUF_ERROR:
                    // A buffer that is not full means that everything given was taken.
                    if !isLast, written < size { return true }
                    if written == 0 { return false }
                default: return false
                }
            }
        }
    }

    private mutating func compressZstd(_ bytes: [UInt8], _ isLast: Bool, _ out: inout [UInt8]) -> Bool {
        guard let context = unsafe zstd else { return false }
        return unsafe bytes.withUnsafeBytes { source in
            var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                let size = buffer.count
                let (left, written) = unsafe buffer.withUnsafeMutableBytes { space in
                    var output = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: size, pos: 0)
                    let left = unsafe ZSTD_compressStream2(
                        context,
                        &output,
                        &input,
                        isLast ? ZSTD_e_end : ZSTD_e_continue
                    )
                    return unsafe (left, output.pos)
                }
                guard ZSTD_isError(left) == 0 else { return false }
                out.append(contentsOf: buffer[..<written])
                let isTaken = unsafe input.pos == input.size
                if isLast ? left == 0 : isTaken && written < size { return true }
            }
        }
    }
}
