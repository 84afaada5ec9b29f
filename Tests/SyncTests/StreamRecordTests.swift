// SPDX-License-Identifier: Apache-2.0
//
// A stream's record as docs/formats/sync-state.md draws it: byte for byte, through every damage, and whatever the bytes.

import Bytes
import Platform
import Samples
import Testing

@testable import Sync

/// A record behind a reference, which `#expect` can call mutating verbs on.
private final class Box {
    var record: StreamRecord
    init(_ record: StreamRecord) { self.record = record }

    func freeze(_ recipe: Recipe) -> Bool { record.freeze(recipe) }
}

@Suite struct StreamRecordTests {
    private func full() throws -> StreamRecord {
        var record = StreamRecord(from: LogPosition(sequence: 7))
        record.fingerprint = 0x0102_0304_0506_0708
        record.kind = .windows(.seconds(300))
        record.lastSuccess = Timestamp(milliseconds: -5)
        record.boot = 99
        record.doubtful = 200
        record.remaining = try #require(
            RangeSet([
                OrdinalRange(ordinals: 1..<2, mode: .tier(.seconds(3600)), times: -9...9),
                OrdinalRange(ordinals: 5..<6, mode: .resolution),
                OrdinalRange(ordinals: 50..<UInt64.max, mode: .windows(.seconds(60))),
            ])
        )
        record.nextNumber = 12
        var plain = Recipe(number: 4, ordinals: 10..<20, before: 20)
        plain.lane = .alerts
        var divided = Recipe(number: 11, ordinals: 20..<30, before: 31)
        divided.lane = .bulk
        divided.mode = .tier(.seconds(300))
        divided.from = 3
        divided.oldest = -77
        divided.labels = LabelBounds(lower: Labels([("a", "b")]), upper: Labels([("c", "ü")]))
        (divided.message, divided.encoding) = (.v2, .denseZstd)
        (divided.fingerprint, divided.crc, divided.attempts) = (5, 6, 7)
        (divided.isAmbiguous, divided.isSpilled) = (true, true)
        divided.progress = PartProgress(
            left: [
                Part(series: 3..<9, times: Int64.min...Int64.max), Part(series: 0..<3, times: 4...4),
            ],
            accepted: 8,
            rejections: 9,
            ambiguousFrom: 0,
            isProbing: true,
            isScanning: true
        )
        record.recipes = [plain, divided]
        return record
    }

    @Test func everyFieldSurvives() throws {
        let record = try full()
        #expect(record.invariantViolation == nil)
        #expect(StreamRecord(record.bytes) == record)
        let fresh = StreamRecord(from: LogPosition(sequence: 7))
        #expect(StreamRecord(fresh.bytes) == fresh)
    }

    @Test func aNewStreamIsWrittenAsDrawn() {
        var record = StreamRecord(from: LogPosition(sequence: 0x0a0b))
        record.boot = 2
        record.doubtful = 3
        let expected: [UInt8] =
            [2] + [UInt8](repeating: 0, count: 8) + [0] + [UInt8](repeating: 0, count: 8)
            + [0, 0, 0, 0, 0, 0, 0, 0x80] + [2, 0, 0, 0, 0, 0, 0, 0] + [3] + [UInt8](repeating: 0, count: 8)
            + [1]
            + [0x0b, 0x0a, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 8)
            + [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f] + [0, 0, 0, 0, 0, 0, 0, 0x80]
            + [0] + [UInt8](repeating: 0, count: 8) + [0]
        #expect(Array(record.bytes.dropLast(4)) == expected)
    }

    @Test func everyDamageIsNoticed() throws {
        let bytes = try full().bytes
        for length in bytes.indices { #expect(StreamRecord(Array(bytes.prefix(length))) == nil) }
        #expect(StreamRecord(bytes + [0]) == nil)
        for place in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[place] ^= 1 << UInt8(bit)
                #expect(StreamRecord(flipped) == nil)
            }
        }
    }

    /// With a right checksum over it nearly any bytes come as far as the reader.
    @Test func noBytesTrapAndWhatIsReadIsSound() throws {
        var random = SeededGenerator(seed: 20_261_122)
        let seed = Array(try full().bytes.dropLast(4))
        var readable = 0
        for _ in 0..<40_000 {
            var body = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0 where body.count > 2: body.removeLast(Int.random(in: 1..<body.count, using: &random))
                case 1: body.append(UInt8.random(in: 0...255, using: &random))
                default:
                    if let place = body.indices.randomElement(using: &random) {
                        body[place] =
                            [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)]
                            .randomElement(using: &random) ?? 0
                    }
                }
            }
            var bytes = body
            bytes.append(littleEndian: CRC32C.checksum(body.span.bytes))
            guard let record = StreamRecord(bytes) else { continue }
            readable += 1
            #expect(record.invariantViolation == nil)
            #expect(StreamRecord(record.bytes) == record)
        }
        #expect(readable > 1000)
    }

    @Test func freezingTakesOrdinalsAndSettlingEndsThem() {
        let box = Box(StreamRecord(from: LogPosition(sequence: 5)))
        #expect(box.record.position == 5)
        #expect(box.freeze(Recipe(number: 0, ordinals: 5..<9, before: 9)))
        #expect(!box.freeze(Recipe(number: 0, ordinals: 9..<12, before: 12)))
        #expect(box.freeze(Recipe(number: 1, ordinals: 9..<12, before: 12)))
        #expect(box.record.position == 5 && box.record.invariantViolation == nil)
        box.record.settle(0)
        #expect(box.record.position == 9)
        box.record.settle(1)
        #expect(box.record.position == 12 && box.record.recipes.isEmpty)
        for number in 2..<6 as Range<UInt64> {
            #expect(box.freeze(Recipe(number: number, ordinals: number + 20..<number + 21, before: 99)))
        }
        #expect(!box.freeze(Recipe(number: 6, ordinals: 40..<41, before: 99)))
    }

    @Test func aRecordBeyondTheLogGoesBackToItsEnd() {
        let box = Box(StreamRecord(from: LogPosition(sequence: 40)))
        box.record.comeBack(to: 40)
        #expect(box.record.position == 40)
        box.record.comeBack(to: 20)
        #expect(box.record.position == 20 && box.record.remaining == RangeSet(from: 20))
        #expect(box.freeze(Recipe(number: 0, ordinals: 20..<30, before: 30)))
        box.record.comeBack(to: 30)
        #expect(box.record.recipes.count == 1)
        box.record.comeBack(to: 25)
        #expect(box.record.recipes.isEmpty && box.record.position == 20)
    }
}
