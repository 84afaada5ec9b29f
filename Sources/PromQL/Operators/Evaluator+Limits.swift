// SPDX-License-Identifier: Apache-2.0
//
// limitk and limit_ratio: some of the series, whatever their values. limit_ratio picks by a hash of the labels, so that a
// series stays picked from step to step and `limit_ratio(r, x)` and `limit_ratio(r - 1, x)` are each other's rest.

internal import Samples

extension Evaluator {
    func streamLimited(_ aggregation: Aggregation, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        guard let limits = try Self.counts(parameter(aggregation, grid)) else { return }
        let vector = try collect(aggregation.expression, grid)
        defer { release(vector) }
        for member in groups(vector, aggregation.selection).members {
            try checkTime()
            var taken = [Int](repeating: 0, count: grid.count)
            for index in member {
                var column = vector.columns[index]
                var bits = column.occupied
                for step in 0..<grid.count where bits[step >> 6] >> UInt64(step & 63) & 1 != 0 {
                    if taken[step] < limits[step] {
                        taken[step] += 1
                    } else {
                        bits[step >> 6] &= ~(1 << UInt64(step & 63))
                    }
                }
                column.keep(bits)
                if !column.isEmpty { try body(vector.headers[index], &column) }
            }
        }
    }

    func streamSampled(_ aggregation: Aggregation, _ grid: Grid, _ body: SeriesBody) throws(QueryError) {
        var ratios = try parameter(aggregation, grid)
        if ratios.contains(where: \.isNaN) { throw QueryError(.execution, "Ratio value is NaN") }
        for step in ratios.indices where abs(ratios[step]) > 1 {
            let cap: Double = ratios[step] > 0 ? 1 : -1
            let range = aggregation.parameter?.range ?? aggregation.range
            annotations.warn(Notices.invalidRatio(ratios[step], cappedTo: cap), at: range)
            ratios[step] = cap
        }
        try stream(aggregation.expression, grid) { (header, column: inout Column) throws(QueryError) in
            let place = LabelHash.place(of: header.labels)
            var bits = column.occupied
            for step in 0..<grid.count {
                let ratio = ratios[step]
                let isKept = ratio >= 0 ? place < ratio : place >= 1 + ratio
                if !isKept { bits[step >> 6] &= ~(1 << UInt64(step & 63)) }
            }
            column.keep(bits)
            if !column.isEmpty { try body(header, &column) }
        }
    }
}

/// The hash Prometheus gives a label set: XXH64 over names and values, each behind its length.
///
/// Source: Yann Collet, "XXH64", github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md; the layout is Prometheus'
/// `model/labels` in its default build.
enum LabelHash {
    /// The hash as a number from 0 up to 1.
    static func place(of labels: Labels) -> Double {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(labels.bytes.count + 8)
        labels.forEachRange { name, value in
            for range in [name, value] {
                if range.count < 255 {
                    bytes.append(UInt8(range.count))
                } else {
                    bytes.append(255)
                    for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: range.count >> shift)) }
                }
                bytes += labels.bytes[range]
            }
        }
        return Double(hash(bytes)) / Double(UInt64.max)
    }

    private static let primes: [UInt64] = [
        0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
        0x27D4_EB2F_1656_67C5,
    ]

    /// XXH64 with seed 0; all arithmetic is modulo 2^64 by definition.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        func word(_ offset: Int, _ width: Int) -> UInt64 {
            var value: UInt64 = 0
            for index in 0..<width { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
            return value
        }
        func rotated(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }
        func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
            rotated(lane &+ input &* primes[1], 31) &* primes[0]
        }
        var offset = 0
        var hash = primes[4]
        if bytes.count >= 32 {
            var lanes: [UInt64] = [primes[0] &+ primes[1], primes[1], 0, 0 &- primes[0]]
            while offset + 32 <= bytes.count {
                for lane in 0..<4 { lanes[lane] = round(lanes[lane], word(offset + 8 * lane, 8)) }
                offset += 32
            }
            hash =
                rotated(lanes[0], 1) &+ rotated(lanes[1], 7) &+ rotated(lanes[2], 12) &+ rotated(lanes[3], 18)
            for lane in lanes { hash = (hash ^ round(0, lane)) &* primes[0] &+ primes[3] }
        }
        hash = hash &+ UInt64(bytes.count)
        while offset + 8 <= bytes.count {
            hash = rotated(hash ^ round(0, word(offset, 8)), 27) &* primes[0] &+ primes[3]
            offset += 8
        }
        if offset + 4 <= bytes.count {
            hash = rotated(hash ^ word(offset, 4) &* primes[0], 23) &* primes[1] &+ primes[2]
            offset += 4
        }
        while offset < bytes.count {
            hash = rotated(hash ^ UInt64(bytes[offset]) &* primes[4], 11) &* primes[0]
            offset += 1
        }
        hash = (hash ^ hash >> 33) &* primes[1]
        hash = (hash ^ hash >> 29) &* primes[2]
        return hash ^ hash >> 32
    }
}
