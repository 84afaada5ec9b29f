// SPDX-License-Identifier: Apache-2.0
//
// A store with a key: everything comes back, nothing shows, and nothing is touched without the key.

import Bytes
import Platform
import Samples
import Synchronization
import Testing

@testable import TSDB

struct EncryptionTests {
    static let key = StoreKey(bytes: Array(0..<32))
    private static let other = StoreKey(bytes: Array(1..<33))

    static func open(
        _ files: MemoryFileStore,
        _ key: StoreKey?,
        staging: Bool = false,
        accepting isPlainRead: Bool = false
    ) throws -> TestStore {
        try TestStore(files: files) {
            $0.encryption = key.map { StoreEncryption(key: $0, acceptsPlaintext: isPlainRead) }
            $0.stagingPath = staging ? "/dev/shm/stage" : nil
            $0.tiers = [
                TierOptions(name: "cold", resolution: .seconds(3600), ringBytes: 4 << 20, ringFiles: 4)
            ]
        }
    }

    /// All bytes of all files, by path.
    private static func bytes(_ files: MemoryFileStore) -> [String: [UInt8]] {
        files.state.withLock { $0.files.mapValues { $0.written } }
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains {
            bytes[$0] == wanted[0] && bytes[$0...].starts(with: wanted)
        }
    }

    // MARK: - Round trips

    @Test func rowsComeBackFromHeadLogAndSegments() throws {
        let test = try EncryptionTests.open(MemoryFileStore(), EncryptionTests.key)
        try Rows(test).append(0..<200)
        #expect(try Rows.present(test.store) == Array(0..<200))
        let killed = try EncryptionTests.open(test.files.afterKill(), EncryptionTests.key)
        #expect(try Rows.present(killed.store) == Array(0..<200))
        #expect(killed.store.statistics.recovery.damagedPages == 0)
        try killed.store.sealAll()
        #expect(try Rows.present(killed.store) == Array(0..<200))
        try Rows(killed).append(200..<300)
        let again = try EncryptionTests.open(killed.files.afterKill(), EncryptionTests.key)
        #expect(try Rows.present(again.store) == Array(0..<300))
        #expect(again.store.statistics.recovery.segments == 1)
        #expect(again.store.statistics.recovery.damagedSegments == 0)
        let chunk = try again.store.read(from: LogPosition(sequence: 0), sampleLimit: 10_000)
        #expect(chunk.lostRows == 0)
    }

    /// What was synced survives any power cut; the rest is a prefix.
    @Test(arguments: [false, true]) func aPowerCutTakesOnlyTheEnd(isStaged: Bool) throws {
        for seed in UInt64(0)..<30 {
            var random = SeededGenerator(seed: seed)
            let test = try EncryptionTests.open(MemoryFileStore(), EncryptionTests.key, staging: isStaged)
            let rows = try Rows(test)
            try rows.append(0..<120)
            if seed % 3 == 0 { try test.store.sealAll() }
            try test.store.syncLog()
            try rows.append(120..<240)
            let after = try EncryptionTests.open(
                test.files.afterPowerCut(using: &random),
                EncryptionTests.key,
                staging: isStaged
            )
            let present = try Rows.present(after.store)
            #expect(present.count >= 120)
            #expect(present == Array(0..<present.count), "seed \(seed)")
            try Rows(after).append(240..<300)
            let last = try EncryptionTests.open(
                after.files.afterKill(),
                EncryptionTests.key,
                staging: isStaged
            )
            #expect(try Rows.present(last.store) == present + Array(240..<300), "seed \(seed)")
        }
    }

    // MARK: - What shows

    @Test func noLabelIsInAnyFile() throws {
        for key in [EncryptionTests.key, nil] {
            let test = try EncryptionTests.open(MemoryFileStore(), key, staging: true)
            let group = try test.store.group(Labels([("job", "kelterwerk")]))
            let labels = Labels([
                (name: "__name__", value: "tank_level_total"), (name: "site", value: "Oberursel"),
            ])
            test.store.describe([MetricMetadata(family: "tank_level", kind: .counter, help: "Pegel")])
            let series = try test.store.series(labels, in: group)
            for row in 0..<300 {
                var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
                batch.append(series, Double(row))
                _ = try test.store.append(batch)
                if row == 200 { try test.store.sealAll() }
            }
            try test.store.syncLog()
            test.store.saveFamilies(isLast: true)
            let files = EncryptionTests.bytes(test.files)
            #expect(files["/data/log"]?.contains { $0 != 0 } == true)
            #expect(files["/data/ring-00"]?.isEmpty == false)
            let found = files.filter { file in
                ["tank_level", "Oberursel", "kelterwerk", "__name__", "Pegel"]
                    .contains { EncryptionTests.contains(file.value, $0) }
            }
            // The plain store shows that this test can see.
            #expect(found.isEmpty == (key != nil), "\(found.keys)")
        }
    }

    // MARK: - Keys

    @Test func withoutTheKeyNothingIsTouched() throws {
        for isSealed in [false, true] {
            let test = try EncryptionTests.open(MemoryFileStore(), EncryptionTests.key, staging: !isSealed)
            try Rows(test).append(0..<100)
            if isSealed {
                try test.store.sealAll()
                test.files.withFile("/data/log") { $0 = .init() }
            }
            for key in [EncryptionTests.other, nil] {
                let files = test.files.afterKill()
                let before = EncryptionTests.bytes(files)
                let name = try #require(EncryptionTests.key).description
                let wanted: StoreError =
                    key.map { .wrongKey(directory: "/data", fingerprint: name, given: $0.description) }
                    ?? .keyMissing(directory: "/data", fingerprint: name)
                #expect(throws: wanted) { try EncryptionTests.open(files, key, staging: !isSealed) }
                #expect(EncryptionTests.bytes(files) == before)
            }
        }
    }

    /// Nothing but pages in shared memory is encrypted.
    @Test func stagedPagesAskForTheirKey() throws {
        let plain = try EncryptionTests.open(MemoryFileStore(), nil, staging: true)
        try Rows(plain).append(0..<10)
        try plain.store.syncLog()
        let first = plain.files.afterKill()
        let test = try EncryptionTests.open(first, EncryptionTests.key, staging: true, accepting: true)
        try Rows(test).append(10..<20)
        let files = test.files.afterKill()
        let before = EncryptionTests.bytes(files)
        #expect(throws: StoreError.self) { try EncryptionTests.open(files, nil, staging: true) }
        #expect(EncryptionTests.bytes(files) == before)
        let again = try EncryptionTests.open(files, EncryptionTests.key, staging: true, accepting: true)
        #expect(try Rows.present(again.store) == Array(0..<20))
    }

    @Test func plainDataIsReadOnlyWhenAsked() throws {
        let plain = try EncryptionTests.open(MemoryFileStore(), nil)
        try Rows(plain).append(0..<100)
        try plain.store.sealAll()
        try Rows(plain).append(100..<150)
        for file in ["ring-00", "log"] {
            let files = plain.files.afterKill()
            if file == "log" { files.withFile("/data/ring-00") { $0 = .init() } }
            let before = EncryptionTests.bytes(files)
            #expect(throws: StoreError.notEncrypted(directory: "/data", file: file)) {
                try EncryptionTests.open(files, EncryptionTests.key)
            }
            #expect(EncryptionTests.bytes(files) == before)
        }
        let test = try EncryptionTests.open(plain.files.afterKill(), EncryptionTests.key, accepting: true)
        #expect(try Rows.present(test.store) == Array(0..<150))
        try Rows(test).append(150..<200)
        let mixed = try EncryptionTests.open(test.files.afterKill(), EncryptionTests.key, accepting: true)
        #expect(try Rows.present(mixed.store) == Array(0..<200))
        try mixed.store.sealAll()
        try Rows(mixed).append(200..<250)
        let last = try EncryptionTests.open(mixed.files.afterKill(), EncryptionTests.key, accepting: true)
        #expect(try Rows.present(last.store) == Array(0..<250))
        #expect(last.store.statistics.recovery.segments == 2)
        #expect(throws: StoreError.self) { try EncryptionTests.open(last.files.afterKill(), nil) }
        #expect(throws: StoreError.notEncrypted(directory: "/data", file: "ring-00")) {
            try EncryptionTests.open(last.files.afterKill(), EncryptionTests.key)
        }
        // Without the plain segment nothing else is in the way: the log's plain pages are no longer needed.
        last.files.withFile("/data/ring-00") { $0.written.replaceSubrange(0..<4, with: [0, 0, 0, 0]) }
        let sealed = try EncryptionTests.open(last.files.afterKill(), EncryptionTests.key)
        #expect(try Rows.present(sealed.store) == Array(100..<250))
    }

    /// Who can write to the disk but has no key can put nothing of his own beside what is sealed.
    @Test func plainRowsPutBesideSealedOnesAreNotRead() throws {
        let test = try EncryptionTests.open(MemoryFileStore(), EncryptionTests.key)
        try Rows(test).append(0..<50)
        let files = test.files.afterKill()
        var image = Array(files.contents("/data/log")[..<LogPage.size])
        let header = try #require(LogPage.header(image))
        image.removeLast(LogPage.size - header.length)
        LogPage.append(
            .whole,
            [1, 2, 3],
            sequence: header.sequence,
            seed: LogPage.seed(header.sequence),
            to: &image
        )
        LogPage.finish(&image, sequence: header.sequence, tail: header.tail, firstRow: header.firstRow)
        var sessions = LogSessions(
            EncryptionTests.key.map { StoreEncryption(key: $0, acceptsPlaintext: true) }
        )
        let forged = try #require(LogPage.header(image, &sessions))
        #expect(!forged.isWhole)
        #expect(LogPage.fragments(image, forged, &sessions).isForeign)
        let forgedImage = image
        files.withFile("/data/log") { $0.written.replaceSubrange(0..<forgedImage.count, with: forgedImage) }
        let again = try EncryptionTests.open(files, EncryptionTests.key)
        #expect(try Rows.present(again.store) == Array(0..<50))
    }

    @Test func everyProcessAndSegmentHasASaltOfItsOwn() throws {
        var files = MemoryFileStore()
        var sessions: Set<[UInt8]> = []
        for start in 0..<5 {
            let test = try EncryptionTests.open(files, EncryptionTests.key)
            try Rows(test).append((start * 10)..<(start * 10 + 10))
            let log = test.files.contents("/data/log")
            let salt = LogPage.headerSize + LogPage.fragmentHeaderSize
            for start in stride(from: 0, to: log.count, by: LogPage.size) where log[start] != 0 {
                sessions.insert(Array(log[(start + salt)..<(start + salt + SealingKey.saltBytes)]))
            }
            try test.store.sealAll()
            files = test.files.afterKill()
        }
        #expect(sessions.count == 5)
        let ring = files.contents("/data/ring-00")
        var salts: [[UInt8]] = []
        for start in stride(from: 0, to: ring.count - Envelope.size, by: SegmentHeader.alignment) {
            if let envelope = Envelope(Array(ring[start..<(start + Envelope.size)])) {
                salts.append(envelope.salt)
            }
        }
        #expect(salts.count == 5)
        #expect(Set(salts).count == 5)
    }

    // MARK: - Damage

    @Test func everyFlippedBitOfAnEnvelopeIsSeen() throws {
        let key = try #require(EncryptionTests.key)
        let plain = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let (envelope, sealed) = Envelope.seal(plain[...], with: key)
        #expect(sealed.count == 64 + 5000 + 2 * 16)
        #expect(Envelope.sealedLength(envelope.length) == sealed.count)
        #expect(Envelope.open(sealed, with: key) == plain)
        #expect(try Envelope.open(sealed, with: #require(EncryptionTests.other)) == nil)
        for byte in sealed.indices {
            var damaged = sealed
            damaged[byte] ^= 1 << (byte % 8)
            #expect(Envelope.open(damaged, with: key) == nil, "byte \(byte)")
        }
        #expect(Envelope.open(Array(sealed.dropLast()), with: key) == nil)
    }

    @Test func anEnvelopeReadsLikePlainBytes() throws {
        let key = try #require(EncryptionTests.key)
        let plain = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let (envelope, sealed) = Envelope.seal(plain[...], with: key)
        let raw = try MemoryFileStore().open("/data/x", .create)
        try raw.write(sealed, at: 128)
        let file = EnvelopeFile(raw, at: 128, envelope, key)
        for (start, count) in [
            (0, 9000), (0, 1), (4095, 2), (4096, 4096), (8999, 1), (8999, 50), (100, 8000),
        ] {
            let read = try file.read(at: 128 + Int64(start), count: count)
            #expect(read == Array(plain[start..<min(start + count, 9000)]))
        }
        #expect(try file.read(at: 128 + 9000, count: 1).isEmpty)
        #expect(try file.read(at: 127, count: 1).isEmpty)
    }

    @Test func aFlippedBitInASegmentFailsThatReadOnly() throws {
        let test = try EncryptionTests.open(MemoryFileStore(), EncryptionTests.key)
        let group = try test.store.group(Labels([("job", "noise")]))
        let series = try test.store.series(Labels([("__name__", "noise")]), in: group)
        var random = SeededGenerator(seed: 1)
        for row in 0..<1500 {
            var batch = SampleBatch(group: group, timestamp: Timestamp(milliseconds: Int64(row) * 1000))
            batch.append(series, Double.random(in: 0...1, using: &random))
            _ = try test.store.append(batch)
        }
        try test.store.sealAll()
        let segment = try #require(test.store.head.withLock { $0.segments.first })
        #expect(segment.length > 2 * Envelope.chunkBytes)
        let place = Int(segment.offset) + segment.storedBytes - 100
        test.files.withFile("/data/ring-00") { $0.written[place] ^= 4 }
        #expect(throws: (any Error).self) { try segment.read(segment.length - 40, 30) }
        #expect(try segment.bytes(0, 4) == Array("EWS1".utf8))
    }

    /// The checksum is made right again, as one would who changes data on purpose.
    @Test func aForgedFragmentIsNotARow() throws {
        let key = try #require(EncryptionTests.key)
        var buffer = LogBuffer(sequence: 7, nextRow: 0, capacity: 16, session: LogSession(key))
        for number in 0..<4 { buffer.append([2, UInt8(number), 9, 9], isRow: true) }
        let image = try #require(buffer.takePending().first).bytes
        var sessions = LogSessions(StoreEncryption(key: key))
        let header = try #require(LogPage.header(image, &sessions))
        #expect(header.isWhole)
        let whole = LogPage.fragments(image, header, &sessions)
        #expect(whole.list.map { Array($0.payload) } == (0..<4).map { [2, UInt8($0), 9, 9] })
        #expect(whole.fingerprint == key.fingerprint)
        #expect(!whole.isForeign)
        let first = LogPage.headerSize + LogPage.fragmentHeaderSize + LogSession.descriptionBytes
        let step = LogPage.fragmentHeaderSize + 4 + SealingKey.tagBytes
        #expect(image.count == first + 4 * step)
        for place in [6, 7, 10, 11, 26] {
            var forged = image
            // Of the third fragment: its part, text or tag.
            forged[first + 2 * step + place] ^= place == 6 ? 3 : 1
            LogPage.repair(&forged, first + 2 * step, step, 7)
            let seen = LogPage.fragments(forged, header, &sessions)
            #expect(seen.list.count == 2, "byte \(place)")
            #expect(seen.isForeign)
        }
        var none = LogSessions(nil)
        #expect(LogPage.fragments(image, header, &none).list.isEmpty)
    }

    /// Records of every length come back, over page ends too, and images never grow beyond a page.
    @Test func recordsOfAllLengthsComeBack() throws {
        let key = try #require(EncryptionTests.key)
        for length in [1, 100, 3990, 4001, 4002, 4003, 4009, 4010, 4025, 4026, 4040, 5000, 20_000] {
            var buffer = LogBuffer(sequence: 1, nextRow: 0, capacity: 64, session: LogSession(key))
            let record = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            for _ in 0..<3 { buffer.append(record, isRow: false) }
            var sessions = LogSessions(StoreEncryption(key: key))
            var read: [UInt8] = []
            for page in buffer.takePending() {
                #expect(page.bytes.count <= LogPage.size)
                let header = try #require(LogPage.header(page.bytes, &sessions))
                #expect(header.isWhole)
                let fragments = LogPage.fragments(page.bytes, header, &sessions)
                #expect(fragments.fillPage || !page.isFull)
                for fragment in fragments.list { read += fragment.payload }
            }
            #expect(read == record + record + record, "\(length)")
        }
    }

    // MARK: - Forms of keys

    @Test func keysAreReadInThreeForms() throws {
        let bytes = [UInt8](0..<32)
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        let key = try #require(StoreKey(bytes: bytes))
        #expect(try StoreKey(contents: bytes) == key)
        for text in [
            hex, hex.uppercased(), hex + "\n", " \(hex)\r\n", base64, base64 + "\n",
            String(base64.dropLast()),
        ] {
            #expect(try StoreKey(contents: Array(text.utf8)) == key, "\(text)")
        }
        // HKDF-SHA256 of the key without salt, info "edgewatch fingerprint", 8 bytes; computed with another program.
        #expect(key.description == "d7cb81c766a1e815")
        #expect("\(StoreKey(bytes: Array(1..<33)) == key)" == "false")
    }

    @Test func otherTextsAreNoKeys() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        let texts = [
            "", "\n", String(hex.dropLast()), hex + "0", String(hex.prefix(32)), "g" + hex.dropFirst(),
            "correct horse battery staple", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        ]
        for text in texts {
            #expect(throws: StoreKey.FormatError.self, "\(text)") { try StoreKey(contents: Array(text.utf8)) }
        }
        let message = StoreKey.FormatError(found: "12 bytes of another form").description
        #expect(message.contains("openssl rand -hex 32"))
    }
}

extension LogPage {
    /// Makes the checksum of a fragment right.
    fileprivate static func repair(_ image: inout [UInt8], _ start: Int, _ count: Int, _ sequence: UInt64) {
        let body = Array(image[(start + 4)..<(start + count)])
        let checksum = CRC32C.checksum(body.span.bytes, continuing: seed(sequence))
        image.overwrite(littleEndian: checksum, at: start)
    }
}
