// SPDX-License-Identifier: Apache-2.0
//
// A few samples as one chunk of Prometheus' store. Numbers are coded as in Facebook's Gorilla: times as differences of
// differences, values as what changed of the bits before (tsdb/chunkenc/xor.go). A histogram has a chunk of its own, so
// that no reader has to know when a layout changes (histogram.go, float_histogram.go).

internal import Bytes
public import Samples

/// A chunk as it is sent.
public struct SeriesChunk: Sendable, Equatable {
    /// The encodings of Prometheus' store.
    public enum Encoding: UInt64, Sendable {
        /// Numbers.
        case xor = 1
        /// A histogram of whole counts.
        case histogram = 2
        /// A histogram of floating counts.
        case floatHistogram = 3
    }

    /// Samples a chunk has at most, as in Prometheus.
    public static let sampleLimit = 120

    /// The first and the last time.
    public let from: Int64, through: Int64
    /// How the bytes are to be read.
    public let encoding: Encoding
    /// The bytes.
    public let bytes: [UInt8]

    /// Codes samples.
    ///
    /// - Parameters:
    ///   - samples: the samples.
    ///   - range: which of them, at least one and at most `sampleLimit`, in time order.
    public init(_ samples: SampleColumns, _ range: Range<Int>) {
        precondition(!range.isEmpty && range.count <= SeriesChunk.sampleLimit, "a chunk has 1 to 120 samples")
        var coder = NumberCoder(count: range.count)
        for index in range { coder.append(samples.timestamps[index], samples.values[index]) }
        from = samples.timestamps[range.lowerBound]
        through = samples.timestamps[range.upperBound - 1]
        encoding = .xor
        bytes = coder.bits.bytes
    }

    /// Codes a histogram.
    public init(_ histogram: NativeHistogram, at time: Int64) {
        let message = histogram.message
        var bits = ChunkBits(count: 1)
        // The reset hint is in the two highest bits of the flags.
        let flags: [CounterReset: UInt64] = [.reset: 0x80, .notReset: 0x40, .gauge: 0xc0]
        bits.append(flags[histogram.counterReset] ?? 0, bits: 8)
        bits.appendLayout(message)
        bits.append(signed: time)
        if message.isFloat {
            bits.append(message.floatCount)
            bits.append(message.floatZeroCount)
        } else {
            bits.append(unsigned: message.count)
            bits.append(unsigned: message.zeroCount)
        }
        bits.append(message.sum)
        for side in [message.positive, message.negative] {
            for delta in side.deltas { bits.append(signed: delta) }
            for count in side.counts { bits.append(count) }
        }
        (from, through) = (time, time)
        encoding = message.isFloat ? .floatHistogram : .histogram
        bytes = bits.bytes
    }
}

/// Codes numbers one after the other.
private struct NumberCoder {
    private(set) var bits: ChunkBits
    private var count = 0
    private var time: Int64 = 0
    private var delta: Int64 = 0
    private var value: UInt64 = 0
    /// Zero bits before and behind what was written of the last change; more than there can be before the first.
    private var leading = 255
    private var trailing = 0

    init(count: Int) {
        bits = ChunkBits(count: count)
    }

    mutating func append(_ newTime: Int64, _ newValue: Double) {
        // Differences wrap around as they do in Go; so do their sums when they are read.
        let newDelta = newTime &- time
        switch count {
        case 0:
            bits.append(goVarint: newTime)
            bits.append(newValue)
        case 1:
            bits.append(goUvarint: UInt64(bitPattern: newDelta))
            append(change: newValue.bitPattern ^ value)
        default:
            append(changeOfDelta: newDelta &- delta)
            append(change: newValue.bitPattern ^ value)
        }
        if count > 0 { delta = newDelta }
        (time, value) = (newTime, newValue.bitPattern)
        count += 1
    }

    private mutating func append(changeOfDelta change: Int64) {
        guard change != 0 else { return bits.append(0, bits: 1) }
        for (index, width) in [14, 17, 20].enumerated() where ChunkBits.fits(change, width) {
            bits.append((1 << UInt64(index + 2)) - 2, bits: index + 2)
            return bits.append(UInt64(bitPattern: change), bits: width)
        }
        bits.append(0b1111, bits: 4)
        bits.append(UInt64(bitPattern: change), bits: 64)
    }

    private mutating func append(change: UInt64) {
        guard change != 0 else { return bits.append(0, bits: 1) }
        bits.append(1, bits: 1)
        // Five bits say how many zeros lead.
        let newLeading = min(31, change.leadingZeroBitCount)
        let newTrailing = change.trailingZeroBitCount
        if leading != 255, newLeading >= leading, newTrailing >= trailing {
            bits.append(0, bits: 1)
            return bits.append(change >> UInt64(trailing), bits: 64 - leading - trailing)
        }
        (leading, trailing) = (newLeading, newTrailing)
        let significant = 64 - leading - trailing
        bits.append(1, bits: 1)
        bits.append(UInt64(leading), bits: 5)
        // 64 is written as 0.
        bits.append(UInt64(significant & 63), bits: 6)
        bits.append(change >> UInt64(trailing), bits: significant)
    }
}

extension ChunkBits {
    /// What all histograms of a chunk share.
    fileprivate mutating func appendLayout(_ message: HistogramMessage) {
        appendZeroThreshold(message.zeroThreshold)
        append(signed: Int64(message.schema))
        for side in [message.positive, message.negative] {
            append(unsigned: UInt64(side.spans.count))
            for span in side.spans {
                append(unsigned: UInt64(span.length))
                append(signed: Int64(span.offset))
            }
        }
        guard message.schema == NativeHistogram.customSchema else { return }
        append(unsigned: UInt64(message.customBounds.count))
        for bound in message.customBounds {
            // A zero bit: the bound in full.
            append(0, bits: 1)
            append(bound)
        }
    }

    /// One byte for zero and for powers of two from 2^-243 to 2^10, nine for others.
    private mutating func appendZeroThreshold(_ threshold: Double) {
        if threshold == 0 { return append(0, bits: 8) }
        // The exponent of a number written as 0.5 × 2^e.
        if threshold.isNormal, threshold.significand == 1, (-242...11).contains(Int(threshold.exponent) + 1) {
            return append(UInt64(Int(threshold.exponent) + 1 + 243), bits: 8)
        }
        append(0xff, bits: 8)
        append(threshold)
    }
}
