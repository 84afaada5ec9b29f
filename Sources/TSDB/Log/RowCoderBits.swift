// SPDX-License-Identifier: Apache-2.0
//
// The binary range coder under the row coder (docs/formats/log.md, "Range coder"): a 32-bit range that carries into
// bytes already written, as in LZMA, and probabilities that learn. Writer and reader offer the same operations, each
// of which takes the value to write and returns the value there is, so that the model of a row is one function for
// both directions and cannot disagree with itself.
//
// Nothing here traps on damaged bytes: past its end the reader gets zeros and counts them.

/// One direction of the range coder.
///
/// A context is a probability in twelve bits above a count in four; see `RowContext`.
protocol RowBits {
    /// Codes one decision under a context.
    mutating func code(_ bit: Bool, _ contexts: RowContexts, _ place: Int) -> Bool
    /// Codes one decision under a context that learns slowly and so becomes more certain; see `RowContext.fine`.
    mutating func codeFine(_ bit: Bool, _ contexts: RowContexts, _ place: Int, shift: UInt16) -> Bool
    /// Codes the low `count` bits, each with one bit; `count` is at most 64.
    mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64
    /// Whether values passed in are ignored and come from bytes instead.
    static var isReader: Bool { get }
    /// More was read than a writer leaves out.
    var isExhausted: Bool { get }
}

/// The contexts of one column or of a window.
///
/// The places asked for are constants plus numbers masked to the size of a tree, which stay below the count by
/// construction; debug builds check it. The memory must stay where it is while this is in use.
@safe
struct RowContexts {
    private let base: UnsafeMutablePointer<UInt16>
    private let count: Int

    private init(_ base: UnsafeMutablePointer<UInt16>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    /// Part of a buffer; nil when it is not inside.
    @inline(__always)
    init?(_ buffer: UnsafeMutableBufferPointer<UInt16>, at place: Int, count: Int) {
        guard let base = buffer.baseAddress, place >= 0, place + count <= buffer.count else { return nil }
        unsafe self.init(base + place, count: count)
    }

    /// What begins at a place.
    @inline(__always)
    func from(_ place: Int) -> RowContexts {
        assert(place >= 0 && place < count, "a context")
        return unsafe RowContexts(base + place, count: count - place)
    }

    @inline(__always)
    subscript(place: Int) -> UInt16 {
        get {
            assert(place >= 0 && place < count, "a context")
            return unsafe base[place]
        }
        nonmutating set {
            assert(place >= 0 && place < count, "a context")
            unsafe base[place] = newValue
        }
    }
}

/// Probabilities of the bit 0.
enum RowContext {
    /// One half, never used.
    static let initial: UInt16 = 2048 << 4
    /// A fine context has no count: sixteen bits of probability.
    static let fineInitial: UInt16 = 1 << 15

    /// How far a probability moves at its n-th use, of 65 536: quickly at first, then 1/32.
    @inline(__always)
    static func rate(_ count: UInt16) -> UInt32 {
        rates[Int(count)]
    }

    private static let rates: InlineArray<16, UInt32> = [
        26214, 20000, 16384, 13107, 10923, 9362, 8192, 7000, 6000, 5200, 4600, 4000, 3500, 3000, 2500, 2048,
    ]

    @inline(__always)
    static func moved(_ context: UInt16, bit: Bool) -> UInt16 {
        let count = context & 15
        let probability = UInt32(context >> 4)
        let rate = rate(count)
        // Twelve bits times sixteen: no overflow, and the result stays between 1 and 4095.
        let next =
            bit
            ? probability &- (probability &* rate) >> 16
            : probability &+ ((4096 &- probability) &* rate) >> 16
        return UInt16(truncatingIfNeeded: next) << 4 | (count < 15 ? count &+ 1 : count)
    }
}

/// Writes.
struct RowBitWriter: RowBits {
    static var isReader: Bool { false }
    var isExhausted: Bool { false }

    private var low: UInt64 = 0
    private var range: UInt32 = .max
    private var cache: UInt8 = 0
    /// Bytes that a carry can still change: the cache and the 0xff after it.
    private var pending = 1
    /// The first byte is always zero and not written.
    private var isFirst = true
    private(set) var out: [UInt8]
    private let start: Int

    /// Appends to the bytes, which are handed back by `finish`.
    init(_ out: consuming [UInt8]) {
        start = out.count
        self.out = out
    }

    @inline(__always)
    mutating func code(_ bit: Bool, _ contexts: RowContexts, _ place: Int) -> Bool {
        let state = contexts[place]
        let bound = (range >> 12) &* UInt32(state >> 4)
        split(bit, bound)
        contexts[place] = RowContext.moved(state, bit: bit)
        return bit
    }

    @inline(__always)
    mutating func codeFine(_ bit: Bool, _ contexts: RowContexts, _ place: Int, shift: UInt16) -> Bool {
        let state = contexts[place]
        split(bit, (range >> 16) &* UInt32(state))
        contexts[place] = bit ? state &- state >> shift : state &+ (0 &- state) >> shift
        return bit
    }

    @inline(__always)
    private mutating func split(_ bit: Bool, _ bound: UInt32) {
        if bit {
            low &+= UInt64(bound)
            range &-= bound
        } else {
            range = bound
        }
        while range < 1 << 24 {
            range <<= 8
            shiftLow()
        }
    }

    @inline(__always)
    mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64 {
        var rest = count
        while rest > 0 {
            let part = min(rest, 16)
            rest -= part
            let bits = UInt32(truncatingIfNeeded: value >> UInt64(rest)) & ((1 << UInt32(part)) &- 1)
            range >>= UInt32(part)
            low &+= UInt64(range) &* UInt64(bits)
            while range < 1 << 24 {
                range <<= 8
                shiftLow()
            }
        }
        return value
    }

    @inline(never)
    private mutating func shiftLow() {
        if low < 0xff00_0000 || low > 0xffff_ffff {
            let carry = UInt8(truncatingIfNeeded: low >> 32)
            var byte = cache
            while pending > 0 {
                if isFirst { isFirst = false } else { out.append(byte &+ carry) }
                byte = 0xff
                pending -= 1
            }
            cache = UInt8(truncatingIfNeeded: low >> 24)
        }
        pending += 1
        low = (low & 0x00ff_ffff) << 8
    }

    /// Ends the record with as few bytes as tell it from others; the reader takes what is missing for zeros.
    consuming func finish() -> [UInt8] {
        let whole = (low &+ 0xffff_ffff) & ~0xffff_ffff
        if whole < low &+ UInt64(range) {
            low = whole
            shiftLow()
        } else {
            low = (low &+ 0x00ff_ffff) & ~0x00ff_ffff
            shiftLow()
            shiftLow()
        }
        let least = max(start, out.count - RowBitReader.trimLimit)
        while out.count > least, out[out.count - 1] == 0 { out.removeLast() }
        return out
    }
}

/// Reads.
///
/// Every access to the bytes is compared with their count before.
@safe
struct RowBitReader: RowBits {
    static var isReader: Bool { true }
    /// Zeros at the end of a record that are not written, besides the four that the last decision does not need.
    static let trimLimit = 4

    private var range: UInt32 = .max
    private var value: UInt32 = 0
    private let bytes: UnsafeBufferPointer<UInt8>
    private var place = 0

    /// Reads the bytes, which must outlive the reader.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        unsafe self.bytes = unsafe bytes
        for _ in 0..<4 { value = value << 8 | next() }
    }

    var isExhausted: Bool { unsafe place > bytes.count + 4 + RowBitReader.trimLimit }
    /// Whether there are bytes that nothing needed.
    var hasRest: Bool { unsafe place < bytes.count }

    @inline(__always)
    private mutating func next() -> UInt32 {
        let at = place
        place &+= 1
        return unsafe at < bytes.count ? UInt32(bytes[at]) : 0
    }

    @inline(__always)
    mutating func code(_ bit: Bool, _ contexts: RowContexts, _ place: Int) -> Bool {
        let state = contexts[place]
        let bit = split((range >> 12) &* UInt32(state >> 4))
        contexts[place] = RowContext.moved(state, bit: bit)
        return bit
    }

    @inline(__always)
    mutating func codeFine(_ bit: Bool, _ contexts: RowContexts, _ place: Int, shift: UInt16) -> Bool {
        let state = contexts[place]
        let bit = split((range >> 16) &* UInt32(state))
        contexts[place] = bit ? state &- state >> shift : state &+ (0 &- state) >> shift
        return bit
    }

    @inline(__always)
    private mutating func split(_ bound: UInt32) -> Bool {
        let bit = value >= bound
        if bit {
            value &-= bound
            range &-= bound
        } else {
            range = bound
        }
        while range < 1 << 24 {
            range <<= 8
            value = value << 8 | next()
        }
        return bit
    }

    @inline(__always)
    mutating func codeRaw(_ value: UInt64, count: Int) -> UInt64 {
        var rest = count
        var result: UInt64 = 0
        while rest > 0 {
            let part = min(rest, 16)
            rest -= part
            range >>= UInt32(part)
            // At least 2^8, so no division by zero. Damaged bytes can make the quotient too large.
            let bits = min(self.value / range, (1 << UInt32(part)) &- 1)
            self.value &-= bits &* range
            result = result << UInt64(part) | UInt64(bits)
            while range < 1 << 24 {
                range <<= 8
                self.value = self.value << 8 | next()
            }
        }
        return result
    }
}
