// SPDX-License-Identifier: Apache-2.0
//
// Canonical prefix codes of at most 11 bits: the lengths alone determine the code (RFC 1951 section 3.2.2), and a
// table of 2^11 entries decodes a symbol in one look. Codes are sent most significant bit first into a stream that
// runs least significant bit first, so they are kept reversed.

/// Lengths and codes of symbols that occur.
struct CanonicalHuffman {
    /// The longest code.
    static let longest = 11
    /// The most symbols with a code.
    static let symbolLimit = 512

    /// The symbols, ascending, with their lengths: what the header holds.
    private(set) var symbols: [UInt16] = []
    private(set) var lengths: [UInt8] = []

    private var order: [UInt32] = []
    private var weights: [UInt32] = []
    private var parents: [UInt16] = []

    /// Finds lengths for the symbols with a count above zero; false when they are too many.
    mutating func build(_ counts: ArraySlice<UInt32>) -> Bool {
        symbols.removeAll(keepingCapacity: true)
        order.removeAll(keepingCapacity: true)
        for symbol in counts.indices where counts[symbol] > 0 {
            guard symbols.count < CanonicalHuffman.symbolLimit else { return false }
            // Sorting by weight, then by symbol, in one integer; counts stay below 2^20.
            order.append(min(counts[symbol], 1 << 20) << 9 | UInt32(symbols.count))
            symbols.append(UInt16(symbol))
        }
        lengths.removeAll(keepingCapacity: true)
        lengths.append(contentsOf: repeatElement(0, count: symbols.count))
        // A single symbol needs no bits.
        guard symbols.count > 1 else { return !symbols.isEmpty }
        order.sort()
        // Halving all weights flattens the tree; with equal weights 512 symbols need 9 bits, so this ends.
        while !assignLengths() {
            for index in order.indices { order[index] = halved(order[index]) }
        }
        return true
    }

    private func halved(_ entry: UInt32) -> UInt32 { ((entry >> 9 + 1) >> 1) << 9 | entry & 511 }

    /// One pass of Huffman's algorithm over sorted weights with two queues: leaves, and nodes as they are made.
    private mutating func assignLengths() -> Bool {
        let leaves = order.count
        let nodes = 2 * leaves - 1
        weights.removeAll(keepingCapacity: true)
        for entry in order { weights.append(entry >> 9) }
        parents.removeAll(keepingCapacity: true)
        parents.append(contentsOf: repeatElement(0, count: nodes))
        var leaf = 0
        var inner = leaves
        for node in leaves..<nodes {
            var sum: UInt32 = 0
            for _ in 0..<2 {
                let child: Int
                if leaf < leaves, inner >= node || weights[leaf] <= weights[inner] {
                    child = leaf
                    leaf += 1
                } else {
                    child = inner
                    inner += 1
                }
                sum += weights[child]
                parents[child] = UInt16(node)
            }
            weights.append(sum)
        }
        // Depths from the root down, in place of the weights.
        weights[nodes - 1] = 0
        for node in (0..<(nodes - 1)).reversed() {
            let depth = weights[Int(parents[node])] + 1
            guard depth <= CanonicalHuffman.longest || node >= leaves else { return false }
            weights[node] = depth
        }
        for (index, entry) in order.enumerated() { lengths[Int(entry & 511)] = UInt8(weights[index]) }
        return true
    }

    /// Calls back with every symbol's reversed code.
    func forEachCode(_ body: (_ symbol: Int, _ code: UInt16, _ length: UInt8) -> Void) {
        var next = CanonicalHuffman.firstCodes(lengths)
        for index in symbols.indices {
            let length = Int(lengths[index])
            body(Int(symbols[index]), CanonicalHuffman.reversed(next[length], length), UInt8(length))
            next[length] += 1
        }
    }

    /// The first code of every length.
    static func firstCodes(_ lengths: [UInt8]) -> InlineArray<12, UInt16> {
        var counts = InlineArray<12, UInt16>(repeating: 0)
        for length in lengths { counts[Int(length)] += 1 }
        counts[0] = 0
        var first = InlineArray<12, UInt16>(repeating: 0)
        var code: UInt16 = 0
        for length in 1...longest {
            code = (code + counts[length - 1]) << 1
            first[length] = code
        }
        return first
    }

    /// The `length` low bits in reverse order.
    @inline(__always)
    static func reversed(_ code: UInt16, _ length: Int) -> UInt16 {
        var bits = code
        bits = (bits & 0x5555) << 1 | bits >> 1 & 0x5555
        bits = (bits & 0x3333) << 2 | bits >> 2 & 0x3333
        bits = (bits & 0x0f0f) << 4 | bits >> 4 & 0x0f0f
        return length == 0 ? 0 : bits.byteSwapped >> UInt16(16 - length)
    }
}
