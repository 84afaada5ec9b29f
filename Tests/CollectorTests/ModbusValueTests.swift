// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@testable import Collector

private func decode(
    _ words: [UInt16],
    _ type: ModbusRegisterConfig.ValueType,
    _ order: ModbusByteOrder = .abcd,
    scale: Double = 1,
    offset: Double = 0
) -> Double? {
    var register = ModbusRegisterConfig(metric: "m", address: 0)
    register.type = type
    register.byteOrder = order
    register.scale = scale
    register.offset = offset
    return ModbusValue.decode(words[...], register)
}

@Test func typesAreDecoded() {
    #expect(decode([0xff83], .int16) == -125)
    #expect(decode([0xff83], .uint16) == 65_411)
    #expect(decode([0x1234, 0x5678], .uint32) == 305_419_896)
    #expect(decode([0xffff, 0xfffe], .int32) == -2)
    #expect(decode([0xffff, 0xff00, 0, 0], .int64) == -(0x100_0000_0000))
    #expect(decode([0x8000, 0, 0, 0], .uint64) == 9_223_372_036_854_775_808)
    #expect(decode([0x42f6, 0xe979], .float32) == Double(Float(123.456)))
    #expect(decode([0x405e, 0xdd2f, 0x1a9f, 0xbe77], .float64) == 123.456)
    #expect(decode([2], .bool) == 1 && decode([0], .bool) == 0)
    #expect(decode([1], .int32) == nil)
    #expect(decode([0x7fa0, 0], .float32)?.bitPattern == 0x7ff8_0000_0000_0001, "any NaN is the plain one")
    #expect(decode([0x7ff0, 0, 0, 2], .float64)?.bitPattern == 0x7ff8_0000_0000_0001, "never a stale marker")
    #expect(decode([0x7f80, 0], .float32) == .infinity)
}

/// 0x11223344 and 0x1122334455660800 as each order puts them on the wire.
@Test func lettersSayWhereTheBytesAre() {
    #expect(decode([0x1122, 0x3344], .uint32, .abcd) == 0x1122_3344)
    #expect(decode([0x3344, 0x1122], .uint32, .cdab) == 0x1122_3344)
    #expect(decode([0x2211, 0x4433], .uint32, .badc) == 0x1122_3344)
    #expect(decode([0x4433, 0x2211], .uint32, .dcba) == 0x1122_3344)
    #expect(decode([0x1122, 0x3344, 0x5566, 0x0800], .uint64, .abcd) == 0x1122_3344_5566_0800)
    #expect(decode([0x0008, 0x6655, 0x4433, 0x2211], .uint64, .dcba) == 0x1122_3344_5566_0800)
    #expect(decode([0x0800, 0x5566, 0x3344, 0x1122], .uint64, .cdab) == 0x1122_3344_5566_0800)
    #expect(decode([0x2211, 0x4433, 0x6655, 0x0008], .uint64, .badc) == 0x1122_3344_5566_0800)
    #expect(decode([0x83ff], .int16, .badc) == -125)
    #expect(decode([0x83ff], .int16, .dcba) == -125)
    #expect(decode([0xff83], .int16, .cdab) == -125)
}

@Test func decimalScalesGiveDecimalNumbers() {
    for raw in 0...UInt16.max {
        #expect(decode([raw], .uint16, scale: 0.1) == Double("\(raw / 10).\(raw % 10)"))
    }
    #expect(decode([3], .uint16, scale: 0.01) == 0.03)
    #expect(decode([0xff83], .int16, scale: -0.1) == 12.5)
    #expect(decode([100], .uint16, scale: 0.3) == 30)
    #expect(decode([100], .uint16, scale: 2.5, offset: -273.15) == -23.149_999_999_999_977)
    #expect(decode([100], .uint16, offset: 1) == 101)
    #expect(decode([100], .uint16, scale: 0) == 0)
}
