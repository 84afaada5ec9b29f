// SPDX-License-Identifier: Apache-2.0
//
// Integers as a bucket and the bits that tell the members of a bucket apart, after the buckets of HdrHistogram: k
// bits below the leading one belong to the bucket, the rest are raw. Small magnitudes are buckets of their own. The
// sign is part of the symbol, so that a skewed distribution pays for it what it is worth.

/// Bucket arithmetic; a bucket and its bits are drawn in docs/formats/block.md under "Tokens".
enum HDRTokens {
    /// The finest buckets the encoder tries.
    static let finest = 4
    /// Shorter runs of zeros are written as zeros.
    static let shortestRun = 6
    /// Runs of 2^q zeros and more have the symbol q − 2; no column has 2^21 rows.
    static let shortestPower = 2
    /// The first symbol of a value, behind those of runs: zero.
    static let zero = 19
    /// Symbols are below this: up to 16 × 59 + 31 finest buckets, times two for the sign.
    static let symbolLimit = zero + 1952

    /// The bucket of a magnitude.
    @inline(__always)
    static func bucket(_ magnitude: UInt64, _ mantissaBits: Int) -> Int {
        // Without branches: residuals are as good as random, and so would be the guesses of a processor.
        let shift = max(0, 63 &- magnitude.leadingZeroBitCount &- mantissaBits)
        let upper = Int(truncatingIfNeeded: magnitude &>> UInt64(truncatingIfNeeded: shift))
        return shift &<< mantissaBits &+ upper
    }

    /// How many raw bits follow a symbol of the bucket.
    @inline(__always)
    static func rawBits(_ bucket: Int, _ mantissaBits: Int) -> Int {
        max(0, bucket >> mantissaBits - 1)
    }

    /// The smallest magnitude in a bucket.
    @inline(__always)
    static func base(_ bucket: Int, _ mantissaBits: Int) -> UInt64 {
        let shift = rawBits(bucket, mantissaBits)
        guard shift > 0 else { return UInt64(bucket) }
        return UInt64(bucket - shift << mantissaBits) << UInt64(shift)
    }

    /// The symbol of a value: without signs its bucket, with them 1, -1, 2, -2 and so on behind zero.
    @inline(__always)
    static func symbol(_ bucket: Int, of value: Int64, isSigned: Bool) -> Int {
        isSigned ? zero &+ 2 &* bucket &- (value > 0 ? 1 : 0) : zero &+ bucket
    }

    /// The symbol of a run of at least `shortestRun` zeros.
    @inline(__always)
    static func symbol(ofRun length: Int) -> Int {
        63 - UInt64(length).leadingZeroBitCount - shortestPower
    }

    /// The bucket of a value's symbol.
    @inline(__always)
    static func bucket(ofSymbol symbol: Int, isSigned: Bool) -> Int {
        isSigned ? (symbol - zero + 1) >> 1 : symbol - zero
    }

    /// Whether a value's symbol is that of negative ones.
    @inline(__always)
    static func isNegative(_ symbol: Int, isSigned: Bool) -> Bool {
        isSigned && symbol > zero && (symbol - zero) & 1 == 0
    }
}
