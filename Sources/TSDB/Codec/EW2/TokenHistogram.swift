// SPDX-License-Identifier: Apache-2.0
//
// What coding integers as tokens would cost, before it is done: the exact entropy of the symbols, the raw bits, and
// an estimate of the code's header. A histogram of the finest buckets folds into those of every coarser kind.

internal import Glibc

/// How a run of integers becomes symbols.
struct TokenShape: Equatable {
    /// Negative values occur, so symbols carry a sign.
    var isSigned = false
    /// Runs of zeros are symbols of their own.
    var hasRuns = false
    /// Bits below the leading one that belong to the bucket.
    var mantissaBits = 0
}

/// Counts of symbols, with the buffers to count again.
struct TokenHistogram {
    /// By symbol; empty before the first use, as all large buffers here: most encoders only code constants.
    private(set) var counts: [UInt32] = []
    /// One above the largest symbol counted.
    private(set) var end = 0

    /// Whether signs and runs occur; mantissa bits stay zero.
    static func shape(_ values: [Int64]) -> TokenShape {
        var signs: Int64 = 0
        var zeros = 0
        for index in values.indices {
            signs |= values[index]
            zeros += values[index] == 0 ? 1 : 0
        }
        var shape = TokenShape(isSigned: signs < 0)
        guard zeros * 8 > values.count else { return shape }
        // Run symbols lengthen the codes of all others a little: they must cover an eighth of the values.
        var covered = 0
        var run = 0
        for index in values.indices {
            if values[index] == 0 {
                run += 1
            } else {
                covered += run >= HDRTokens.shortestRun ? run : 0
                run = 0
            }
        }
        covered += run >= HDRTokens.shortestRun ? run : 0
        shape.hasRuns = covered * 8 > values.count
        return shape
    }

    /// Counts the symbols of the values.
    mutating func count(_ values: [Int64], _ shape: TokenShape) {
        if counts.isEmpty { counts = [UInt32](repeating: 0, count: HDRTokens.symbolLimit) }
        for symbol in 0..<self.end { counts[symbol] = 0 }
        var end = 0
        var histogram = counts.mutableSpan
        var index = 0
        while index < values.count {
            let value = values[index]
            if value == 0, shape.hasRuns {
                let length = zeroRun(values, from: index)
                index += length
                if length >= HDRTokens.shortestRun {
                    let symbol = HDRTokens.symbol(ofRun: length)
                    histogram[symbol] += 1
                    end = max(end, symbol + 1)
                } else {
                    histogram[HDRTokens.zero] += UInt32(length)
                    end = max(end, HDRTokens.zero + 1)
                }
                continue
            }
            let bucket = HDRTokens.bucket(value.magnitude, shape.mantissaBits)
            let symbol = HDRTokens.symbol(bucket, of: value, isSigned: shape.isSigned)
            histogram[symbol] += 1
            end = max(end, symbol + 1)
            index += 1
        }
        self.end = end
    }

    /// The best number of mantissa bits for the values and its cost in bits.
    mutating func best(_ values: [Int64]) -> (shape: TokenShape, bits: Double) {
        var shape = TokenHistogram.shape(values)
        shape.mantissaBits = HDRTokens.finest
        count(values, shape)
        var best = (shape: shape, bits: Double.infinity)
        while true {
            let bits = cost(shape)
            // A coarser code at the same cost has the shorter header and the smaller table.
            if bits <= best.bits { best = (shape, bits) }
            guard shape.mantissaBits > 0 else { return best }
            fold(&shape)
        }
    }

    /// The cost in bits of values in the given shape.
    mutating func bits(_ values: [Int64], _ shape: TokenShape) -> Double {
        count(values, shape)
        return cost(shape)
    }

    private func cost(_ shape: TokenShape) -> Double {
        var entropy = Entropy()
        var first = end
        var raw = 0
        for symbol in 0..<end where counts[symbol] > 0 {
            let count = Int(counts[symbol])
            first = min(first, symbol)
            entropy.add(count)
            if symbol < HDRTokens.zero {
                raw += count * (symbol + HDRTokens.shortestPower)
            } else {
                let bucket = HDRTokens.bucket(ofSymbol: symbol, isSigned: shape.isSigned)
                raw += count * HDRTokens.rawBits(bucket, shape.mantissaBits)
            }
        }
        guard entropy.symbols <= 256 else { return .infinity }
        let header = CodeLengths.estimate(
            symbols: entropy.symbols,
            missing: max(0, end - first - entropy.symbols)
        )
        return entropy.bits + Double(raw + header)
    }

    /// Merges neighbouring buckets into those with one mantissa bit less.
    private mutating func fold(_ shape: inout TokenShape) {
        let mantissaBits = shape.mantissaBits
        let end = self.end
        var last = min(end, HDRTokens.zero)
        var histogram = counts.mutableSpan
        for symbol in HDRTokens.zero..<max(HDRTokens.zero, end) where histogram[symbol] > 0 {
            let count = histogram[symbol]
            histogram[symbol] = 0
            let bucket = HDRTokens.bucket(ofSymbol: symbol, isSigned: shape.isSigned)
            let coarser = HDRTokens.bucket(HDRTokens.base(bucket, mantissaBits), mantissaBits - 1)
            // Never above `symbol`, so what is counted here is not met again.
            let merged = HDRTokens.symbol(
                coarser,
                of: HDRTokens.isNegative(symbol, isSigned: shape.isSigned) ? -1 : Int64(coarser),
                isSigned: shape.isSigned
            )
            histogram[merged] += count
            last = merged + 1
        }
        self.end = last
        shape.mantissaBits -= 1
    }
}

/// Zeros from a place on.
@inline(__always)
func zeroRun(_ values: [Int64], from start: Int) -> Int {
    var end = start + 1
    while end < values.count, values[end] == 0 { end += 1 }
    return end - start
}

/// About what a prefix code spends on symbols of known counts.
private struct Entropy {
    private(set) var symbols = 0
    private var total = 0
    private var largest = 0
    private var weighted = 0.0

    mutating func add(_ count: Int) {
        symbols += 1
        total += count
        largest = max(largest, count)
        weighted += Logarithms.weighted(count)
    }

    var bits: Double {
        guard 2 * largest > total else { return Logarithms.weighted(total) - weighted }
        // A symbol of more than half of all still costs one bit, and so the others one more than among themselves.
        let rest = Logarithms.weighted(total - largest) - (weighted - Logarithms.weighted(largest))
        return symbols == 1 ? 0 : Double(total) + rest
    }
}

/// Logarithms of small counts, which histograms ask for again and again.
private enum Logarithms {
    private static let table: [Float] = (0...1024).map { $0 == 0 ? 0 : Float(Double($0) * log2(Double($0))) }

    /// n × log2 n.
    static func weighted(_ count: Int) -> Double {
        count < table.count ? Double(table[count]) : Double(count) * log2(Double(count))
    }
}
