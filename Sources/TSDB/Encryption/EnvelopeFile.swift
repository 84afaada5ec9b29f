// SPDX-License-Identifier: Apache-2.0
//
// Lets whoever reads a segment read it as if it lay plain at its place in the ring's file. Only reading: a segment is
// written once, as a whole.

internal import Platform

/// A ring's file as seen from one sealed segment in it.
final class EnvelopeFile: StorageFile {
    /// Plain bytes of the segment.
    let length: Int
    private let file: any StorageFile
    private let start: Int64
    private let key: SealingKey

    /// - Parameters:
    ///   - file: the ring's file.
    ///   - start: where the envelope begins in it.
    ///   - envelope: its head, of this key.
    ///   - key: the key of the store.
    init(_ file: any StorageFile, at start: Int64, _ envelope: Envelope, _ key: StoreKey) {
        self.file = file
        self.start = start
        length = envelope.length
        self.key = envelope.key(key)
    }

    /// Bytes of the envelope in the ring's file, without padding.
    var sealedLength: Int { Envelope.sealedLength(length) }

    /// Where the segment would end if it lay plain.
    func size() throws(FileError) -> Int64 { start + Int64(length) }

    /// Reads plain bytes of the segment; nothing beyond it.
    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        let low = Int(clamping: offset - start)
        guard low >= 0, low < length, count > 0 else { return [] }
        let high = low + min(count, length - low)
        let chunks = Envelope.chunks(low..<high)
        let stored = Envelope.place(of: chunks, length: length)
        let sealed = try file.read(at: start + Int64(stored.lowerBound), count: stored.count)
        guard sealed.count == stored.count,
            var plain = Envelope.open(sealed[...], firstChunk: chunks.lowerBound, with: key)
        else {
            throw FileError(operation: "decrypt", path: "segment", code: ErrorNumber.badMessage)
        }
        let begin = low - chunks.lowerBound * Envelope.chunkBytes
        if begin > 0 { plain.removeFirst(begin) }
        plain.removeLast(plain.count - (high - low))
        return plain
    }

    /// Refused: segments are not changed.
    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        throw FileError(operation: "write", path: "segment", code: ErrorNumber.readOnly)
    }

    /// Makes the ring's file durable.
    func syncData() throws(FileError) { try file.syncData() }

    /// Which file the ring's file is.
    func identity() throws(FileError) -> FileIdentity { try file.identity() }

    /// Refused: segments are not changed.
    func truncate(to size: Int64) throws(FileError) {
        throw FileError(operation: "truncate", path: "segment", code: ErrorNumber.readOnly)
    }
}
