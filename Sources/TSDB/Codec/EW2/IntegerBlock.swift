// SPDX-License-Identifier: Apache-2.0
//
// A block of integers: common divisor, prediction, and the coding of what the prediction leaves. EW2 maps doubles to
// integers and writes one of these; timestamps, sequences and counts are one by themselves. docs/formats/block.md
// draws it under "Integer block".

internal import Bytes

/// How residuals are written; the raw values are those on disk.
enum ResidualCoder: Equatable {
    /// PFOR of zigzag-coded residuals.
    case signedFrames
    /// PFOR of residuals that are never negative.
    case frames
    /// Tokens with 0...4 mantissa bits.
    case tokens(Int)
    /// Tokens whose symbols are the values themselves: places in a dictionary.
    case places

    /// Mantissa bits with which every place of a dictionary is a bucket of its own.
    static let placeBits = 8

    var code: UInt8 {
        switch self {
        case .signedFrames: 0
        case .frames: 1
        case .tokens(let mantissaBits): UInt8(2 + mantissaBits)
        case .places: 7
        }
    }

    /// From the low three bits.
    init(code: UInt8) {
        switch code & 7 {
        case 0: self = .signedFrames
        case 1: self = .frames
        case 7: self = .places
        default: self = .tokens(Int(code & 7) - 2)
        }
    }
}

/// The first byte of an integer block.
struct IntegerBlockHead {
    var kind: ResidualKind
    var coder: ResidualCoder
    var hasDivisor: Bool
    /// Free for the block around: EW2 keeps there whether exceptions follow.
    var mark: Bool

    var byte: UInt8 {
        kind.rawValue | coder.code << 3 | (hasDivisor ? 64 : 0) | (mark ? 128 : 0)
    }

    init(kind: ResidualKind, coder: ResidualCoder, hasDivisor: Bool, mark: Bool) {
        self.kind = kind
        self.coder = coder
        self.hasDivisor = hasDivisor
        self.mark = mark
    }

    init?(byte: UInt8) {
        guard let kind = ResidualKind(rawValue: byte & 7) else { return nil }
        self.kind = kind
        coder = ResidualCoder(code: byte >> 3)
        hasDivisor = byte & 64 != 0
        mark = byte & 128 != 0
    }
}
