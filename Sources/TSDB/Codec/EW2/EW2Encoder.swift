// SPDX-License-Identifier: Apache-2.0
//
// The value codec of segments: a mapping to integers, an integer block, and what the mapping could not say. Exact for
// every bit pattern of a double. docs/formats/block.md draws the bytes under "EW2".

internal import Bytes

/// Writes EW2 blocks, with the buffers of the mapping; integer blocks bring their own.
struct EW2Encoder {
    private var mapper = ValueMapper()

    /// Appends a block of at least one value, its codec byte first.
    mutating func append(
        _ values: Span<Double>,
        using integers: inout IntegerBlockEncoder,
        to out: inout [UInt8]
    ) {
        let start = out.count
        mapper.map(values)
        out.append(EW2.codecByte(mapper.mapping))
        if case .scale(let factor) = mapper.mapping { out.append(double: factor) }
        let hasExceptions = !mapper.exceptions.isEmpty
        integers.append(
            mapper.integers,
            domain: mapper.mapping == .signedBits ? .bits : .numbers,
            mark: hasExceptions,
            to: &out
        )
        if case .corrected = mapper.mapping {
            integers.append(mapper.corrections, domain: .numbers, mark: false, to: &out)
        }
        if hasExceptions { appendExceptions(values, to: &out) }
        guard out.count - start > 1 + 8 * values.count else { return }
        out.removeLast(out.count - start)
        out.append(EW2.codecByte(.raw))
        for index in values.indices { out.append(double: values[index]) }
    }

    private func appendExceptions(_ values: Span<Double>, to out: inout [UInt8]) {
        out.append(varint: UInt64(mapper.exceptions.count))
        var next = 0
        for position in mapper.exceptions {
            out.append(varint: UInt64(position - next))
            out.append(double: values[position])
            next = position + 1
        }
    }
}
