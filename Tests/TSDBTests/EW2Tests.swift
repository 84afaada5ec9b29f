// SPDX-License-Identifier: Apache-2.0
//
// EW2 gives back every bit of every pattern: all short ones over the doubles that are special, and blocks of every
// size from generators that reach every mapping, prediction and coder.

import Bytes
import Foundation
import Platform
import Testing

@testable import TSDB

struct EW2Tests {
    /// EDGEWATCH_TEST_ALL=1 runs what takes minutes without optimisation.
    static let isThorough = ProcessInfo.processInfo.environment["EDGEWATCH_TEST_ALL"] != nil

    /// The doubles on which codecs break.
    static let alphabet: [Double] = [
        0.0, -0.0, 1, -1, 0.1, 1.0 / 3, .infinity, -.infinity, .nan,
        Double(bitPattern: 0x7ff8_0000_0000_beef), Double(bitPattern: 0xfff0_0000_0000_0001),
        Double(bitPattern: 0x7ff0_0000_0000_0002), .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        .leastNormalMagnitude, 9_007_199_254_740_992, 9_007_199_254_740_994, 1e300, 0.30000000000000004,
    ]

    /// Encodes, decodes, and says whether every bit and the end of the block came back.
    static func roundTrips(
        _ values: [Double],
        _ encoder: inout BlockEncoder,
        _ decoder: inout BlockDecoder
    ) throws -> Bool {
        var bytes: [UInt8] = []
        encoder.append(values.span, effort: .segment, to: &bytes)
        var reader = ByteReader(bytes)
        var decoded = [Double](repeating: 7, count: values.count)
        var span = decoded.mutableSpan
        try decoder.read(&reader, into: &span)
        guard reader.isAtEnd else { return false }
        for index in values.indices where values[index].bitPattern != decoded[index].bitPattern {
            return false
        }
        return true
    }

    /// Every pattern of one to three of the special doubles, and of four and five of the first eight; of all when
    /// thorough.
    @Test func everyShortPatternComesBack() throws {
        var encoder = BlockEncoder()
        var decoder = BlockDecoder()
        for length in 1...5 {
            let isWhole = length <= 3 || EW2Tests.isThorough
            let letters = isWhole ? EW2Tests.alphabet : Array(EW2Tests.alphabet.prefix(8))
            var total = 1
            for _ in 0..<length { total *= letters.count }
            for pattern in 0..<total {
                var rest = pattern
                let values = (0..<length).map { _ in
                    defer { rest /= letters.count }
                    return letters[rest % letters.count]
                }
                guard try EW2Tests.roundTrips(values, &encoder, &decoder) else {
                    Issue.record("\(values.map { $0.bitPattern }) does not come back")
                    return
                }
            }
        }
    }

    /// Blocks of many sizes; of every size up to 4096 when thorough.
    @Test(arguments: BlockGenerator.allCases)
    func blocksOfAnySizeComeBack(generator: BlockGenerator) throws {
        var encoder = BlockEncoder()
        var decoder = BlockDecoder()
        var random = SeededGenerator(seed: 2026)
        for count in BlockGenerator.sizes {
            let values = generator.values(count, using: &random)
            #expect(try EW2Tests.roundTrips(values, &encoder, &decoder), "\(generator) of \(count)")
        }
    }
}

/// What a series may look like.
enum BlockGenerator: String, CaseIterable, CustomTestStringConvertible {
    case decimals, multipliedDecimals, scaledIntegers, typedFactor, counters, singles, averages, outliers
    case randomBits, states, pages, bigCounters, negativeZeros, smoothDoubles, runs, hugeIntegers

    var testDescription: String { rawValue }

    /// Sizes around every limit of the format, or all.
    static let sizes: [Int] = {
        if EW2Tests.isThorough { return Array(1...4096) }
        var sizes = Array(1...40)
        for limit in [64, 96, 127, 128, 129, 255, 256, 257, 399, 400, 401, 512, 999, 1000, 1001] {
            sizes.append(limit)
        }
        return sizes + [1002, 1003, 1004, 1023, 1024, 1025, 2047, 2048, 3001, 4095, 4096]
    }()

    func values(_ count: Int, using random: inout SeededGenerator) -> [Double] {
        var level = Double.random(in: -100...1000, using: &random)
        var total = Double(Int.random(in: 0...1_000_000, using: &random))
        return (0..<count).map { row in
            let step = Double(Int.random(in: -9...9, using: &random))
            level += step
            total += Double(Int.random(in: 0...30, using: &random))
            switch self {
            case .decimals: return level.rounded() / 100
            case .multipliedDecimals: return level.rounded() * 0.1
            case .scaledIntegers: return level.rounded() * (10.0 / 1023)
            case .typedFactor: return level.rounded() * 0.0375
            case .counters: return total
            case .singles: return Double(Float(level / 7))
            case .averages: return level.rounded() / 10 + step / 10 + 0.1
            case .outliers:
                return Int.random(in: 0..<50, using: &random) == 0 ? .random(in: 0...1, using: &random) : 21.5
            case .randomBits: return Double(bitPattern: .random(in: 0...UInt64.max, using: &random))
            case .states: return Double(Int.random(in: 0...5, using: &random)) * 1e5
            case .pages: return total.rounded() * 4096
            case .bigCounters: return 4e15 + total * 3
            case .negativeZeros: return step < -3 ? -0.0 : step / 10
            case .smoothDoubles: return 20 + level / 3e5
            case .runs: return row % 97 < 60 ? 3 : level.rounded()
            case .hugeIntegers:
                return Double(sign: .plus, exponent: 60 + row % 5, significand: 1 + level / 4096)
            }
        }
    }
}
