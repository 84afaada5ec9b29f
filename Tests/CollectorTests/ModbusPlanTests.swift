// SPDX-License-Identifier: Apache-2.0
//
// Grouping of registers and learning what a unit does not have, against units made up by the test.

import Config
import Platform
import Testing

@testable import Collector

/// A unit with these addresses; the value at an address is the address.
private final class FakeUnit: ModbusLink {
    var holding: Set<Int> = []
    var limit = 125
    var busyAnswers = 0
    var failure: ModbusFailure?
    var asked: [Range<Int>] = []
    var waits = 0

    func read(_ request: ModbusRequest) throws(ModbusFailure) -> [UInt16] {
        let range = request.start..<(request.start + request.count)
        asked.append(range)
        if busyAnswers > 0 {
            busyAnswers -= 1
            throw .exception(6)
        }
        if let failure { throw failure }
        if request.count > limit { throw .exception(3) }
        guard range.allSatisfy(holding.contains) else { throw .exception(2) }
        return range.map { UInt16($0) }
    }

    func wait(_ duration: Duration) { waits += 1 }

    func take() -> [Range<Int>] {
        defer { asked = [] }
        return asked
    }
}

private func device(
    _ addresses: [Int],
    maxGap: Int = 8,
    type: ModbusRegisterConfig.ValueType = .uint16
) -> ModbusDeviceConfig {
    var device = ModbusDeviceConfig(name: "d", host: "h")
    device.maxGap = maxGap
    device.registers = addresses.enumerated().map { index, address in
        var register = ModbusRegisterConfig(metric: "m\(index)", address: UInt16(address))
        register.type = type
        return register
    }
    return device
}

@Test func neighboursAndSmallGapsAreOneRequest() {
    let unit = FakeUnit()
    unit.holding = Set(0..<400)
    var reader = ModbusUnitReader(device([5, 0, 1, 14, 30, 31, 5], maxGap: 8))
    let reading = reader.read(unit)
    #expect(unit.take() == [0..<15, 30..<32])
    #expect(reading.values == [5, 0, 1, 14, 30, 31, 5])
    #expect(reading.isUp && reading.failure == nil && reading.exceptions.isEmpty)
    var long = ModbusUnitReader(device(Array(0..<300), maxGap: 0))
    #expect(long.read(unit).values == (0..<300).map { Double($0) })
    #expect(unit.take() == [0..<125, 125..<250, 250..<300])
    var wide = ModbusUnitReader(device([0, 124, 123], maxGap: 120, type: .uint32))
    _ = wide.read(unit)
    #expect(unit.take() == [0..<2, 123..<126], "a value is never cut in two")
}

@Test func tablesAreApart() {
    var mixed = device([0, 1, 2, 3])
    mixed.registers[1].table = .input
    mixed.registers[2].table = .coil
    mixed.registers[3].table = .discrete
    let plan = ModbusPlan(mixed.registers, maxGap: 8)
    #expect(plan.spans.map(\.table) == [.holding, .input, .coil, .discrete])
    #expect(plan.spans.map(\.start) == [0, 1, 2, 3])
}

@Test func aHoleIsLearntOnce() {
    let unit = FakeUnit()
    unit.holding = [0, 1, 4, 5]
    var reader = ModbusUnitReader(device([0, 1, 4, 5]))
    let first = reader.read(unit)
    #expect(first.values == [0, 1, 4, 5])
    #expect(first.exceptions == [2: 1])
    #expect(unit.take() == [0..<6, 0..<2, 4..<6])
    for _ in 0..<3 {
        let next = reader.read(unit)
        #expect(next.values == [0, 1, 4, 5] && next.exceptions.isEmpty)
        #expect(unit.take() == [0..<2, 4..<6])
    }
}

@Test func anUnsupportedRegisterIsLeftOutAndTheRestJoined() {
    let unit = FakeUnit()
    unit.holding = Set(0..<16).subtracting([9])
    var reader = ModbusUnitReader(device(Array(0..<16), maxGap: 0))
    let first = reader.read(unit)
    #expect(first.values.enumerated().allSatisfy { $1 == ($0 == 9 ? nil : Double($0)) })
    #expect(reader.plan.unsupported == [9])
    _ = unit.take()
    let second = reader.read(unit)
    #expect(second.values == first.values && second.exceptions.isEmpty)
    #expect(unit.take() == [0..<9, 10..<16])
}

@Test func aSmallBufferIsLearnt() {
    let unit = FakeUnit()
    unit.holding = Set(0..<100)
    unit.limit = 30
    var reader = ModbusUnitReader(device(Array(0..<100)))
    #expect(reader.read(unit).values == (0..<100).map { Double($0) })
    _ = unit.take()
    let next = reader.read(unit)
    #expect(next.values == (0..<100).map { Double($0) } && next.exceptions.isEmpty)
    #expect(unit.take().allSatisfy { $0.count <= 30 })
}

@Test func busyUnitsAreAskedAgain() {
    let unit = FakeUnit()
    unit.holding = [0]
    unit.busyAnswers = 2
    var reader = ModbusUnitReader(device([0]))
    let reading = reader.read(unit)
    #expect(reading.values == [0] && reading.requests == 3 && unit.waits == 2)
    #expect(reading.exceptions == [6: 2] && reading.isUp)
    unit.busyAnswers = 100
    let busy = reader.read(unit)
    #expect(busy.values == [nil] && busy.requests == 4 && busy.failure == .exception(6))
    #expect(!busy.isUp)
    #expect(reader.plan.unsupported.isEmpty)
}

@Test(arguments: [ModbusFailure.timeout, .connection("gone"), .exception(11), .exception(10)])
func aDeadUnitEndsThePassAtOnce(_ failure: ModbusFailure) {
    let unit = FakeUnit()
    unit.failure = failure
    var reader = ModbusUnitReader(device([0, 100, 200]))
    let reading = reader.read(unit)
    #expect(reading.requests == 1 && reading.failure == failure && !reading.isUp)
    #expect(reader.plan.unsupported.isEmpty)
}

@Test func aFailedSpanDoesNotCostTheOthers() {
    let unit = FakeUnit()
    unit.failure = .exception(4)
    var reader = ModbusUnitReader(device([0, 100, 200]))
    let reading = reader.read(unit)
    #expect(reading.requests == 3 && reading.exceptions == [4: 3] && !reading.isUp)
}

@Test func missingRegistersGetASecondLook() {
    let unit = FakeUnit()
    var reader = ModbusUnitReader(device([0, 1]))
    #expect(reader.read(unit).values == [nil, nil])
    #expect(reader.plan.unsupported == [0, 1])
    unit.holding = [0, 1]
    var passes = 1
    while reader.read(unit).values == [nil, nil] { passes += 1 }
    #expect(passes + 1 == 1000)
    #expect(reader.plan.unsupported.isEmpty)
}

/// Whatever the unit has and whatever its limits, everything it has is read, and soon without any exception.
@Test func anyUnitIsLearnt() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<300 {
        let unit = FakeUnit()
        unit.limit = [125, 125, 40, 7].randomElement(using: &random) ?? 125
        unit.holding = Set((0..<300).filter { _ in Int.random(in: 0..<20, using: &random) > 0 })
        let wide = Bool.random(using: &random)
        let wanted = (0..<Int.random(in: 1..<120, using: &random)).map { _ in
            Int.random(in: 0..<298, using: &random)
        }
        let device = device(
            wanted,
            maxGap: Int.random(in: 0..<20, using: &random),
            type: wide ? .uint32 : .uint16
        )
        var reader = ModbusUnitReader(device)
        var expected: [Double?] = []
        for address in wanted {
            let range = address..<(address + (wide ? 2 : 1))
            let value = range.reduce(0.0) { $0 * 65_536 + Double($1) }
            expected.append(range.allSatisfy(unit.holding.contains) ? value : nil)
        }
        #expect(reader.read(unit).values == expected)
        for _ in 0..<12 { #expect(reader.read(unit).values == expected) }
        #expect(reader.read(unit).exceptions.isEmpty)
    }
}

@Test func aDeadUnitIsAskedLessAndLessOften() {
    let second: UInt64 = 1_000_000_000
    var breaker = ModbusBreaker()
    var asked: [UInt64] = []
    for now in 0..<1000 where breaker.allows(at: UInt64(now) * second) {
        asked.append(UInt64(now))
        breaker.failed(at: UInt64(now) * second)
    }
    #expect(asked == [0, 1, 2, 12, 32, 72, 152, 312, 612, 912])
    #expect(breaker.isOpen)
    breaker.succeeded()
    #expect(breaker == ModbusBreaker() && breaker.allows(at: 0))
}
