// SPDX-License-Identifier: Apache-2.0
//
// The metrics of an edge node over machines made of files, over real sockets of this machine, and the formula's table
// of docs/edge-metrics.md.

import Conditions
import Config
import Foundation
import Platform
import Samples
import Synchronization
import TestServer
import Testing

@testable import Collector

private func identity() -> Labels { set(["job": "edge", "instance": "gw"]) }

/// A source over files, its passes, and what they left.
private final class Bench {
    let sink = RecordingSink()
    let clock: any EdgeClock
    let signals: SignalBoard
    let power: PowerState
    /// Its files go with it.
    private let fixture: HostFixture
    private let source: EdgeSource

    init(
        _ subject: EdgeDefinition.Subject,
        _ fixture: HostFixture,
        series: (any SeriesSource)? = nil,
        clock: any EdgeClock = ManualClock(wallMilliseconds: 1_000_000)
    ) {
        self.clock = clock
        self.fixture = fixture
        signals = SignalBoard(clock: clock)
        power = PowerState(clock: clock)
        let definition = EdgeDefinition(
            subject: subject,
            node: "gw",
            procPath: fixture.root + "/proc",
            sysPath: fixture.root + "/sys"
        )
        let reading = series.map(SeriesReading.init)
        let made: any EdgeSubject =
            switch subject {
            case .network(let config): EdgeNetwork(definition, config, signals: signals, clock: clock)
            case .power(let config):
                EdgePower(
                    config,
                    power: power,
                    signals: signals,
                    reading: reading,
                    clock: clock,
                    roots: definition.roots
                )
            case .environment(let config):
                EdgeEnvironment(definition, config, reading: reading, clock: clock)
            }
        let telemetry = Telemetry()
        source = EdgeSource(
            definition,
            subject: made,
            identity: identity(),
            sink: sink,
            tally: PassTally(telemetry, kind: "node", sampling: SamplingTally(telemetry))
        )
    }

    /// One pass: series without job and instance → value.
    func pass(_ time: Int64 = 1_000_000) async -> [String: String] {
        await source.pass(
            PassOrder(time: Timestamp(milliseconds: time), interval: .seconds(10), classes: .all)
        )
        return sink.newest().reduce(into: [:]) { result, entry in
            let name = entry.key.replacing(/instance="gw"(, )?/, with: "")
                .replacing(/job="edge"(, )?/, with: "").replacing(", }", with: "}")
                .replacing("{}", with: "")
            result[name] = entry.value
        }
    }

    func end() async { await source.end(at: Timestamp(milliseconds: 2_000_000)) }
}

/// Series that are as the test says.
private final class FixedSeries: SeriesSource {
    struct Selection: SeriesSelection {
        let found: [(labels: Labels, time: Int64, value: Double)]
        var count: Int { found.count }
        func labels(_ index: Int) -> Labels { found[index].labels }
        func read(
            _ index: Int,
            from: Timestamp,
            through: Timestamp,
            into columns: inout SampleColumns
        ) throws(SourceError) {
            let sample = found[index]
            guard sample.time >= from.milliseconds, sample.time <= through.milliseconds else { return }
            columns.append(sample.time, sample.value)
        }
    }

    let all: [(labels: Labels, time: Int64, value: Double)]

    init(_ all: [(labels: Labels, time: Int64, value: Double)]) { self.all = all }

    func select(
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) throws(SourceError) -> any SeriesSelection {
        Selection(found: all.filter { series in matchers.allSatisfy { $0.matches(series.labels) } })
    }
    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] { [] }
    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] {
        []
    }
    func metadata() -> [String: MetricMetadata] { [:] }
}

private func close(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 0.05 }

@Suite struct EdgeFormulaTests {
    /// The table of docs/edge-metrics.md, computed apart.
    @Test(
        arguments: [
            (0.001, 0.0, 0.0, 0.0, nil, 99.7), (0.04, 0.005, 0, 0, nil, 98.9), (0.2, 0.02, 0, 0, nil, 96.0),
            (0.6, 0.05, 0, 0, nil, 68.9), (0.04, 0.005, 0.04, 0, nil, 88.2),
            (0.04, 0.005, 0, 0.01, nil, 49.5),
            (0.04, 0.005, 0, 0, -75, 49.5), (0, 0, 0.4, 0, nil, 0), (0, 0, 1, 0, nil, 0),
            (0, 0, 0, 1, nil, 0),
            (30, 0, 0, 0, nil, 0),
        ] as [(Double, Double, Double, Double, Double?, Double)]
    )
    func theTable(trip: Double, jitter: Double, loss: Double, errors: Double, signal: Double?, score: Double)
    {
        let found = NetworkQuality.score(
            roundTrip: trip,
            jitter: jitter,
            loss: loss,
            errorRatio: errors,
            signal: signal
        )
        #expect(close(found, score), "\(found)")
    }

    @Test func signalsOfARadio() {
        let found = [0, -30, -50, -70, -90, -100, -120].map { NetworkQuality.signalFactor($0) }
        let expected = [1, 1, 1, 0.6, 0.2, 0, 0]
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    @Test func roundsAreSmoothed() {
        var record = ProbeRecord()
        record.take([])
        #expect(record == ProbeRecord())
        record.take([0.01, 0.03, nil, 0.02, nil])
        #expect(record.roundTrip == 0.02)
        #expect(close(record.jitter ?? 0, 0.015))
        #expect(record.loss == 0.4)
        #expect(record.hasAnswered)
        record.take([nil, nil, nil, nil, nil])
        #expect(record.roundTrip == 0.02)
        #expect(abs((record.loss ?? 0) - (0.4 + 0.6 * 2 / 11)) < 1e-12)
        for _ in 0..<100 { record.take([0.05, 0.05, 0.05, 0.05, 0.05]) }
        #expect(abs((record.roundTrip ?? 0) - 0.05) < 1e-6)
        #expect((record.loss ?? 1) < 1e-6)
        var silent = ProbeRecord()
        silent.take([nil])
        #expect(silent.loss == 1 && !silent.hasAnswered)
    }
}

@Suite struct EdgeNetworkTests {
    private static let tree = [
        "sys/class/net/lo/flags": "0x9\n", "sys/class/net/lo/carrier": "1\n",
        "sys/class/net/eth0/flags": "0x1003\n", "sys/class/net/eth0/carrier": "1\n",
        "sys/class/net/eth0/statistics/rx_packets": "1000\n",
        "sys/class/net/eth0/statistics/tx_packets": "500\n",
        "sys/class/net/eth0/statistics/rx_errors": "3\n", "sys/class/net/eth0/statistics/tx_errors": "2\n",
        "sys/class/net/eth1/flags": "0x1003\n", "sys/class/net/eth1/carrier": "0\n",
        "sys/class/net/eth1/carrier_up_count": "2\n",
        "sys/class/net/eth2/flags": "0x1003\n", "sys/class/net/eth2/carrier": "0\n",
        "sys/class/net/eth2/carrier_up_count": "0\n",
        "sys/class/net/eth3/flags": "0x1002\n", "sys/class/net/veth7/flags": "0x1003\n",
        "sys/class/net/wlan0/flags": "0x1003\n", "sys/class/net/wlan0/carrier": "1\n",
        "sys/class/net/junk/flags": "what\n",
        "proc/net/wireless": """
        Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
         face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
         wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
          old0: 0000   54.  200.  0        0      0      0      0      0        0

        """,
        "proc/net/route": """
        Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
        eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
        eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
        eth1\t00000000\tZZ02A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
        short

        """,
        "proc/net/ipv6_route": "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
            + "fe800000000000000000000000000001 00000400 00000001 00000000 00450003 wlan0\n"
            + "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
            + "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n",
    ]

    @Test func linksAndGateways() throws {
        let fixture = try HostFixture(EdgeNetworkTests.tree)
        var kernel = KernelText(roots: fixture.roots)
        let exclude = try Pattern(EdgeNetwork.excluded)
        let links = LinkCounters.read(&kernel) { !exclude.matches($0) }
        #expect(
            links == [
                LinkState(name: "eth0", packets: 1500, errors: 5),
                LinkState(name: "eth1", hasCarrier: false, hadCarrier: true),
                LinkState(name: "eth2", hasCarrier: false, hadCarrier: false),
                LinkState(name: "wlan0", signal: -56),
            ]
        )
        let gateways = LinkCounters.gateways(&kernel) { $0 == "wlan0" ? 5 : 0 }
        #expect(gateways.mapValues(\.text) == ["eth0": "192.168.2.1", "wlan0": "fe80::1"])
        #expect(
            gateways["wlan0"]
                == SocketAddress(
                    network: [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1],
                    port: 0,
                    scope: 5
                )
        )
        let empty = try HostFixture([:])
        var nothing = KernelText(roots: empty.roots)
        #expect(LinkCounters.read(&nothing) { _ in true }.isEmpty)
        #expect(LinkCounters.gateways(&nothing) { _ in 0 }.isEmpty)
    }

    /// This machine's loopback stands for an interface: probes of 127.0.0.1 leave by `lo`, which the files call up.
    private func loopback(_ port: Int) -> EdgeNetworkConfig {
        var config = EdgeNetworkConfig()
        config.probes = [.tcp("127.0.0.1", port: port)]
        config.exclude = try? Pattern("none")
        return config
    }

    private static let loTree = [
        "sys/class/net/lo/flags": "0x1\n", "sys/class/net/lo/carrier": "1\n",
        "sys/class/net/lo/statistics/rx_packets": "1000\n",
    ]

    @Test func qualityOfWhatIsProbed() async throws {
        let server = try TestServer { _, connection in connection.waitForEnd() }
        defer { server.stop() }
        let fixture = try HostFixture(EdgeNetworkTests.loTree)
        let bench = Bench(.network(loopback(server.port)), fixture, clock: SystemClock())
        let values = await bench.pass()
        let labels = "{interface=\"lo\", target=\"tcp://127.0.0.1:\(server.port)\"}"
        let quality = try #require(
            values[#"edge_network_quality{edge_node="gw", interface="lo"}"#].flatMap(Double.init)
        )
        #expect(quality > 50 && quality < 100)
        #expect(values["edge_network_loss_ratio\(labels)"] == "0.0")
        let trip = try #require(values["edge_network_round_trip_seconds\(labels)"].flatMap(Double.init))
        #expect(trip > 0 && trip < 1)
        #expect(bench.signals.value(SignalName.networkLoss)?.value == .number(0))
        #expect(bench.signals.value(SignalName.networkLatency)?.value == .number(trip))

        // Errors of the link halve it and more; a lost carrier is 0.
        try fixture.write("sys/class/net/lo/statistics/rx_packets", "1099\n")
        try fixture.write("sys/class/net/lo/statistics/rx_errors", "1\n")
        let worse = await bench.pass()[#"edge_network_quality{edge_node="gw", interface="lo"}"#].flatMap(
            Double.init
        )
        #expect((worse ?? 100) <= 50)
        try fixture.write("sys/class/net/lo/carrier", "0\n")
        try fixture.write("sys/class/net/lo/carrier_up_count", "1\n")
        #expect(await bench.pass()[#"edge_network_quality{edge_node="gw", interface="lo"}"#] == "0.0")
        try fixture.write("sys/class/net/lo/flags", "0x0\n")
        #expect(await bench.pass()[#"edge_network_quality{edge_node="gw", interface="lo"}"#] == "stale")
        await bench.end()
        #expect(bench.sink.state.withLock { $0.uses.isEmpty })
    }

    /// A refusal says that the packet got there: a port nobody listens on is as good as one that is served.
    @Test func aRefusalIsAnAnswer() {
        let targets = [
            ProbeTarget(address: SocketAddress(network: [127, 0, 0, 1], port: 0)!, way: .connect(port: 1)),
            // TEST-NET-1 (RFC 5737) is nobody's: lost, or refused by the way.
            ProbeTarget(address: SocketAddress(network: [192, 0, 2, 255], port: 0)!, way: .connect(port: 1)),
        ]
        let results = ProbeRound.run(targets, clock: SystemClock())
        #expect(results.count == 2)
        #expect(results[0].allSatisfy { $0.map { $0 >= 0 && $0 < 1 } ?? false })
        #expect(results[1].count == ProbeRound.attempts)
        #expect(ProbeRound.run([], clock: SystemClock()).isEmpty)
    }

    @Test func echoesComeBack() {
        guard ProbeRound.mayEcho(AF_INET) else {
            print("SKIPPED: net.ipv4.ping_group_range forbids ICMP echo here")
            return
        }
        let target = ProbeTarget(address: SocketAddress(network: [127, 0, 0, 1], port: 0)!, way: .echo)
        let results = ProbeRound.run([target, target], clock: SystemClock())
        #expect(results.allSatisfy { $0.allSatisfy { $0.map { $0 > 0 && $0 < 1 } ?? false } })
    }

    @Test func theWayToLoopback() {
        #expect(ProbeRoutes.interface(to: SocketAddress(network: [127, 0, 0, 1], port: 0)!) == "lo")
    }

    /// What a transfer measured is not overwritten.
    @Test func latencyOfOthersStays() async throws {
        let fixture = try HostFixture(EdgeNetworkTests.loTree)
        let bench = Bench(.network(loopback(1)), fixture, clock: SystemClock())
        bench.signals.publish(SignalName.networkLatency, .number(0.5), unit: "seconds")
        _ = await bench.pass()
        #expect(bench.signals.value(SignalName.networkLatency)?.value == .number(0.5))
        #expect(bench.signals.value(SignalName.networkLoss)?.value == .number(0))
    }
}

@Suite struct EdgePowerTests {
    @Test func oneStateIsOneAndUnknownIsNone() async throws {
        let bench = Bench(.power(EdgePowerConfig()), try HostFixture([:]))
        #expect(await bench.pass() == [:])
        bench.power.setSupplies(PowerReading(source: .battery, levelRatio: 0.5), for: .seconds(40))
        func states(_ one: String) -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: EdgePowerConfig.states.map {
                    ("edge_power_status{state=\"\($0)\"}", $0 == one ? "1.0" : "0.0")
                }
            )
        }
        #expect(await bench.pass() == states("battery"))
        bench.power.setBackups([BackupSupply(isOnBattery: true)], of: "rack", for: .seconds(40))
        #expect(await bench.pass() == states("ups"))
        bench.power.withdrawBackups(of: "rack")
        bench.power.setSupplies(nil, for: .seconds(40))
        #expect(await bench.pass() == states("").mapValues { _ in "stale" })
    }

    @Test func everyPassReadsTheSupplies() async throws {
        let directory = "sys/class/power_supply"
        let fixture = try HostFixture([
            "\(directory)/AC/type": "Mains\n", "\(directory)/AC/online": "1\n",
            "\(directory)/BAT0/type": "Battery\n", "\(directory)/BAT0/status": "Charging\n",
        ])
        let bench = Bench(.power(EdgePowerConfig()), fixture)
        #expect(await bench.pass()["edge_power_status{state=\"grid\"}"] == "1.0")
        try fixture.write("\(directory)/AC/online", "0\n")
        try fixture.write("\(directory)/BAT0/status", "Not charging\n")
        // No time has passed.
        let after = await bench.pass()
        #expect(after["edge_power_status{state=\"grid\"}"] == "0.0")
        #expect(after["edge_power_status{state=\"battery\"}"] == "1.0")
    }

    @Test func conditionsOverSeriesAndSignals() async throws {
        var config = EdgePowerConfig()
        var solar = EdgePowerConfig.State(
            state: "solar",
            condition: try Condition.parse("pv_power_watts > 50 AND anomaly_score < 0.5")
        )
        solar.labels = set(["string": "east"])
        config.conditions = [solar]
        let one = "edge_power_status{state=\"solar\"}"
        func bench(_ series: [(labels: Labels, time: Int64, value: Double)]) throws -> Bench {
            let bench = Bench(.power(config), try HostFixture([:]), series: FixedSeries(series))
            bench.signals.publish(SignalName.anomalyScore, .number(0.1))
            return bench
        }
        let east = set(["__name__": "pv_power_watts", "string": "east"])
        let west = set(["__name__": "pv_power_watts", "string": "west"])
        #expect(try await bench([(east, 990_000, 60)]).pass()[one] == "1.0")
        #expect(try await bench([(east, 990_000, 40)]).pass()[one] == nil)
        #expect(try await bench([(west, 990_000, 60)]).pass()[one] == nil)
        #expect(try await bench([(east, 990_000, 40), (east, 990_000, 70)]).pass()[one] == "1.0")
        // Too old, ended, not a number.
        #expect(try await bench([(east, 690_000, 60)]).pass()[one] == nil)
        #expect(try await bench([(east, 990_000, StaleMarker.value)]).pass()[one] == nil)
        #expect(try await bench([(east, 990_000, .nan)]).pass()[one] == nil)
        let both = try bench([(east, 990_000, 60)])
        both.power.setSupplies(PowerReading(source: .grid, levelRatio: nil), for: .seconds(40))
        #expect(await both.pass()[one] == "1.0")
        both.signals.publish(SignalName.anomalyScore, .number(0.9))
        #expect(await both.pass()[one] == "0.0")
        #expect(await both.pass()["edge_power_status{state=\"grid\"}"] == "1.0")
    }
}

@Suite struct EdgeEnvironmentTests {
    private static let tree = [
        "sys/bus/iio/devices/iio:device0/name": "bme280\n",
        "sys/bus/iio/devices/iio:device0/in_temp_input": "23450\n",
        "sys/bus/iio/devices/iio:device0/in_humidityrelative_input": "45123\n",
        "sys/bus/iio/devices/iio:device0/in_pressure_input": "101.3\n",
        "sys/bus/iio/devices/iio:device1/name": "hdc100x\n",
        "sys/bus/iio/devices/iio:device1/label": "cabinet\n",
        "sys/bus/iio/devices/iio:device1/in_temp_raw": "26000\n",
        "sys/bus/iio/devices/iio:device1/in_temp_offset": "-15887.515151\n",
        "sys/bus/iio/devices/iio:device1/in_temp_scale": "2.517700195\n",
        "sys/bus/iio/devices/iio:device1/in_humidityrelative_raw": "32768\n",
        "sys/bus/iio/devices/iio:device1/in_humidityrelative_scale": "1.525878906\n",
        "sys/bus/iio/devices/iio:device2/name": "mlx90614\n",
        "sys/bus/iio/devices/iio:device2/in_temp_ambient_raw": "14908\n",
        "sys/bus/iio/devices/iio:device2/in_temp_object_raw": "15500\n",
        "sys/bus/iio/devices/iio:device2/in_temp_object_calibemissivity": "1\n",
        "sys/bus/iio/devices/iio:device2/in_temp_scale": "20\n",
        "sys/bus/iio/devices/iio:device2/in_temp_offset": "-13657.5\n",
        "sys/bus/iio/devices/iio:device3/name": "adxl345\n",
        "sys/bus/iio/devices/iio:device3/in_accel_scale": "0.038245\n",
        "sys/bus/iio/devices/iio:device3/in_accel_x_raw": "3\n",
        "sys/bus/iio/devices/iio:device3/in_accel_y_raw": "-2\n",
        "sys/bus/iio/devices/iio:device3/in_accel_z_raw": "256\n",
        "sys/bus/iio/devices/iio:device4/name": "broken\n",
        "sys/bus/iio/devices/iio:device4/in_temp_raw": "1\n",
        "sys/bus/iio/devices/iio:device5/name": "bme280\n",
        "sys/bus/iio/devices/iio:device5/in_temp_input": "nonsense\n",
        "sys/bus/iio/devices/iio:device5/in_humidityrelative_input": "50000\n",
        "sys/bus/iio/devices/trigger0/name": "x\n",
        "sys/class/hwmon/hwmon0/name": "sht3x\n", "sys/class/hwmon/hwmon0/temp1_input": "19500\n",
        "sys/class/hwmon/hwmon0/humidity1_input": "61000\n",
        "sys/class/hwmon/hwmon1/name": "coretemp\n", "sys/class/hwmon/hwmon1/temp1_input": "52000\n",
        "sys/class/hwmon/hwmon1/temp2_input": "53500\n",
    ]

    private func rounded(_ values: [String: String]) -> [String: Double] {
        values.compactMapValues(Double.init).mapValues { ($0 * 100).rounded() / 100 }
    }

    @Test func withoutAMapAllClimateSensors() async throws {
        let bench = Bench(.environment(EdgeEnvironmentConfig()), try HostFixture(EdgeEnvironmentTests.tree))
        let expected = [
            #"edge_environment_temperature{sensor_location="bme280"}"#: 23.45,
            #"edge_environment_humidity{sensor_location="bme280"}"#: 45.12,
            #"edge_environment_humidity{sensor_location="bme280 iio:device5"}"#: 50,
            #"edge_environment_temperature{sensor_location="cabinet"}"#: 25.46,
            #"edge_environment_humidity{sensor_location="cabinet"}"#: 50,
            #"edge_environment_temperature{sensor_location="mlx90614 temp_ambient"}"#: 25.01,
            #"edge_environment_temperature{sensor_location="mlx90614 temp_object"}"#: 36.85,
            #"edge_environment_vibration{sensor_location="adxl345"}"#: 0,
            #"edge_environment_temperature{sensor_location="sht3x"}"#: 19.5,
            #"edge_environment_humidity{sensor_location="sht3x"}"#: 61,
        ]
        let first = rounded(await bench.pass())
        #expect(first == expected)
        let second = rounded(await bench.pass())
        #expect(second == expected)
        var some = EdgeEnvironmentConfig()
        some.quantities = [.vibration]
        let vibration = Bench(.environment(some), try HostFixture(EdgeEnvironmentTests.tree))
        let moving = await vibration.pass()
        #expect(Array(moving.keys) == [#"edge_environment_vibration{sensor_location="adxl345"}"#])
        let nothing = Bench(.environment(EdgeEnvironmentConfig()), try HostFixture([:]))
        #expect(await nothing.pass() == [:])
    }

    @Test func placesOfAMap() async throws {
        var config = EdgeEnvironmentConfig()
        func place(
            _ quantity: EdgeEnvironmentConfig.Quantity,
            _ location: String,
            _ origin: EdgeEnvironmentConfig.Origin,
            scale: Double = 1,
            offset: Double = 0
        ) {
            var place = EdgeEnvironmentConfig.Place(quantity: quantity, location: location, origin: origin)
            place.scale = scale
            place.offset = offset
            config.map.append(place)
        }
        let motor = try #require(SeriesSelector("motor_temp_celsius{unit='3'}"))
        place(.temperature, "name", .iio("mlx90614", channel: "temp_object"))
        place(.temperature, "first", .iio("mlx90614", channel: nil))
        place(.humidity, "label", .iio("cabinet", channel: nil))
        place(.temperature, "number", .iio("iio:device0", channel: nil), scale: 1.8, offset: 32)
        place(.temperature, "absent", .iio("nothing", channel: nil))
        place(.vibration, "none", .iio("bme280", channel: nil))
        place(.temperature, "core", .hwmon("coretemp", sensor: "temp2"))
        place(.humidity, "chip", .hwmon("sht3x", sensor: nil))
        place(.humidity, "escape", .hwmon("sht3x", sensor: "../hwmon1/temp1"))
        place(.temperature, "motor", .series(motor))
        place(.temperature, "away", .series(try #require(SeriesSelector("nobody"))))
        let series = FixedSeries([
            (set(["__name__": "motor_temp_celsius", "unit": "3"]), 999_000, 71.5),
            (set(["__name__": "motor_temp_celsius", "unit": "4"]), 999_000, 10),
        ])
        let fixture = try HostFixture(EdgeEnvironmentTests.tree)
        let bench = Bench(.environment(config), fixture, series: series)
        let expected = [
            #"edge_environment_temperature{sensor_location="name"}"#: 36.85,
            #"edge_environment_temperature{sensor_location="first"}"#: 25.01,
            #"edge_environment_humidity{sensor_location="label"}"#: 50,
            #"edge_environment_temperature{sensor_location="number"}"#: 74.21,
            #"edge_environment_temperature{sensor_location="core"}"#: 53.5,
            #"edge_environment_humidity{sensor_location="chip"}"#: 61,
            #"edge_environment_temperature{sensor_location="motor"}"#: 71.5,
        ]
        #expect(rounded(await bench.pass()) == expected)
        // A sensor that cannot be read ends its series.
        try fixture.write("sys/bus/iio/devices/iio:device2/in_temp_object_raw", "\n")
        #expect(await bench.pass()[#"edge_environment_temperature{sensor_location="name"}"#] == "stale")
        try fixture.write("sys/bus/iio/devices/iio:device2/in_temp_object_raw", "1e400\n")
        #expect(await bench.pass()[#"edge_environment_temperature{sensor_location="name"}"#] == nil)
    }

    /// A clock at whose every look the sensor has moved on: a square wave of ±10 counts about 256.
    private final class MovingSensor: EdgeClock {
        private let looks = Atomic<Int>(0)
        private let write: @Sendable (Int) -> Void
        init(_ write: @escaping @Sendable (Int) -> Void) { self.write = write }
        func monotonicNanoseconds() -> UInt64 {
            let look = looks.wrappingAdd(1, ordering: .relaxed).newValue
            write(look)
            return UInt64(look)
        }
        func wallMilliseconds() -> Int64 { 0 }
        func sleep(for duration: Duration) async throws {}
        func isSynchronized() -> Bool { true }
        func bootIdentifier() -> UInt64 { 1 }
    }

    @Test func vibrationIsWhatMoves() throws {
        let fixture = try HostFixture(EdgeEnvironmentTests.tree)
        let clock = MovingSensor { look in
            try? fixture.write(
                "sys/bus/iio/devices/iio:device3/in_accel_z_raw",
                "\(look % 2 == 0 ? 246 : 266)\n"
            )
        }
        var kernel = KernelText(roots: fixture.roots)
        let device = try #require(IIODevice.all(&kernel).first { $0.name == "adxl345" })
        let channel = try #require(device.channels.first)
        let value = try #require(device.value(of: channel, &kernel, clock: clock))
        // 32 readings, half of them 10 counts above the mean, half below.
        #expect(abs(value - 10 * 0.038245) < 1e-9)
    }
}
