// SPDX-License-Identifier: Apache-2.0
//
// The bytes of docs/formats/encryption.md. The fixtures were sealed by another program, Python's `cryptography`, from
// the description alone.

import Bytes
import Platform
import Samples
import Testing

@testable import TSDB

struct EncryptionFormatTests {
    private let key = StoreKey(bytes: Array(0..<32))
    private let salt = [UInt8](0x80..<0x90)

    /// A page with two records of 4 and 1 bytes.
    private static let page = """
        45574c31ca3110ff070000000000000007000000000000000b000000000000007a00f77a8fa9f22c3cbbb7f418000580\
        8182838485868788898a8b8c8d8e8fd7cb81c766a1e815ffcdd33314008114a7537326f98f3c57d811ea3b12c3ea7e72\
        1cd204f14725110081f5104b5d1b2ae81e313f3fc120e2d680be
        """
    /// 4100 bytes, 0, 1, 2, … modulo 251, in two chunks.
    private static let envelopeHead = """
        455745310f620b7701000000001000000410000000000000d7cb81c766a1e815808182838485868788898a8b8c8d8e8f\
        0000000000000000000000000000000014c11397a23c875023b71d7a43105fb2f9f76bff3d6fbcfb6b527663a740e748
        """
    private static let envelopeTail = """
        8128a4a611c43f49def4235a6cfc1cf8500758d40c44ce64e3a81c590a38dd1cf4eaf735
        """

    @Test func aPageIsTheBytesOfTheDrawing() throws {
        let key = try #require(key)
        let session = LogSession(key, salt: salt)
        var buffer = LogBuffer(sequence: 7, nextRow: 11, capacity: 16, session: session)
        buffer.append([2, 1, 9, 9], isRow: true)
        buffer.append([3], isRow: false)
        let image = try #require(buffer.takePending().first).bytes
        #expect(FormatTests.hex(image) == EncryptionFormatTests.page)
        var sessions = LogSessions(StoreEncryption(key: key))
        let golden = FormatTests.bytes(EncryptionFormatTests.page)
        let header = try #require(LogPage.header(golden, &sessions))
        #expect(
            header == LogPage.Header(sequence: 7, tail: 7, firstRow: 11, length: golden.count, isWhole: true)
        )
        #expect(
            LogPage.fragments(golden, header, &sessions).list.map { Array($0.payload) } == [
                [2, 1, 9, 9], [3],
            ]
        )
    }

    @Test func anEnvelopeIsTheBytesOfTheDrawing() throws {
        let key = try #require(key)
        let plain = (0..<4100).map { UInt8($0 % 251) }
        let (_, sealed) = Envelope.seal(plain[...], with: key, salt: salt)
        #expect(FormatTests.hex(sealed.prefix(96)) == EncryptionFormatTests.envelopeHead)
        #expect(FormatTests.hex(sealed.suffix(36)) == EncryptionFormatTests.envelopeTail)
        #expect(sealed.count == 64 + 4100 + 32)
        #expect(Envelope.open(sealed, with: key) == plain)
    }

    /// Every byte of the header that a tag protects, with the checksum made right again.
    @Test func aHeaderWithoutItsTagIsNotBelieved() throws {
        let key = try #require(key)
        let golden = FormatTests.bytes(EncryptionFormatTests.page)
        for place in Array(16..<34) + Array(34..<40) {
            var forged = golden
            forged[place] ^= 1
            forged.overwrite(littleEndian: CRC32C.checksum(forged[8...]), at: 4)
            // A length is also told by where fragments end.
            if place == 32 || place == 33 { continue }
            #expect(LogPage.header(forged)?.isWhole == true, "byte \(place)")
            var sessions = LogSessions(StoreEncryption(key: key))
            let header = try #require(LogPage.header(forged, &sessions))
            #expect(!header.isWhole, "byte \(place)")
            // What was sealed is read all the same.
            #expect(LogPage.fragments(forged, header, &sessions).list.count == 2)
        }
    }

    /// A page under another number is another page.
    @Test func aPageMovedToAnotherNumberIsNothing() throws {
        let key = try #require(key)
        var image = FormatTests.bytes(EncryptionFormatTests.page)
        let seed = LogPage.seed(8)
        image[8] = 8
        var start = LogPage.headerSize
        for length in [24, 20, 17] {
            let end = start + LogPage.fragmentHeaderSize + length
            let body = Array(image[(start + 4)..<end])
            image.overwrite(littleEndian: CRC32C.checksum(body.span.bytes, continuing: seed), at: start)
            start = end
        }
        image.overwrite(littleEndian: CRC32C.checksum(image[8...]), at: 4)
        var sessions = LogSessions(StoreEncryption(key: key))
        let header = try #require(LogPage.header(image, &sessions))
        #expect(header.sequence == 8)
        let fragments = LogPage.fragments(image, header, &sessions)
        #expect(fragments.fingerprint == key.fingerprint)
        #expect(fragments.list.isEmpty)
        #expect(fragments.isForeign)
    }

    @Test func metadataAreInAnEnvelope() throws {
        let key = try #require(key)
        let test = try EncryptionTests.open(MemoryFileStore(), key)
        let temperature = MetricMetadata(family: "temp", kind: .gauge, help: "Air.", unit: "celsius")
        test.store.describe([temperature])
        test.store.saveFamilies(isLast: true)
        let bytes = test.files.contents("/data/metadata")
        #expect(Envelope.open(bytes, with: key) == FamilyFile.bytes(["temp": temperature]))
        let again = try EncryptionTests.open(test.files.afterKill(), key)
        #expect(again.store.metadata() == ["temp": temperature])
        // A changed byte costs the file, as damage does without a key.
        let files = test.files.afterKill()
        files.withFile("/data/metadata") { $0.written[70] ^= 1 }
        let damaged = try EncryptionTests.open(files, key)
        #expect(damaged.store.metadata().isEmpty)
        #expect(damaged.counter("corrupt_blocks_total") == 1)
    }

    @Test func plainMetadataAreWrittenAgainSealed() throws {
        let key = try #require(key)
        let plain = try EncryptionTests.open(MemoryFileStore(), nil)
        let temperature = MetricMetadata(family: "temp", kind: .gauge, help: "Air.", unit: "celsius")
        plain.store.describe([temperature])
        plain.store.saveFamilies(isLast: true)
        let files = plain.files.afterKill()
        files.withFile("/data/log") { $0.written = [UInt8](repeating: 0, count: $0.written.count) }
        #expect(throws: StoreError.notEncrypted(directory: "/data", file: "metadata")) {
            try EncryptionTests.open(files, key)
        }
        let test = try EncryptionTests.open(files.afterKill(), key, accepting: true)
        #expect(test.store.metadata() == ["temp": temperature])
        test.store.saveFamilies(isLast: true)
        #expect(Envelope(test.files.contents("/data/metadata")) != nil)
    }
}
