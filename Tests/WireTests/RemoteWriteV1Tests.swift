// SPDX-License-Identifier: Apache-2.0

import Samples
import Testing
import Wire

private func set(_ pairs: (name: String, value: String)...) -> Labels { Labels(pairs) }

private func series(
    _ labels: [(name: String, value: String)],
    _ samples: [(Int64, Double)]
) -> LogChunk.Series {
    var columns = SampleColumns()
    for (timestamp, value) in samples { columns.append(timestamp, value) }
    return LogChunk.Series(labels: Labels(labels), samples: columns)
}

/// The bytes the wire format asks for, written by hand.
@Test func messageIsProtobuf() {
    let one = series([("__name__", "up"), ("job", "a")], [(300, 1)])
    let expected: [UInt8] =
        [0x0a, 0]
        + [0x0a, 14, 0x0a, 8] + Array("__name__".utf8) + [0x12, 2] + Array("up".utf8)
        + [0x0a, 8, 0x0a, 3] + Array("job".utf8) + [0x12, 1] + Array("a".utf8)
        + [0x12, 12, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0xac, 0x02]
    var fixed = expected
    fixed[1] = UInt8(expected.count - 2)
    #expect(RemoteWriteV1.encode([one]) == fixed)
}

@Test func messagesSurviveTheRoundTripBitForBit() throws {
    let input = [
        series(
            [("__name__", "a"), ("x", String(repeating: "ü", count: 100))],
            [(-5, -0.0), (0, 0), (1, .nan)]
        ),
        series([("__name__", "b")], [(Int64.max, .infinity), (Int64.min, StaleMarker.value)]),
        series([("__name__", "empty")], []),
    ]
    let decoded = try RemoteWriteV1.decode(RemoteWriteV1.encode(input))
    #expect(decoded.map(\.labels) == input.dropLast().map(\.labels))
    #expect(decoded.map(\.samples) == input.dropLast().map(\.samples))
    #expect(decoded[1].samples.values[1].isStale)
}

@Test func externalLabelsYieldToTheSeries() throws {
    let input = [
        series([("__name__", "a"), ("site", "own")], [(1, 1)]), series([("__name__", "b")], [(1, 1)]),
    ]
    let external = set(("site", "plant"), ("aaa", "1"))
    let decoded = try RemoteWriteV1.decode(RemoteWriteV1.encode(input, externalLabels: external))
    #expect(decoded[0].labels == set(("__name__", "a"), ("site", "own"), ("aaa", "1")))
    #expect(decoded[1].labels == set(("__name__", "b"), ("site", "plant"), ("aaa", "1")))
}

@Test func limitsHold() {
    let message = RemoteWriteV1.encode([
        series([("__name__", "a")], [(1, 1), (2, 2)]), series([("__name__", "b")], [(1, 1)]),
    ])
    var limits = RemoteWriteRequest.Limits()
    limits.series = 1
    #expect(throws: RemoteWriteError.self) { try RemoteWriteV1.decode(message, limits: limits) }
    limits = RemoteWriteRequest.Limits()
    limits.samples = 2
    #expect(throws: RemoteWriteError.self) { try RemoteWriteV1.decode(message, limits: limits) }
    limits = RemoteWriteRequest.Limits()
    limits.keyBytes = 10
    #expect(throws: RemoteWriteError.self) { try RemoteWriteV1.decode(message, limits: limits) }
}

@Test func unknownFieldsAreSkipped() throws {
    let known = RemoteWriteV1.encode([series([("__name__", "a")], [(1, 1)])])
    // Metadata (field 3), a varint field 9 and a 32-bit field 10 around the series.
    let message: [UInt8] = [0x1a, 2, 0x08, 1, 0x48, 0x96, 0x01] + known + [0x55, 1, 2, 3, 4]
    #expect(try RemoteWriteV1.decode(message).count == 1)
}

@Test func damagedMessagesNeverTrap() {
    var random = SystemRandomNumberGenerator()
    let message = RemoteWriteV1.encode([
        series([("__name__", "a"), ("l", "v")], [(1, 1), (2, 2)]), series([("__name__", "b")], [(1, 1)]),
    ])
    for length in message.indices { _ = try? RemoteWriteV1.decode(Array(message[..<length])) }
    for _ in 0..<20_000 {
        var damaged = message
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(
                in: 0...255,
                using: &random
            )
        }
        _ = try? RemoteWriteV1.decode(damaged)
    }
}
