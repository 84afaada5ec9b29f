// SPDX-License-Identifier: Apache-2.0
//
// Power supplies: their metrics, and what the node lives on.

import Testing

@testable import Collector

@Test func everyAttributeOfASupply() throws {
    let fixture = try HostFixture(HostFixture.laptop)
    var source = PowerSupplyCollector(roots: fixture.roots)
    let expected: [String: Double] = [
        #"node_power_supply_online{power_supply="AC"}"#: 0,
        #"node_power_supply_info{power_supply="AC", type="Mains"}"#: 1,
        #"node_power_supply_present{power_supply="BAT0"}"#: 1,
        #"node_power_supply_capacity{power_supply="BAT0"}"#: 41,
        #"node_power_supply_energy_watthour{power_supply="BAT0"}"#: 20.5,
        #"node_power_supply_energy_full{power_supply="BAT0"}"#: 50,
        #"node_power_supply_voltage_volt{power_supply="BAT0"}"#: 11.4,
        #"node_power_supply_power_watt{power_supply="BAT0"}"#: 8.5,
        #"node_power_supply_cyclecount{power_supply="BAT0"}"#: 317,
        #"node_power_supply_temp_celsius{power_supply="BAT0"}"#: -5.5,
        #"node_power_supply_time_to_empty_seconds{power_supply="BAT0"}"#: 8640,
        #"node_power_supply_info{capacity_level="Normal", model_name="45N1", power_supply="BAT0", "#
            + #"status="Discharging", technology="Li-ion", type="Battery"}"#: 1,
    ]
    #expect(try fixture.pass(&source).values == expected)
    #expect(try fixture.pass(&source).values == expected)
    #expect(source.reading() == PowerReading(source: .battery, levelRatio: 0.41))
    try fixture.write("sys/class/power_supply/AC/online", "1\n")
    #expect(source.reading() == PowerReading(source: .grid, levelRatio: 0.41))
}

@Test func noSupplyIsNoReading() throws {
    let fixture = try HostFixture(["sys/class/power_supply/": ""])
    var source = PowerSupplyCollector(roots: fixture.roots)
    #expect(source.reading() == nil)
    #expect(try fixture.pass(&source) == ([:], nil))
    try fixture.remove("sys/class/power_supply")
    #expect(source.reading() == nil)
    #expect(try fixture.pass(&source) == ([:], .absent))
}

@Test func readingJudgesAllSuppliesTogether() {
    func battery(_ status: String, _ level: Double?, capacity: Double? = nil) -> SupplyState {
        SupplyState(type: "Battery", status: status, levelRatio: level, capacity: capacity)
    }
    let mainsOn = SupplyState(type: "Mains", isOnline: true)
    let mainsOff = SupplyState(type: "Mains")
    let mouse = SupplyState(type: "Battery", isOfAttachedDevice: true, status: "Discharging", levelRatio: 0.1)

    #expect(PowerReading([]) == nil)
    #expect(PowerReading([mouse]) == nil)
    #expect(PowerReading([mainsOn, mouse]) == PowerReading(source: .grid, levelRatio: nil))
    // A battery too weak or too busy to charge does not take the node off the grid.
    #expect(
        PowerReading([mainsOn, battery("Discharging", 0.5)]) == PowerReading(source: .grid, levelRatio: 0.5)
    )
    #expect(
        PowerReading([mainsOff, battery("Unknown", 0.5)]) == PowerReading(source: .battery, levelRatio: 0.5)
    )
    #expect(PowerReading([battery("Discharging", nil)]) == PowerReading(source: .battery, levelRatio: nil))
    #expect(PowerReading([battery("Charging", 0.2)]) == PowerReading(source: .grid, levelRatio: 0.2))
    #expect(PowerReading([battery("Full", 1)]) == PowerReading(source: .grid, levelRatio: 1))
    // Two batteries of 30 and 10 Wh.
    #expect(
        PowerReading([battery("Discharging", 1, capacity: 3e7), battery("Not charging", 0, capacity: 1e7)])
            == PowerReading(source: .battery, levelRatio: 0.75)
    )
    #expect(
        PowerReading([battery("Discharging", 1, capacity: 3e7), battery("Discharging", 0.5)])
            == PowerReading(source: .battery, levelRatio: 0.75)
    )
    let backup = SupplyState(type: "UPS", status: "Discharging", levelRatio: 0.9)
    #expect(PowerReading([mainsOn, backup]) == PowerReading(source: .ups, levelRatio: 0.9))
    #expect(
        PowerReading([SupplyState(type: "UPS", status: "Charging", levelRatio: 0.9)])
            == PowerReading(source: .grid, levelRatio: 0.9)
    )
}

@Test func levelFromEnergyOrChargeIsBounded() throws {
    let fixture = try HostFixture([
        "sys/class/power_supply/a/type": "Battery\n", "sys/class/power_supply/a/status": "Discharging\n",
        "sys/class/power_supply/a/charge_full": "2000000\n",
        "sys/class/power_supply/a/charge_now": "500000\n",
    ])
    var source = PowerSupplyCollector(roots: fixture.roots)
    #expect(source.reading() == PowerReading(source: .battery, levelRatio: 0.25))
    try fixture.write("sys/class/power_supply/a/charge_now", "9000000\n")
    #expect(source.reading()?.levelRatio == 1)
    try fixture.write("sys/class/power_supply/a/capacity", "-3\n")
    #expect(source.reading()?.levelRatio == 0)
    try fixture.write("sys/class/power_supply/a/charge_full", "0\n")
    try fixture.write("sys/class/power_supply/a/capacity", "\n")
    #expect(source.reading() == PowerReading(source: .battery, levelRatio: nil))
}
