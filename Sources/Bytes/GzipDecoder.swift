// SPDX-License-Identifier: Apache-2.0
//
// Decompression of gzip (RFC 1952, one member or several) and zlib (RFC 1950), which HTTP calls deflate, piece by piece.
// What is behind a member is another member or damage; whether the input ended where a member ends is the caller's last
// question, because a stream that was cut off looks well until then.

internal import CZlib

/// A gzip or zlib stream that is decompressed as it comes.
@safe public struct GzipDecoder: ~Copyable {
    /// How far a step came.
    struct Step {
        var read: Int
        var written: Int
    }

    /// The largest window, and 32 more to tell the two framings by their first bytes.
    private static let anyFraming: Int32 = 15 + 32
    /// The largest window, and 16 more for gzip alone: only its members may follow one another.
    private static let gzipFraming: Int32 = 15 + 16
    /// Written to on the way to the caller's array; the library's own advice is 32 KiB or more.
    private static let pieceBytes = 32 << 10

    /// The library remembers where this lies, so it may not be a variable that moves.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isAtEnd = false
    private var piece: [UInt8] = []

    /// Whether the input so far is whole: its last member has ended, and its checksum was right.
    public var isComplete: Bool { isAtEnd }

    /// Creates a decoder.
    ///
    /// - Throws: `DecompressionError` when there is no memory for it.
    public init() throws(DecompressionError) {
        let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe made.initialize(to: z_stream())
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(made, GzipDecoder.anyFraming, ZLIB_VERSION, size) == Z_OK else {
            unsafe made.deallocate()
            throw .damaged
        }
        unsafe stream = made
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Decompresses the next piece of the stream.
    ///
    /// - Parameters:
    ///   - bytes: the piece.
    ///   - contents: what comes of it is added here.
    ///   - limit: the most bytes `contents` may have; it is filled up to there before the error is thrown.
    /// - Throws: `DecompressionError`.
    public mutating func append(
        _ bytes: Span<UInt8>,
        to contents: inout [UInt8],
        limit: Int
    ) throws(DecompressionError) {
        if piece.isEmpty { piece = [UInt8](repeating: 0, count: GzipDecoder.pieceBytes) }
        var space: [UInt8] = []
        swap(&space, &piece)
        defer { swap(&space, &piece) }
        var read = 0
        while true {
            let step = try step(bytes.extracting(read...), into: &space, 0..<space.count)
            read += step.read
            let room = max(0, limit - contents.count)
            contents += space.prefix(min(room, step.written))
            guard step.written <= room else { throw .tooLarge }
            if step.written < space.count { return }
        }
    }

    /// Goes on until the input is used up or the space is full.
    ///
    /// Less written than there was space means that all of the input was read and nothing of it is left to come.
    ///
    /// - Parameters:
    ///   - bytes: input.
    ///   - buffer: where to write.
    ///   - space: the part of it that may be written to, not empty.
    /// - Returns: how much was read and written.
    /// - Throws: `DecompressionError.damaged`.
    mutating func step(
        _ bytes: Span<UInt8>,
        into buffer: inout [UInt8],
        _ space: Range<Int>
    ) throws(DecompressionError) -> Step {
        guard let count = UInt32(exactly: bytes.count), let room = UInt32(exactly: space.count) else {
            throw .tooLarge
        }
        let stream = unsafe stream
        var wasAtEnd = isAtEnd
        defer { isAtEnd = wasAtEnd }
        let code = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe buffer.withUnsafeMutableBufferPointer { output in
                // The input is only read; zlib's interface lacks the const.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                unsafe stream.pointee.avail_in = count
                unsafe stream.pointee.next_out = output.baseAddress.map { unsafe $0 + space.lowerBound }
                unsafe stream.pointee.avail_out = room
                while true {
                    if wasAtEnd {
                        guard unsafe stream.pointee.avail_in > 0 else { return Z_OK }
                        let again = unsafe inflateReset2(stream, GzipDecoder.gzipFraming)
                        guard again == Z_OK else { return again }
                        wasAtEnd = false
                    }
                    let code = unsafe inflate(stream, Z_NO_FLUSH)
                    guard code == Z_STREAM_END else { return code }
                    wasAtEnd = true
                }
            }
        }
        // Without progress there was no input, or no space: neither is a fault.
        guard code == Z_OK || code == Z_BUF_ERROR else { throw .damaged }
        return unsafe Step(
            read: bytes.count - Int(stream.pointee.avail_in),
            written: space.count - Int(stream.pointee.avail_out)
        )
    }
}
