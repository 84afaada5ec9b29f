// SPDX-License-Identifier: Apache-2.0
//
// What a series is stored as when one number a row will not do: each part is a column of the same row under a hidden
// label (Samples/PartLabel.swift, docs/formats/parts.md).

internal import Samples

/// A part of a series that histograms and start timestamps need.
enum SeriesPart: Hashable, Sendable {
    /// What tells how to read the other parts of a row; a row has a histogram where it has this.
    case layout
    case count
    case sum
    case zeroCount
    case zeroThreshold
    case positive(Int32)
    case negative(Int32)
    case bound(Int32)
    /// Since when the counter counts; beside a float as well as a histogram.
    case start

    /// The value of the hidden label.
    var name: String {
        switch self {
        case .layout: "layout"
        case .count: "count"
        case .sum: "sum"
        case .zeroCount: "zero"
        case .zeroThreshold: "width"
        case .positive(let index): "p\(index)"
        case .negative(let index): "n\(index)"
        case .bound(let index): "b\(index)"
        case .start: "start"
        }
    }

    /// Reads a name; nil for parts of other kinds.
    init?(name: String) {
        switch name {
        case "layout": self = .layout
        case "count": self = .count
        case "sum": self = .sum
        case "zero": self = .zeroCount
        case "width": self = .zeroThreshold
        case "start": self = .start
        default:
            guard let index = Int32(name.dropFirst()) else { return nil }
            switch name.utf8.first {
            case UInt8(ascii: "p"): self = .positive(index)
            case UInt8(ascii: "n"): self = .negative(index)
            case UInt8(ascii: "b"): self = .bound(index)
            default: return nil
            }
        }
    }

    /// Which part the labels stand for; nil for those of a series and for parts of other kinds.
    init?(_ labels: Labels) {
        guard let name = PartLabel.part(labels) else { return nil }
        self.init(name: name)
    }
}

/// The part `layout`: how to read the other parts of a row, as one whole number below 2^53.
///
///     bits  0…15   parts the row has besides this one
///     bits 16…27   custom bounds
///     bits 28…35   schema + 128
///     bits 36…37   counter reset
///     bit  38      counts are doubles
///     bit  39      whole counts are stored as the bits of a column's values and not as numbers
struct HistogramLayout: Equatable, Sendable {
    var parts: Int
    var bounds: Int
    var schema: Int32
    var counterReset: CounterReset
    var isFloat: Bool
    var isWide: Bool

    /// Whole numbers up to here are doubles.
    static let exactLimit: UInt64 = 1 << 53

    var bits: UInt64 {
        var number = UInt64(parts) | UInt64(bounds) << 16 | UInt64(schema + 128) << 28
        number |= UInt64(counterReset.rawValue) << 36
        if isFloat { number |= 1 << 38 }
        if isWide { number |= 1 << 39 }
        return Double(number).bitPattern
    }

    init(_ histogram: NativeHistogram) {
        parts = 0
        bounds = histogram.customBounds.count
        schema = histogram.schema
        counterReset = histogram.counterReset
        isFloat = histogram.isFloat
        let limit = HistogramLayout.exactLimit
        isWide =
            !histogram.isFloat
            && (histogram.rawCount > limit || histogram.rawZeroCount > limit
                || histogram.positive.contains { $0.rawCount > limit }
                || histogram.negative.contains { $0.rawCount > limit })
    }

    /// Reads the part; nil when it is no layout.
    init?(bits: UInt64) {
        guard let number = UInt64(exactly: Double(bitPattern: bits)), number >> 40 == 0,
            let counterReset = CounterReset(rawValue: UInt8(number >> 36 & 3))
        else { return nil }
        parts = Int(number & 0xffff)
        bounds = Int(number >> 16 & 0xfff)
        schema = Int32(number >> 28 & 0xff) - 128
        self.counterReset = counterReset
        isFloat = number >> 38 & 1 == 1
        isWide = number >> 39 & 1 == 1
        guard schema == NativeHistogram.customSchema || NativeHistogram.exponentialSchemas.contains(schema)
        else { return nil }
    }

    /// The value of a column for a count.
    func columnBits(_ raw: UInt64) -> UInt64 {
        isFloat || isWide ? raw : Double(raw).bitPattern
    }

    /// The count that a column's value stands for; nil when it is none.
    func rawCount(_ bits: UInt64) -> UInt64? {
        isFloat || isWide ? bits : UInt64(exactly: Double(bitPattern: bits))
    }
}
