// SPDX-License-Identifier: Apache-2.0
//
// Integers as a bit stream: each a symbol of a canonical code and, right behind it, the raw bits of its bucket. Long
// columns are cut into four streams of equal numbers of values, because four independent chains of table looks
// keep a processor busy where one would wait; docs/formats/block.md draws both under "Tokens".

internal import Bytes

/// The rules both ends of a token stream know.
enum TokenStream {
    /// From this many values on a stream without runs becomes four.
    static let fourStreamsFrom = 1000
    /// A token of at most this many bits comes with one unaligned load of eight bytes.
    static let narrowBits = 56
    /// The magnitudes of narrow tokens begin below this.
    static let narrowBase: UInt64 = 1 << 32

    /// Where stream `index` of four begins among `count` values.
    @inline(__always)
    static func quarter(_ index: Int, of count: Int) -> Int { min(index * ((count + 3) / 4), count) }
}

/// Writes token streams, with the buffers for their codes.
struct TokenStreamEncoder {
    private var histogram = TokenHistogram()
    private var huffman = CanonicalHuffman()
    private var codes: [UInt16] = []
    private var lengths: [UInt8] = []
    private var streams: [UInt8] = []

    /// The cheapest shape for the values and its cost in bits.
    mutating func best(_ values: [Int64]) -> (shape: TokenShape, bits: Double) {
        histogram.best(values)
    }

    /// The shape and cost in bits of places in a dictionary.
    mutating func bestPlaces(_ places: [Int64]) -> (shape: TokenShape, bits: Double) {
        var shape = TokenHistogram.shape(places)
        shape.mantissaBits = ResidualCoder.placeBits
        return (shape, histogram.bits(places, shape))
    }

    /// Appends the values; false, with nothing appended, when they have too many different symbols.
    mutating func append(_ values: [Int64], _ shape: TokenShape, to out: inout [UInt8]) -> Bool {
        histogram.count(values, shape)
        guard huffman.build(histogram.counts[..<histogram.end]) else { return false }
        if codes.isEmpty {
            codes = [UInt16](repeating: 0, count: HDRTokens.symbolLimit)
            lengths = [UInt8](repeating: 0, count: HDRTokens.symbolLimit)
        }
        huffman.forEachCode { symbol, code, length in
            codes[symbol] = code
            lengths[symbol] = length
        }
        let isFour = values.count >= TokenStream.fourStreamsFrom && !shape.hasRuns
        var writer = BitWriter()
        appendHeader(shape, isFour: isFour, &writer, to: &out)
        if isFour {
            writer.finish(to: &out)
            appendFour(values, shape, to: &out)
        } else {
            append(values, values.indices, shape, &writer, to: &out)
            writer.finish(to: &out)
        }
        return true
    }

    private func appendHeader(
        _ shape: TokenShape,
        isFour: Bool,
        _ writer: inout BitWriter,
        to out: inout [UInt8]
    ) {
        let flags = (shape.isSigned ? 1 : 0) | (shape.hasRuns ? 2 : 0) | (isFour ? 4 : 0)
        writer.write(UInt64(flags), 3, to: &out)
        CodeLengths.append(
            huffman.symbols,
            huffman.lengths,
            origin: shape.hasRuns ? 0 : HDRTokens.zero,
            &writer,
            to: &out
        )
    }

    private mutating func appendFour(_ values: [Int64], _ shape: TokenShape, to out: inout [UInt8]) {
        streams.removeAll(keepingCapacity: true)
        for index in 0..<4 {
            let start = streams.count
            let from = TokenStream.quarter(index, of: values.count)
            let through = TokenStream.quarter(index + 1, of: values.count)
            var writer = BitWriter()
            var bytes: [UInt8] = []
            swap(&bytes, &streams)
            append(values, from..<through, shape, &writer, to: &bytes)
            writer.finish(to: &bytes)
            swap(&bytes, &streams)
            // The last stream ends where its values do.
            if index < 3 { out.append(varint: UInt64(streams.count - start)) }
        }
        out.append(contentsOf: streams)
    }

    private func append(
        _ values: [Int64],
        _ range: Range<Int>,
        _ shape: TokenShape,
        _ writer: inout BitWriter,
        to out: inout [UInt8]
    ) {
        let mantissaBits = shape.mantissaBits
        var index = range.lowerBound
        while index < range.upperBound {
            let value = values[index]
            if value == 0, shape.hasRuns {
                let length = zeroRun(values, from: index)
                index += length
                append(zeros: length, &writer, to: &out)
                continue
            }
            let magnitude = value.magnitude
            let bucket = HDRTokens.bucket(magnitude, mantissaBits)
            let symbol = HDRTokens.symbol(bucket, of: value, isSigned: shape.isSigned)
            let length = Int(lengths[symbol])
            let rawBits = HDRTokens.rawBits(bucket, mantissaBits)
            let raw = magnitude & ((1 << UInt64(rawBits)) - 1)
            if length + rawBits <= TokenStream.narrowBits {
                writer.write(UInt64(codes[symbol]) | raw << UInt64(length), length + rawBits, to: &out)
            } else {
                writer.write(UInt64(codes[symbol]), length, to: &out)
                writer.write(raw, rawBits, to: &out)
            }
            index += 1
        }
    }

    private func append(zeros count: Int, _ writer: inout BitWriter, to out: inout [UInt8]) {
        guard count >= HDRTokens.shortestRun else {
            let zero = HDRTokens.zero
            for _ in 0..<count { writer.write(UInt64(codes[zero]), Int(lengths[zero]), to: &out) }
            return
        }
        let symbol = HDRTokens.symbol(ofRun: count)
        let power = symbol + HDRTokens.shortestPower
        writer.write(UInt64(codes[symbol]), Int(lengths[symbol]), to: &out)
        writer.write(UInt64(count - 1 << power), power, to: &out)
    }
}
