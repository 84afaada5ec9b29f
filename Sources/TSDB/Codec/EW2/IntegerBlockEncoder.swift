// SPDX-License-Identifier: Apache-2.0
//
// Choosing the cheapest coding of a column of integers: a cheap measure narrows the predictions down to a few, those
// are costed exactly, and a dictionary competes with the winner.

internal import Bytes

/// Writes integer blocks, with the buffers for trying.
struct IntegerBlockEncoder {
    /// What the integers are, which decides about divisors and predictions.
    enum Domain: Equatable {
        case numbers
        /// Signed magnitudes of the bits of doubles: exponents above 52 bits of fraction.
        case bits
    }

    /// The header of a prefix code never pays for fewer residuals.
    private static let tokensFrom = 16
    /// Shorter columns may not pay for a prefix code.
    private static let framesBelow = 400
    /// How many predictions are costed exactly.
    private static let finalists = 2

    private var integers: [Int64] = []
    private var residuals: [Int64] = []
    private var chosen: [Int64] = []
    private var screen = ResidualScreen()
    private var dictionary = ValueDictionary()
    private var tokens = TokenStreamEncoder()
    private var stream: [UInt8] = []
    private var frames: [UInt8] = []

    /// Appends a block of at least one integer.
    mutating func append(_ values: [Int64], domain: Domain, mark: Bool, to out: inout [UInt8]) {
        integers.removeAll(keepingCapacity: true)
        for index in values.indices { integers.append(values[index]) }
        let divisor =
            domain == .bits
            ? CommonDivisor.ofTrailingZeros(integers) : CommonDivisor.ofDifferences(integers)
        if let divisor {
            var span = integers.mutableSpan
            divisor.divide(&span)
        }
        let (residual, shape, bits) = choose(domain, divisor)
        let head = IntegerBlockHead(
            kind: residual.kind,
            coder: .signedFrames,
            hasDivisor: divisor != nil,
            mark: mark
        )
        let most = min(ValueDictionary.limit, integers.count / 3)
        if most >= 2, dictionary.build(integers, most: most) {
            let places = tokens.bestPlaces(dictionary.places)
            if places.bits + Double(dictionary.bits) < bits - 8 {
                appendDictionary(head, divisor, places.shape, to: &out)
                return
            }
        }
        append(head, divisor, residual, shape, to: &out)
    }

    /// The prediction with the lowest cost; its residuals are in `chosen`.
    private mutating func choose(
        _ domain: Domain,
        _ divisor: CommonDivisor?
    ) -> (residual: Residual, shape: TokenShape, bits: Double) {
        screen.measure(integers, exponentUnit: domain == .bits ? (1 << 52) / (divisor?.divisor ?? 1) : nil)
        var best = (residual: Residual(kind: .offset, base: 0), shape: TokenShape(), bits: Double.infinity)
        let finalists = IntegerBlockEncoder.finalists + (domain == .bits ? 1 : 0)
        for candidate in screen.candidates.prefix(finalists) {
            candidate.residual.apply(to: integers, into: &residuals)
            var (shape, bits) = tokens.best(residuals)
            bits += Double(ResidualScreen.bits(candidate.residual))
            if bits < best.bits || best.bits == .infinity {
                best = (candidate.residual, shape, bits)
                swap(&residuals, &chosen)
            }
        }
        return best
    }

    private mutating func append(
        _ head: IntegerBlockHead,
        _ divisor: CommonDivisor?,
        _ residual: Residual,
        _ shape: TokenShape,
        to out: inout [UInt8]
    ) {
        var head = head
        stream.removeAll(keepingCapacity: true)
        let hasTokens =
            chosen.count >= IntegerBlockEncoder.tokensFrom && tokens.append(chosen, shape, to: &stream)
        head.coder = .tokens(shape.mantissaBits)
        if !hasTokens || chosen.count < IntegerBlockEncoder.framesBelow {
            frames.removeAll(keepingCapacity: true)
            PFOR.append(chosen, isSigned: shape.isSigned, to: &frames)
            if !hasTokens || frames.count <= stream.count {
                swap(&frames, &stream)
                head.coder = shape.isSigned ? .signedFrames : .frames
            }
        }
        out.append(head.byte)
        append(divisor, to: &out)
        out.append(zigzag: residual.base)
        if residual.kind.hasStep { out.append(zigzag: residual.step) }
        out.append(contentsOf: stream)
    }

    private mutating func appendDictionary(
        _ head: IntegerBlockHead,
        _ divisor: CommonDivisor?,
        _ shape: TokenShape,
        to out: inout [UInt8]
    ) {
        var head = head
        head.kind = .dictionary
        head.coder = .places
        stream.removeAll(keepingCapacity: true)
        let hasTokens = tokens.append(dictionary.places, shape, to: &stream)
        if !hasTokens || integers.count < IntegerBlockEncoder.framesBelow {
            frames.removeAll(keepingCapacity: true)
            PFOR.append(dictionary.places, isSigned: false, to: &frames)
            if !hasTokens || frames.count <= stream.count {
                swap(&frames, &stream)
                head.coder = .frames
            }
        }
        out.append(head.byte)
        append(divisor, to: &out)
        dictionary.append(to: &out)
        out.append(contentsOf: stream)
    }

    private func append(_ divisor: CommonDivisor?, to out: inout [UInt8]) {
        guard let divisor else { return }
        out.append(varint: UInt64(divisor.divisor))
        out.append(varint: UInt64(divisor.remainder))
    }
}
