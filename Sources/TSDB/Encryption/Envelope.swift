// SPDX-License-Identifier: Apache-2.0
//
// What a segment, and the file of metadata, is put in when the store has a key. An observer learns how long it is, when
// it was written and which key it wants. Chunks are sealed one by one, so reading a block costs the chunks it lies in
// and damage costs one chunk. docs/formats/encryption.md draws it.
//
// Every envelope has a key of its own, derived from the store's and from a salt drawn for it: sealing the same bytes
// again, at the same place or at another, never meets a key that sealed others.

internal import Bytes

/// The plain head of sealed bytes.
struct Envelope: Sendable, Equatable {
    static let magic: UInt32 = 0x3145_5745  // "EWE1" in file order
    static let version: UInt16 = 1
    static let size = 64
    /// Plain bytes of a chunk; 0.4 % of tags.
    static let chunkBytes = 4096
    private static let sealedChunkBytes = chunkBytes + SealingKey.tagBytes

    let fingerprint: [UInt8]
    let salt: [UInt8]
    /// Plain bytes inside.
    let length: Int

    /// Bytes of the envelope of so many plain bytes.
    static func sealedLength(_ length: Int) -> Int {
        size + length + (length + chunkBytes - 1) / chunkBytes * SealingKey.tagBytes
    }

    /// Puts bytes into an envelope with a salt of its own.
    static func seal(_ plain: ArraySlice<UInt8>, with key: StoreKey) -> (envelope: Envelope, bytes: [UInt8]) {
        seal(plain, with: key, salt: SealingKey.salt())
    }

    /// Puts bytes into an envelope; a salt is never used for other bytes, so only tests choose it.
    static func seal(
        _ plain: ArraySlice<UInt8>,
        with key: StoreKey,
        salt: [UInt8]
    ) -> (envelope: Envelope, bytes: [UInt8]) {
        let envelope = Envelope(fingerprint: key.fingerprint, salt: salt, length: plain.count)
        var out = envelope.head()
        // With room for the padding that a ring adds.
        out.reserveCapacity(SegmentHeader.padded(sealedLength(plain.count)))
        let own = envelope.key(key)
        var rest = plain
        var number: UInt64 = 0
        while !rest.isEmpty {
            own.seal(rest.prefix(chunkBytes), at: (number, 0), to: &out)
            rest = rest.dropFirst(chunkBytes)
            number += 1
        }
        return (envelope, out)
    }

    /// What is in an envelope; nil when it is of another key or not what was sealed.
    static func open(_ bytes: [UInt8], with key: StoreKey) -> [UInt8]? {
        guard let envelope = Envelope(bytes), envelope.fingerprint == key.fingerprint,
            bytes.count >= sealedLength(envelope.length)
        else { return nil }
        return open(bytes[size..<sealedLength(envelope.length)], firstChunk: 0, with: envelope.key(key))
    }

    /// The numbers of the chunks in which plain bytes are.
    static func chunks(_ plain: Range<Int>) -> ClosedRange<Int> {
        let first = plain.lowerBound / chunkBytes
        return first...max(first, (plain.upperBound - 1) / chunkBytes)
    }

    /// Where chunks are in an envelope of so many plain bytes.
    static func place(of chunks: ClosedRange<Int>, length: Int) -> Range<Int> {
        let end = min(size + (chunks.upperBound + 1) * sealedChunkBytes, sealedLength(length))
        return (size + chunks.lowerBound * sealedChunkBytes)..<end
    }

    /// The plain bytes of chunks that follow each other; nil when one is not what was sealed.
    static func open(_ sealed: ArraySlice<UInt8>, firstChunk: Int, with own: SealingKey) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(sealed.count)
        var rest = sealed
        var number = UInt64(firstChunk)
        while !rest.isEmpty {
            guard own.open(rest.prefix(sealedChunkBytes), at: (number, 0), to: &plain) else { return nil }
            rest = rest.dropFirst(sealedChunkBytes)
            number += 1
        }
        return plain
    }

    /// The key of this envelope alone; of another length it is another key, so no end can be cut off.
    func key(_ master: StoreKey) -> SealingKey {
        SealingKey(master.derived("edgewatch envelope \(length)", salt: salt))
    }

    private func head() -> [UInt8] {
        var out: [UInt8] = []
        out.append(littleEndian: Envelope.magic)
        out.append(littleEndian: UInt32(0))
        out.append(littleEndian: Envelope.version)
        out.append(littleEndian: UInt16(0))
        out.append(littleEndian: UInt32(Envelope.chunkBytes))
        out.append(littleEndian: UInt64(length))
        out += fingerprint
        out += salt
        out.append(contentsOf: repeatElement(0, count: Envelope.size - out.count))
        out.overwrite(littleEndian: CRC32C.checksum(out[8...]), at: 4)
        return out
    }

    private init(fingerprint: [UInt8], salt: [UInt8], length: Int) {
        self.fingerprint = fingerprint
        self.salt = salt
        self.length = length
    }

    /// Reads a head; nil when these are not the first bytes of an envelope this program knows.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard bytes.count >= Envelope.size, (try? reader.integer(UInt32.self)) == Envelope.magic,
            let checksum = try? reader.integer(UInt32.self),
            CRC32C.checksum(bytes[8..<Envelope.size]) == checksum,
            (try? reader.integer(UInt16.self)) == Envelope.version,
            (try? reader.integer(UInt16.self)) != nil,
            (try? reader.integer(UInt32.self)) == UInt32(Envelope.chunkBytes),
            let length = try? reader.integer(UInt64.self), length <= UInt64(Int32.max),
            let fingerprint = try? reader.take(StoreKey.fingerprintBytes),
            let salt = try? reader.take(SealingKey.saltBytes)
        else { return nil }
        self.init(fingerprint: Array(fingerprint), salt: Array(salt), length: Int(length))
    }
}
