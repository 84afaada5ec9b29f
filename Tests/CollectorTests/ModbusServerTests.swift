// SPDX-License-Identifier: Apache-2.0
//
// Against a real Modbus TCP server (pymodbus).

import Config
import Foundation
import Logging
import Platform
import Samples
import Testing

@testable import Collector

private func register(
    _ metric: String,
    _ address: UInt16,
    _ type: ModbusRegisterConfig.ValueType,
    _ table: ModbusRegisterConfig.Table = .holding,
    _ order: ModbusByteOrder = .abcd,
    scale: Double = 1,
    labels: Labels = Labels()
) -> ModbusRegisterConfig {
    var register = ModbusRegisterConfig(metric: metric, address: address)
    register.type = type
    register.table = table
    register.byteOrder = order
    register.scale = scale
    register.labels = labels
    return register
}

private struct Bench {
    let sink = RecordingSink()
    let clock = SystemClock()
    let lines: ModbusLines
    let telemetry = Telemetry()

    init() {
        lines = ModbusLines(clock: clock)
    }

    func source(_ device: ModbusDeviceConfig) -> ModbusSource {
        ModbusSource(
            device,
            line: lines.line(host: device.host, port: device.port),
            identity: set(["job": "modbus", "instance": device.name]),
            sink: sink,
            clock: clock,
            tally: PassTally(telemetry, kind: "device", sampling: SamplingTally(telemetry)),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }

    /// The newest batch by name and extra labels, edgewatch's own series apart.
    func values() -> [String: String] {
        sink.newest().reduce(into: [:]) { result, entry in
            guard !entry.key.hasPrefix("edgewatch_") else { return }
            let name = entry.key.replacing(/instance="[^"]*", job="modbus"(, )?/, with: "").replacing(
                "{}",
                with: ""
            )
            result[name] = entry.value
        }
    }

    func own(_ name: String) -> String? {
        sink.newest().first { $0.key.hasPrefix(name + "{") }?.value
    }
}

private func order(_ time: Int64) -> PassOrder {
    PassOrder(time: Timestamp(milliseconds: time), interval: .seconds(15), classes: .all)
}

private func device(
    _ name: String,
    _ port: Int,
    unit: Int,
    _ registers: [ModbusRegisterConfig]
) -> ModbusDeviceConfig {
    var device = ModbusDeviceConfig(name: name, host: "127.0.0.1")
    device.port = port
    device.unit = unit
    device.timeout = .milliseconds(500)
    device.registers = registers
    return device
}

@Test func registersOfARealServerAreRead() async throws {
    guard let server = try ModbusServer() else { return }
    let bench = Bench()
    let plc = bench.source(
        device(
            "plc",
            server.port,
            unit: 1,
            [
                register("temperature_celsius", 0, .int16, scale: 0.1),
                register("state", 1, .uint16, labels: set(["part": "pump"])),
                register("total", 2, .uint32),
                register("position", 4, .int32, .holding, .cdab),
                register("tiny", 20, .float64), register("deep", 24, .int64),
                register("flow", 0, .float32, .input, .badc),
                register("flow_reversed", 2, .float32, .input, .dcba),
                register("run", 0, .bool, .coil), register("stop", 1, .bool, .coil),
                register("door", 1, .bool, .discrete), register("nothing", 40, .uint16),
            ]
        )
    )
    let expected = [
        "temperature_celsius": "-12.5", "state{part=\"pump\"}": "65535.0", "total": "305419896.0",
        "position": "-100000.0", "tiny": "0.0025", "deep": "-1099511627776.0", "flow": "3.25",
        "flow_reversed": "3.25", "run": "1.0", "stop": "0.0", "door": "1.0",
    ]
    for pass in 1...3 {
        await plc.pass(order(Int64(pass)))
        #expect(bench.values() == expected)
        #expect(bench.own("edgewatch_modbus_up") == "1.0")
    }
    #expect(plc.status.unsupported == ["nothing (holding 40)"])
    #expect(plc.status.requests == 5, "learnt: two holding spans around the hole, input, coils, discrete")
    #expect(plc.status.lastError.isEmpty && plc.status.isUp == true)
    #expect(bench.own("edgewatch_modbus_unsupported_registers") == "1.0")
    server.stop()
    await plc.pass(order(4))
    #expect(bench.own("edgewatch_modbus_up") == "0.0")
    #expect(bench.values() == expected.mapValues { _ in "stale" })
    #expect(plc.status.isUp == false && plc.status.lastError.contains("127.0.0.1:\(server.port)"))
}

@Test func aDeadUnitDoesNotStopTheOthersOfItsLine() async throws {
    for arguments in [[], ["silent"]] {
        guard let server = try ModbusServer(arguments) else { return }
        defer { server.stop() }
        let bench = Bench()
        let many = (100..<300).map { register("m\($0)", UInt16($0), .uint16) }
        let good = bench.source(device("good", server.port, unit: 2, many))
        let dead = bench.source(device("dead", server.port, unit: 7, [register("x", 0, .uint16)]))
        for pass in 1...5 {
            await dead.pass(order(Int64(pass)))
            #expect(bench.own("edgewatch_modbus_up") == "0.0")
            await good.pass(order(Int64(pass)))
            #expect(bench.own("edgewatch_modbus_up") == "1.0")
            #expect(
                bench.values()
                    == Dictionary(uniqueKeysWithValues: (100..<300).map { ("m\($0)", "\($0 * 10).0") })
            )
        }
        #expect(good.status.requests == 2)
        #expect(dead.status.isSpared)
        #expect(
            dead.status.lastError
                == (arguments.isEmpty ? "exception 4: server device failure" : "no answer in time")
        )
        #expect(bench.lines.line(host: "127.0.0.1", port: server.port).address == good.status.address)
        let requests = dead.status
        await dead.pass(order(6))
        #expect(dead.status == requests, "spared: not asked again")
    }
}

@Test func aRestartedServerIsFoundAgain() async throws {
    guard let first = try ModbusServer() else { return }
    let bench = Bench()
    let link = ModbusTCPLink(host: "127.0.0.1", port: first.port, clock: bench.clock)
    let request = ModbusRequest(unit: 2, table: .holding, start: 100, count: 2, timeout: .seconds(1))
    #expect(try link.read(request) == [1000, 1010])
    first.stop()
    #expect(throws: ModbusFailure.self) { try link.read(request) }
    let nowhere = ModbusTCPLink(host: "127.0.0.1", port: first.port, clock: ManualClock(wallMilliseconds: 0))
    for _ in 0..<2 {
        #expect {
            try nowhere.read(request)
        } throws: { error in
            guard case .connection(let reason)? = error as? ModbusFailure else { return false }
            return reason == "cannot connect to 127.0.0.1:\(first.port): Connection refused"
        }
    }
}
