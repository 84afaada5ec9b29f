// SPDX-License-Identifier: Apache-2.0
//
// The first look at a column: for every prediction the sum of the bit lengths it leaves, in one pass. Sums of bit
// lengths order predictions almost as their entropy does, at a tenth of the price.

/// Predictions of a column, best first.
struct ResidualScreen {
    /// A prediction and about how many bits it leaves.
    struct Candidate {
        var residual: Residual
        var bits: Int
    }

    private(set) var candidates: [Candidate] = []
    private var sample: [Int64] = []

    /// Bits the parameters of a prediction take in a block.
    static func bits(_ residual: Residual) -> Int {
        varintBits(residual.base) + (residual.kind.hasStep ? varintBits(residual.step) : 0)
    }

    private static func varintBits(_ value: Int64) -> Int {
        8 * max(1, (64 - UInt64(bitPattern: (value << 1) ^ (value >> 63)).leadingZeroBitCount + 6) / 7)
    }

    /// Measures all predictions of a column of at least one integer.
    ///
    /// - Parameters:
    ///   - values: the column.
    ///   - exponentUnit: for bits of doubles, what one step of the exponent is worth.
    mutating func measure(_ values: [Int64], exponentUnit: Int64?) {
        let count = values.count
        // A sample is enough for a median; powers of two, so that a mask picks it.
        let stride = count >= 2048 ? 16 : count >= 400 ? 4 : 1
        let median = self.median(values, stride: stride)
        let medianDelta = count > 2 ? self.medianDelta(values, stride: stride) : 0
        var least = values[0]
        var leastDelta = Int64.max
        var smallest = UInt64.max
        for index in 0..<count {
            least = min(least, values[index])
            smallest = min(smallest, values[index].magnitude)
            if index > 0 { leastDelta = min(leastDelta, values[index] &- values[index - 1]) }
        }
        var fromLeast = 0
        var fromMedian = 0
        var delta = 0
        var fromMedianDelta = 0
        var fromLeastDelta = 0
        var second = 0
        var before = values[0]
        var deltaBefore: Int64 = 0
        for index in 1..<max(1, count) {
            let value = values[index]
            let difference = value &- before
            fromLeast += unsignedBits(value &- least)
            fromMedian += signedBits(value &- median)
            delta += signedBits(difference)
            fromMedianDelta += signedBits(difference &- medianDelta)
            fromLeastDelta += unsignedBits(difference &- leastDelta)
            second += signedBits(difference &- deltaBefore)
            before = value
            deltaBefore = difference
        }
        let first = values[0]
        candidates.removeAll(keepingCapacity: true)
        add(Residual(kind: .offset, base: least), fromLeast)
        add(Residual(kind: .offset, base: median), fromMedian)
        if count > 1 { add(Residual(kind: .delta, base: first), delta) }
        if count > 2 {
            if medianDelta != 0 {
                add(Residual(kind: .shiftedDelta, base: first, step: medianDelta), fromMedianDelta + 4)
            }
            if leastDelta > 0 {
                add(Residual(kind: .shiftedDelta, base: first, step: leastDelta), fromLeastDelta + 4)
            }
            add(Residual(kind: .secondDelta, base: first, step: values[1] &- first), second)
        }
        candidates.sort { $0.bits < $1.bits }
        if let exponentUnit {
            let unit = max(1, exponentUnit)
            let whole = Int64(clamping: smallest) / unit * unit
            // One unit below the smallest magnitude, so that none becomes zero and loses its sign.
            let residual = Residual(kind: .signMagnitude, base: max(0, whole - unit))
            candidates.insert(Candidate(residual: residual, bits: 0), at: 0)
        }
    }

    private mutating func add(_ residual: Residual, _ bits: Int) {
        candidates.append(Candidate(residual: residual, bits: bits))
    }

    @inline(__always)
    private func unsignedBits(_ value: Int64) -> Int { 64 - value.leadingZeroBitCount }

    /// One more for a sign where there is something to sign.
    @inline(__always)
    private func signedBits(_ value: Int64) -> Int {
        let bits = 64 - value.magnitude.leadingZeroBitCount
        return bits + (bits > 0 ? 1 : 0)
    }

    private mutating func median(_ values: [Int64], stride step: Int) -> Int64 {
        sample.removeAll(keepingCapacity: true)
        for index in stride(from: 0, to: values.count, by: step) { sample.append(values[index]) }
        return sample.selectMiddle()
    }

    private mutating func medianDelta(_ values: [Int64], stride step: Int) -> Int64 {
        sample.removeAll(keepingCapacity: true)
        for index in stride(from: max(1, step), to: values.count, by: step) {
            sample.append(values[index] &- values[index - 1])
        }
        return sample.isEmpty ? 0 : sample.selectMiddle()
    }
}

extension [Int64] {
    /// The middle element by rank, found by Hoare's selection; reorders the array.
    fileprivate mutating func selectMiddle() -> Int64 {
        let middle = count / 2
        var low = 0
        var high = count - 1
        while low < high {
            let pivot = self[(low + high) / 2]
            var left = low
            var right = high
            while left <= right {
                while self[left] < pivot { left += 1 }
                while self[right] > pivot { right -= 1 }
                if left <= right {
                    swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if middle <= right {
                high = right
            } else if middle >= left {
                low = left
            } else {
                break
            }
        }
        return self[middle]
    }
}
