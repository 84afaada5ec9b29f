// SPDX-License-Identifier: Apache-2.0
//
// One Modbus unit as a source. What it leaves: a series per register, and whether and how well the unit answers. A
// register that was not read ends; a unit that does not answer is `edgewatch_modbus_up 0`.

internal import Config
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// A Modbus unit as a source.
final class ModbusSource: DeviceSource {
    private struct State {
        var reader: ModbusUnitReader
        var breaker = ModbusBreaker()
        var buffer: PassBuffer
        var requests = 0
        var exceptions: [Int: Int] = [:]
        var failures: [String: Int] = [:]
    }

    let definition: SourceDefinition
    private let device: ModbusDeviceConfig
    private let line: ModbusLine
    private let families: [(family: Family, labels: [String])]
    private let clock: any EdgeClock
    private let tally: PassTally
    private let logger: Logger
    private let state: Mutex<State>
    private let lastStatus: Mutex<ModbusStatus>

    init(
        _ device: ModbusDeviceConfig,
        line: ModbusLine,
        identity: Labels,
        sink: any SampleSink,
        clock: any EdgeClock,
        tally: PassTally,
        logger: Logger
    ) {
        definition = .modbus(device, identity: identity)
        self.device = device
        self.line = line
        self.clock = clock
        self.tally = tally
        self.logger = logger
        families = device.registers.map { register in
            let labels = register.labels.pairs
            let named = register.labels["metric_class"] ?? identity["metric_class"]
            let family = Family(
                register.metric,
                register.metric.hasSuffix("_total") ? .counter : .gauge,
                register.help,
                labels: labels.map(\.name),
                class: named.flatMap(MetricClass.init(rawValue:)) ?? .standard
            )
            return (family, labels.map(\.value))
        }
        state = Mutex(
            State(reader: ModbusUnitReader(device), buffer: PassBuffer(group: identity, sink: sink))
        )
        lastStatus = Mutex(ModbusStatus(name: device.name, address: line.address, unit: device.unit))
    }

    /// How the last pass went.
    var status: ModbusStatus { lastStatus.withLock { $0 } }

    var devices: [DeviceStatus] {
        let status = status
        return [
            DeviceStatus(
                kind: .modbus,
                name: status.name,
                address: "\(status.address) unit \(status.unit)",
                isUp: status.isUp,
                lastError: status.lastError,
                lastRead: status.lastRead
            )
        ]
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        await line.run { [self] link in pass(order, link) }
    }

    @concurrent
    func end(at time: Timestamp) async {
        state.withLock { state in
            do {
                try state.buffer.end(at: time)
                tally.add(state.buffer.statistics)
            } catch {
                tally.storeFailures.add()
            }
        }
    }

    /// One pass, on the line's lane; passes of a unit never overlap.
    private func pass(_ order: PassOrder, _ link: ModbusTCPLink) {
        let start = clock.monotonicNanoseconds()
        var (reader, isAllowed) = state.withLock { ($0.reader, $0.breaker.allows(at: start)) }
        let reading = isAllowed ? reader.read(link) : nil
        let took = Duration.nanoseconds(Int64(clamping: clock.monotonicNanoseconds() &- start))
        state.withLock { [reader] state in
            state.reader = reader
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            if let reading { take(reading, at: start, &state) }
            addOwn(up: reading?.isUp == true ? 1 : 0, took: took, &state)
            store(at: order.time, &state)
            if let reading { note(reading, at: order.time, took: took, state) }
        }
    }

    private func take(_ reading: ModbusReading, at start: UInt64, _ state: inout State) {
        state.requests += reading.requests
        state.exceptions.merge(reading.exceptions) { $0 + $1 }
        if let failure = reading.failure { state.failures[failure.kind, default: 0] += 1 }
        if reading.isUp { state.breaker.succeeded() } else { state.breaker.failed(at: start) }
        for (value, described) in zip(reading.values, families) {
            if let value { state.buffer.add(described.family, value, labels: described.labels) }
        }
    }

    private func store(at time: Timestamp, _ state: inout State) {
        do {
            _ = try state.buffer.finish(at: time)
            tally.add(state.buffer.statistics)
        } catch {
            tally.storeFailures.add()
        }
    }

    private func note(_ reading: ModbusReading, at time: Timestamp, took: Duration, _ state: State) {
        let before = lastStatus.withLock { status in
            let before = status
            status.isUp = reading.isUp
            status.lastError = reading.failure?.words ?? ""
            status.lastRead = time
            status.lastDuration = took
            status.isSpared = state.breaker.isOpen
            status.requests = reading.requests
            status.unsupported = state.reader.plan.unsupported.sorted().map { place in
                let register = device.registers[place]
                return "\(register.metric) (\(register.table.rawValue) \(register.address))"
            }
            return before
        }
        let metadata: Logger.Metadata = ["device": "\(device.name)", "address": "\(line.address)"]
        if !reading.isUp, before.isUp != false {
            logger.warning("Modbus unit is down: \(reading.failure?.words ?? "")", metadata: metadata)
        } else if reading.isUp, before.isUp == false {
            logger.info("Modbus unit is up again", metadata: metadata)
        }
    }

    // MARK: - How the unit does

    private static let up = Family(
        "edgewatch_modbus_up",
        .gauge,
        "Whether the unit answered in the last pass.",
        labels: ["device"],
        class: .health
    )
    private static let duration = Family(
        "edgewatch_modbus_read_duration_seconds",
        .gauge,
        "How long the last pass took.",
        labels: ["device"]
    )
    private static let requests = Family(
        "edgewatch_modbus_requests_total",
        .counter,
        "Requests sent to the unit.",
        labels: ["device"]
    )
    private static let exceptions = Family(
        "edgewatch_modbus_exceptions_total",
        .counter,
        "Exception answers of the unit, by code.",
        labels: ["device", "code"]
    )
    private static let failures = Family(
        "edgewatch_modbus_failures_total",
        .counter,
        "Passes that failed, wholly or in part, by kind of failure.",
        labels: ["device", "kind"]
    )
    private static let unsupported = Family(
        "edgewatch_modbus_unsupported_registers",
        .gauge,
        "Configured registers the unit does not have.",
        labels: ["device"]
    )

    private func addOwn(up: Double, took: Duration, _ state: inout State) {
        let name = device.name
        state.buffer.add(ModbusSource.up, up, name)
        state.buffer.add(ModbusSource.duration, took.inSeconds, name)
        state.buffer.add(ModbusSource.requests, Double(state.requests), name)
        state.buffer.add(ModbusSource.unsupported, Double(state.reader.plan.unsupported.count), name)
        for (code, count) in state.exceptions {
            state.buffer.add(ModbusSource.exceptions, Double(count), name, String(code))
        }
        for (kind, count) in state.failures {
            state.buffer.add(ModbusSource.failures, Double(count), name, kind)
        }
    }
}
