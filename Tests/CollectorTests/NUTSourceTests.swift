// SPDX-License-Identifier: Apache-2.0
//
// The UPS source against Debian's upsd with a simulated device, and against servers that misbehave.

import Config
import Foundation
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

private struct Bench {
    let sink = RecordingSink()
    let power: PowerState
    let clock: any EdgeClock
    let source: NUTSource

    init(
        _ config: NUTServerConfig,
        clock: any EdgeClock = SystemClock(),
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        let telemetry = Telemetry()
        self.clock = clock
        power = PowerState(clock: clock)
        source = NUTSource(
            config,
            identity: set(["job": "nut", "instance": config.name]),
            sink: sink,
            power: power,
            clock: clock,
            tally: PassTally(telemetry, kind: "device", sampling: SamplingTally(telemetry)),
            logger: logger
        )
    }

    /// One pass: series without job and instance → value.
    func pass(_ time: Int64 = 1) async -> [String: String] {
        await source.pass(
            PassOrder(time: Timestamp(milliseconds: time), interval: .seconds(15), classes: .all)
        )
        return sink.newest().reduce(into: [:]) { result, entry in
            guard !entry.key.contains("duration_seconds") else { return }
            let name = entry.key.replacing(/instance="[^"]*", job="nut"(, )?/, with: "")
                .replacing(", }", with: "}").replacing("{}", with: "")
            result[name] = entry.value
        }
    }
}

private func server(_ port: Int, ups: [String] = [], timeout: Duration = .seconds(20)) -> NUTServerConfig {
    var config = NUTServerConfig(name: "rack", host: "127.0.0.1")
    config.port = port
    config.ups = ups
    config.timeout = timeout
    return config
}

@Test func aDeviceOfDebiansServer() async throws {
    let device = """
        ups.status: OB DISCHRG WEIRD
        ups.mfr: American Power
        device.mfr: American Power
        ups.model: SU700
        ups.serial: 123
        ups.firmware: 9.5
        ups.productid: 0002
        device.type: ups
        battery.charge: 87.5
        battery.runtime: 1830
        battery.temperature: 3e18
        ups.load: 23
        input.voltage: 0.0
        ups.beeper.status: enabled

        """
    guard let real = try UPSServer(device: device) else { return }
    var config = server(real.port)
    config.username = "mon"
    config.password = Secret(#"se#cr=et "x" \"#)
    // The server has a device's name before it has its values.
    let client = NUTClient(config: server(real.port), clock: SystemClock())
    for _ in 0..<500 {
        let reading = client.read()
        try #require(reading.failure == nil)
        let variables = reading.devices.first { $0.name == "su700" }?.variables ?? []
        let hasModel = variables.contains { $0.name == "device.model" && $0.value == "SU700" }
        if hasModel, variables.contains(where: { $0.name == "ups.load" }) { break }
        await Task.yield()
    }
    let bench = Bench(config)
    let values = await bench.pass()
    var expected = [
        "up": "1.0",
        "edgewatch_nut_up": "1.0",
        #"edgewatch_nut_ups_up{ups="su700"}"#: "1.0",
        #"edgewatch_nut_ups_up{ups="gone"}"#: "0.0",
        #"edgewatch_nut_failures_total{kind="device"}"#: "1.0",
        #"edgewatch_nut_variables_left_out_total{reason="range"}"#: "1.0",
        #"network_ups_tools_battery_charge{ups="su700"}"#: "87.5",
        #"network_ups_tools_battery_runtime{ups="su700"}"#: "1830.0",
        #"network_ups_tools_ups_load{ups="su700"}"#: "23.0",
        #"network_ups_tools_input_voltage{ups="su700"}"#: "0.0",
        // The server calls ups.serial device.serial as well.
        #"network_ups_tools_device_info{mfr="American Power", model="SU700", serial="123", type="ups", ups="su700"}"#:
            "1.0",
    ]
    for flag in NUTFamilies.flags + ["WEIRD"] {
        let isSet = ["OB", "DISCHRG", "WEIRD"].contains(flag)
        expected[#"network_ups_tools_ups_status{flag="\#(flag)", ups="su700"}"#] = isSet ? "1.0" : "0.0"
    }
    // Versions that read like numbers are text, like serial numbers.
    #expect(values.keys.allSatisfy { !$0.contains("version") })
    let ofTheDevice = values.filter { !$0.key.contains("driver_") }
    #expect(ofTheDevice == expected)
    #expect(bench.power.judgement == PowerJudgement(source: .ups, levelRatio: 0.875, runtime: 1830))

    // Only what is asked for, and a name nobody has.
    let chosen = Bench(server(real.port, ups: ["su700", "nope"]))
    let found = await chosen.pass()
    #expect(found[#"edgewatch_nut_ups_up{ups="nope"}"#] == "0.0")
    #expect(found[#"edgewatch_nut_ups_up{ups="gone"}"#] == nil)
    #expect(found[#"network_ups_tools_ups_load{ups="su700"}"#] == "23.0")
}

@Test func statesChangeAndEnd() async throws {
    let state = Mutex("OL CHRG")
    let listener = try UPSListener(
        upsScript { line in
            switch line {
            case "LIST UPS": "BEGIN LIST UPS\nUPS a \"\"\nEND LIST UPS\n"
            case "LIST VAR \"a\"":
                "BEGIN LIST VAR a\nVAR a ups.status \"\(state.withLock { $0 })\"\nVAR a battery.charge \"100\"\n"
                    + "END LIST VAR a\n"
            default: "OK Goodbye\n"
            }
        }
    )
    defer { listener.stop() }
    let bench = Bench(server(listener.port))
    let first = await bench.pass(1)
    #expect(first[#"network_ups_tools_ups_status{flag="OL", ups="a"}"#] == "1.0")
    #expect(bench.power.judgement == PowerJudgement(source: .grid, levelRatio: 1, runtime: nil))
    state.withLock { $0 = "OB LB" }
    let second = await bench.pass(2)
    #expect(second[#"network_ups_tools_ups_status{flag="OL", ups="a"}"#] == "0.0")
    #expect(second[#"network_ups_tools_ups_status{flag="LB", ups="a"}"#] == "1.0")
    #expect(bench.power.judgement?.source == .ups)
    listener.stop()
    let third = await bench.pass(3)
    #expect(third["edgewatch_nut_up"] == "0.0")
    #expect(third[#"edgewatch_nut_failures_total{kind="connection"}"#] == "1.0")
    #expect(third[#"network_ups_tools_ups_status{flag="OL", ups="a"}"#] == "stale")
    // What was said last holds for a while.
    #expect(bench.power.judgement?.source == .ups)
    await bench.source.end(at: Timestamp(milliseconds: 4))
    #expect(bench.power.judgement == nil)
    #expect(bench.sink.state.withLock { $0.uses.isEmpty })
}

/// What was logged, with the UPS it is about.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}

private struct LineKeeper: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(lines: LogLines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.add("\(event.level) \(event.message) \(event.metadata?["ups"].map { "\($0)" } ?? "")")
    }
}

@Test func aDeviceWithoutFreshDataIsSaidOnce() async throws {
    let isStale = Mutex(true)
    let listener = try UPSListener(
        upsScript { line in
            switch line {
            case "LIST UPS": "BEGIN LIST UPS\nUPS a \"\"\nUPS b \"\"\nEND LIST UPS\n"
            case "LIST VAR \"a\"":
                isStale.withLock { $0 } ? "ERR DATA-STALE\n" : "BEGIN LIST VAR a\nEND LIST VAR a\n"
            case "LIST VAR \"b\"": "BEGIN LIST VAR b\nEND LIST VAR b\n"
            default: "OK Goodbye\n"
            }
        }
    )
    defer { listener.stop() }
    let lines = LogLines()
    let bench = Bench(
        server(listener.port),
        logger: Logger(label: "test", factory: { _ in LineKeeper(lines: lines) })
    )
    #expect(bench.source.devices.map(\.isUp) == [nil])
    _ = await bench.pass(1)
    _ = await bench.pass(2)
    let warning = "warning UPS server has no data of a UPS: the server answers DATA-STALE a"
    #expect(lines.all == [warning])
    let address = "127.0.0.1:\(listener.port)"
    let time = Timestamp(milliseconds: 2)
    #expect(
        bench.source.devices == [
            DeviceStatus(kind: .nut, name: "rack", address: address, isUp: true, lastRead: time),
            DeviceStatus(
                kind: .ups,
                name: "rack/a",
                address: address,
                isUp: false,
                lastError: "the server answers DATA-STALE",
                lastRead: time
            ),
            DeviceStatus(kind: .ups, name: "rack/b", address: address, isUp: true, lastRead: time),
        ]
    )
    isStale.withLock { $0 = false }
    _ = await bench.pass(3)
    _ = await bench.pass(4)
    #expect(lines.all == [warning, "info UPS server has data of a UPS again a"])
    #expect(bench.source.devices.map(\.isUp) == [true, true, true])
}

/// What a server of another kind, or another mind, says to `LIST UPS` and after.
@Test(arguments: [
    ("HTTP/1.1 400 Bad Request\n", "protocol"),
    ("BEGIN LIST UPS\nUPS a \"\n", "protocol"),
    ("BEGIN LIST UPS\nUPS a\u{0} \"\"\nEND LIST UPS\n", "protocol"),
    ("BEGIN LIST UPS\nUPS a \"\"\nEND LIST VAR a\n", "protocol"),
    ("ERR ACCESS-DENIED\n", "refused"),
    ("", "connection"),
])
func answersThatEndThePass(answer: String, kind: String) async throws {
    let listener = try UPSListener(upsScript { _ in answer.isEmpty ? nil : answer })
    defer { listener.stop() }
    let values = await Bench(server(listener.port)).pass()
    #expect(
        values == [
            "up": "0.0", "edgewatch_nut_up": "0.0",
            #"edgewatch_nut_failures_total{kind="\#(kind)"}"#: "1.0",
        ]
    )
}

@Test func answersOfAnotherDeviceKeepWhatCameBefore() async throws {
    let listener = try UPSListener(
        upsScript { line in
            switch line {
            case "LIST UPS": "BEGIN LIST UPS\nUPS a\nUPS b\nUPS a\nEND LIST UPS\n"
            case "LIST VAR \"a\"": "BEGIN LIST VAR a\nVAR a ups.load \"1\"\nVAR a x;y \"2\"\nEND LIST VAR a\n"
            default: "BEGIN LIST VAR c\n"
            }
        }
    )
    defer { listener.stop() }
    let values = await Bench(server(listener.port)).pass()
    #expect(values[#"network_ups_tools_ups_load{ups="a"}"#] == "1.0")
    #expect(values[#"edgewatch_nut_variables_left_out_total{reason="name"}"#] == "1.0")
    #expect(values[#"edgewatch_nut_failures_total{kind="protocol"}"#] == "1.0")
    #expect(values["edgewatch_nut_up"] == "0.0")
}

/// Servers that never come to an end: a list, a line, silence, greetings.
@Test(arguments: ["list", "line", "silence", "lines"])
func endlessServers(kind: String) async throws {
    let listener = try UPSListener { connection in
        var byte: UInt8 = 0
        guard recv(connection, &byte, 1, 0) == 1 else { return }
        switch kind {
        case "list":
            sendAll(connection, "BEGIN LIST UPS\n")
            var number = 0
            while sendAll(connection, "UPS u\(number) \"\"\n") { number += 1 }
        case "line": while sendAll(connection, String(repeating: "a", count: 1 << 16)) {}
        case "lines": while sendAll(connection, "BEGIN LIST UPS\nUPS a \"\"\n") {}
        default: while recv(connection, &byte, 1, 0) == 1 {}
        }
    }
    defer { listener.stop() }
    let timeout = Duration.milliseconds(kind == "silence" ? 200 : 20_000)
    let values = await Bench(server(listener.port, timeout: timeout)).pass()
    #expect(
        values == [
            "up": "0.0", "edgewatch_nut_up": "0.0",
            #"edgewatch_nut_failures_total{kind="\#(kind == "silence" ? "connection" : "protocol")"}"#: "1.0",
        ]
    )
}

@Test func aServerThatIsAwayIsAskedLessOften() async throws {
    let clock = ManualClock(wallMilliseconds: 0)
    let bench = Bench(server(try UPSListener.freePort()), clock: clock)
    let failures = #"edgewatch_nut_failures_total{kind="connection"}"#
    for pass in 1...3 { #expect(await bench.pass(Int64(pass))[failures] == "\(pass).0") }
    #expect(await bench.pass(4)[failures] == "3.0")
    clock.advance(milliseconds: 10_000)
    #expect(await bench.pass(5)[failures] == "4.0")
}

@Test func theClaimThatLeavesTheLeastTimeCounts() {
    func judge(
        _ supplies: PowerReading? = nil,
        _ backups: [BackupSupply] = [],
        _ claims: [PowerSource] = []
    ) -> PowerJudgement? { PowerState.judge(supplies: supplies, backups: backups, claims: claims) }
    let grid = PowerReading(source: .grid, levelRatio: 0.9)
    let online = BackupSupply(isOnBattery: false, levelRatio: 1, runtime: 3600)
    let offline = BackupSupply(isOnBattery: true, levelRatio: 0.4, runtime: 600)
    #expect(judge() == nil)
    #expect(judge(nil, [BackupSupply()]) == nil)
    #expect(judge(grid) == PowerJudgement(source: .grid, levelRatio: 0.9))
    #expect(judge(nil, [online]) == PowerJudgement(source: .grid, levelRatio: 1, runtime: 3600))
    #expect(judge(grid, [online]) == PowerJudgement(source: .grid, levelRatio: 0.9, runtime: 3600))
    #expect(judge(grid, [online, offline]) == PowerJudgement(source: .ups, levelRatio: 0.4, runtime: 600))
    #expect(judge(grid, [], [.solar])?.source == .solar)
    #expect(judge(PowerReading(source: .battery, levelRatio: nil), [online], [.solar])?.source == .battery)
    #expect(judge(nil, [], [.grid, .battery])?.source == .battery)
    // The sun.
    let panel = SupplyState(type: "Mains", isOnline: true, isSolar: true)
    #expect(PowerReading([panel]) == PowerReading(source: .solar, levelRatio: nil))
    #expect(PowerReading([SupplyState(type: "Mains", isSolar: true)])?.source == .grid)
}

@Test func claimsGrowOld() {
    let clock = ManualClock(wallMilliseconds: 0)
    let state = PowerState(clock: clock)
    state.setClaims([.solar], for: .seconds(30))
    state.setBackups([BackupSupply(isOnBattery: true)], of: "a", for: .seconds(10))
    #expect(state.judgement?.source == .ups)
    clock.advance(milliseconds: 10_000)
    #expect(state.judgement?.source == .solar)
    clock.advance(milliseconds: 20_000)
    #expect(state.judgement == nil)
    state.setSupplies(PowerReading(source: .grid, levelRatio: nil), for: .seconds(40))
    #expect(state.judgement?.source == .grid)
    state.setSupplies(nil, for: .seconds(40))
    #expect(state.judgement == nil)
}
