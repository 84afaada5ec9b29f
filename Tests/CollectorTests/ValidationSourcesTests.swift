// SPDX-License-Identifier: Apache-2.0
//
// Rules from the configuration's text to the store, over the sources themselves: a tree of files as the host, a Modbus server,
// a server of UPSes. Each is given the same values in four passes fifteen seconds apart, in four series with a rule each:
//
//     range    21, 99, 22, 23            at most 85, kept beside when it is not
//     rate     10, 100, 12, 13           at most two a second
//     stuck    7, 7, 7, 8                at most half a minute
//     scaled   5000, 9000, 20000, 3000   a thousandth less one, at most 9
//
// so that what is stored differs in nothing but the names.

import Conditions
import Config
import HTTPClient
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

/// The series of one source that are given the values.
private struct Subjects {
    let range: String
    let rate: String
    let stuck: String
    let scaled: String

    var all: [String] { [range, rate, stuck, scaled] }

    /// The rules of the list `validation`, one a line.
    func rules(indented blanks: Int) -> String {
        let rules = [
            "{metric: \(range), min: -40, max: 85, action: mark}",
            "{metric: \(rate), max_change_per_second: 2}",
            "{metric: \(stuck), stuck_for: 30s}",
            "{metric: \(scaled), scale: 0.001, offset: -1, max: 9}",
        ]
        let margin = String(repeating: " ", count: blanks)
        return rules.map { "\(margin)- \($0)\n" }.joined()
    }

    /// What is stored, as name, quality, second and value.
    var stored: [String] {
        [
            "\(range) - 0 21.0", "\(range) - 15 stale", "\(range) - 30 22.0", "\(range) - 45 23.0",
            "\(range) range 15 99.0", "\(range) range 30 stale",
            "\(rate) - 0 10.0", "\(rate) - 15 stale", "\(rate) - 30 12.0", "\(rate) - 45 13.0",
            "\(stuck) - 0 7.0", "\(stuck) - 15 7.0", "\(stuck) - 30 stale", "\(stuck) - 45 8.0",
            "\(scaled) - 0 4.0", "\(scaled) - 15 8.0", "\(scaled) - 30 stale", "\(scaled) - 45 2.0",
        ].sorted()
    }
}

private struct Values: Sendable {
    let range: Int
    let rate: Int
    let stuck: Int
    let scaled: Int

    static let passes = [
        Values(range: 21, rate: 10, stuck: 7, scaled: 5000),
        Values(range: 99, rate: 100, stuck: 7, scaled: 9000),
        Values(range: 22, rate: 12, stuck: 7, scaled: 20_000),
        Values(range: 23, rate: 13, stuck: 8, scaled: 3000),
    ]
}

private struct Gateway {
    let sink = RecordingSink()
    let telemetry = Telemetry()
    let source: any CollectorSource

    /// The source of a configuration's text whose name is given.
    init(_ name: String, _ yaml: String) throws {
        let clock = SystemClock()
        let factory = SourceFactory(
            hostName: "gw",
            sink: sink,
            http: HTTPClient(userAgent: "edgewatch/test"),
            signals: SignalBoard(clock: clock),
            clock: clock,
            telemetry: telemetry,
            report: SamplingReport(),
            power: PowerState(clock: clock),
            series: nil,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let configuration = try Configuration.parse(Array(yaml.utf8), file: nil)
        let definition = try #require(
            factory.definitions(configuration, targets: []).first { $0.name == name }
        )
        source = factory.make(definition)
    }

    /// Gives the values pass by pass, and expects of the series what the head of this file says.
    func check(_ subjects: Subjects, counted source: String, set: (Values) throws -> Void) async throws {
        for (pass, values) in Values.passes.enumerated() {
            try set(values)
            let time = Timestamp(milliseconds: Int64(pass) * 15_000)
            await self.source.pass(PassOrder(time: time, interval: .seconds(15), classes: .all))
        }
        #expect(stored(subjects.all) == subjects.stored)
        #expect(rejected(of: source) == ["range": 2, "rate": 1, "stuck": 1])
        // Whatever the rules made is ended and given back with the source.
        await self.source.end(at: Timestamp(milliseconds: 60_000))
        let ends = stored(subjects.all).filter { $0.contains(" 60 ") }
        #expect(ends == subjects.all.map { "\($0) - 60 stale" }.sorted())
        #expect(sink.state.withLock { $0.uses.series.isEmpty && $0.uses.groups.isEmpty })
    }

    private func stored(_ names: [String]) -> [String] {
        sink.state.withLock { state in
            state.batches.flatMap { batch in
                zip(batch.series, batch.values).compactMap { id, value in
                    let labels = state.series[Int(id.rawValue)]
                    guard let name = labels.metricName, names.contains(name) else { return nil }
                    return
                        "\(name) \(labels["quality"] ?? "-") \(batch.timestamp.milliseconds / 1000) "
                        + (value.isStale ? "stale" : "\(value)")
                }
            }.sorted()
        }
    }

    private func rejected(of source: String) -> [String: Double] {
        let family = telemetry.families().first { $0.name == "edgewatch_validation_rejected_total" }
        var counts: [String: Double] = [:]
        for sample in family?.samples ?? [] {
            let labels = Dictionary(uniqueKeysWithValues: sample.labels.map { ($0.name, $0.value) })
            if labels["source"] == source, let reason = labels["reason"] { counts[reason] = sample.value }
        }
        return counts
    }
}

struct ValidationSourcesTests {
    @Test func ofTheHost() async throws {
        let fixture = try HostFixture(HostFixture.laptop)
        let subjects = Subjects(
            range: "node_power_supply_capacity",
            rate: "node_load1",
            stuck: "node_entropy_available_bits",
            scaled: "node_filefd_allocated"
        )
        let gateway = try Gateway(
            "node",
            """
            collectors:
              host:
                proc_path: \(fixture.roots.proc)
                sys_path: \(fixture.roots.sys)
                rootfs_path: \(fixture.roots.rootfs)
                validation:
            \(subjects.rules(indented: 6))
            """
        )
        try await gateway.check(subjects, counted: "node") { values in
            try fixture.write("sys/class/power_supply/BAT0/capacity", "\(values.range)\n")
            try fixture.write("proc/loadavg", "\(values.rate) 1 1 1/2 3\n")
            try fixture.write("proc/sys/kernel/random/entropy_avail", "\(values.stuck)\n")
            try fixture.write("proc/sys/fs/file-nr", "\(values.scaled)\t0\t100000\n")
        }
    }

    @Test func ofAModbusDevice() async throws {
        guard let server = try ModbusServer() else { return }
        defer { server.stop() }
        let subjects = Subjects(
            range: "oil_celsius",
            rate: "flow_litres",
            stuck: "level_metres",
            scaled: "pressure_bar"
        )
        let registers = subjects.all.enumerated().map { address, name in
            "        - {metric: \(name), address: \(address), type: uint16}\n"
        }.joined()
        let gateway = try Gateway(
            "modbus/plc",
            """
            collectors:
              modbus:
                - name: plc
                  address: tcp://127.0.0.1:\(server.port)
                  unit: 1
                  registers:
            \(registers)
                  validation:
            \(subjects.rules(indented: 8))
            """
        )
        try await gateway.check(subjects, counted: "modbus/plc") { values in
            for (address, value) in [values.range, values.rate, values.stuck, values.scaled].enumerated() {
                try server.write(UInt16(value), at: UInt8(address))
            }
        }
    }

    @Test func ofAServerOfUPSes() async throws {
        let now = Mutex(Values.passes[0])
        let listener = try UPSListener(
            upsScript { line in
                let values = now.withLock { $0 }
                return switch line {
                case "LIST UPS": "BEGIN LIST UPS\nUPS a \"\"\nEND LIST UPS\n"
                case "LIST VAR \"a\"":
                    "BEGIN LIST VAR a\nVAR a ups.status \"OL\"\nVAR a battery.charge \"\(values.range)\"\n"
                        + "VAR a ups.load \"\(values.rate)\"\nVAR a input.voltage \"\(values.stuck)\"\n"
                        + "VAR a battery.runtime \"\(values.scaled)\"\nEND LIST VAR a\n"
                default: "OK Goodbye\n"
                }
            }
        )
        defer { listener.stop() }
        let subjects = Subjects(
            range: "network_ups_tools_battery_charge",
            rate: "network_ups_tools_ups_load",
            stuck: "network_ups_tools_input_voltage",
            scaled: "network_ups_tools_battery_runtime"
        )
        let gateway = try Gateway(
            "nut/rack",
            """
            collectors:
              nut:
                - name: rack
                  address: 127.0.0.1:\(listener.port)
                  validation:
            \(subjects.rules(indented: 8))
            """
        )
        try await gateway.check(subjects, counted: "nut/rack") { values in
            now.withLock { $0 = values }
        }
    }
}
