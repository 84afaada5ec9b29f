// SPDX-License-Identifier: Apache-2.0
//
// From registers to a number. The letters of a byte order say where the value's bytes, A the most significant, are
// on the wire: two independent questions, whether bytes are swapped within words and whether words come in
// reverse. For eight bytes the same two answers apply (CDAB is GHEFCDAB).

internal import Config
internal import Samples

enum ModbusValue {
    /// The scaled value of a register's words.
    ///
    /// - Parameters:
    ///   - words: as many as the type takes, in wire order; bits as 0 and 1.
    ///   - register: type, order, scale and offset.
    /// - Returns: nil when there are too few words.
    static func decode(_ words: ArraySlice<UInt16>, _ register: ModbusRegisterConfig) -> Double? {
        guard words.count >= register.type.registerCount else { return nil }
        let raw = assemble(words.prefix(register.type.registerCount), register.byteOrder)
        let value: Double
        switch register.type {
        case .bool: value = raw != 0 ? 1 : 0
        case .int16: value = Double(Int16(truncatingIfNeeded: raw))
        case .uint16: value = Double(UInt16(truncatingIfNeeded: raw))
        case .int32: value = Double(Int32(truncatingIfNeeded: raw))
        case .uint32: value = Double(UInt32(truncatingIfNeeded: raw))
        case .int64: value = Double(Int64(bitPattern: raw))
        case .uint64: value = Double(raw)
        case .float32: value = Double(Float(bitPattern: UInt32(truncatingIfNeeded: raw)))
        case .float64: value = Double(bitPattern: raw)
        }
        // A device's NaN must not be mistaken for a stale marker.
        return value.isNaN ? PromNumber.normalNaN : scaled(value, register)
    }

    /// The value times scale plus offset.
    ///
    /// A scale such as 0.1 is applied as a division by 10: 125 becomes 12.5 and 3 becomes 0.3, not
    /// 0.30000000000000004, which is what people read off the device's display (and a quarter of the bytes on flash).
    private static func scaled(_ value: Double, _ register: ModbusRegisterConfig) -> Double {
        guard register.scale != 1 else { return value + register.offset }
        let inverse = (1 / register.scale).rounded()
        let isDecimal = inverse.isFinite && abs(inverse) > 1 && 1 / inverse == register.scale
        return (isDecimal ? value / inverse : value * register.scale) + register.offset
    }

    private static func assemble(_ words: ArraySlice<UInt16>, _ order: ModbusByteOrder) -> UInt64 {
        let swapsBytes = order == .badc || order == .dcba
        let reversesWords = order == .cdab || order == .dcba
        var raw: UInt64 = 0
        for index in 0..<words.count {
            let place = reversesWords ? words.endIndex - 1 - index : words.startIndex + index
            let word = swapsBytes ? words[place].byteSwapped : words[place]
            raw = raw << 16 | UInt64(word)
        }
        return raw
    }
}
