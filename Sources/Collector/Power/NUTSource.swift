// SPDX-License-Identifier: Apache-2.0
//
// The UPSes of one server as a source, under the names of the exporters people know: every variable that is a number,
// every status flag as 0 or 1, who made the device. Only names of few kinds of bytes become metrics, and only so many
// of them: a family once named is in the store's metadata for good, and the server is somebody else's program.

internal import Config
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

/// A server of Network UPS Tools as a source.
final class NUTSource: DeviceSource {
    private struct State {
        var breaker = ModbusBreaker()
        var buffer: PassBuffer
        var families = NUTFamilies()
        var failures: [String: Int] = [:]
        var wasUp: Bool?
        /// Devices the server had no data of the last time.
        var silent: Set<String> = []
    }

    let definition: SourceDefinition
    private let config: NUTServerConfig
    private let lane = BlockingQueue(label: "edgewatch.nut")
    private let client: NUTClient
    private let power: PowerState
    private let clock: any EdgeClock
    private let tally: PassTally
    private let logger: Logger
    private let state: Mutex<State>
    private let lastDevices: Mutex<[DeviceStatus]>

    init(
        _ config: NUTServerConfig,
        identity: Labels,
        sink: any SampleSink,
        power: PowerState,
        clock: any EdgeClock,
        tally: PassTally,
        logger: Logger
    ) {
        definition = .nut(config, identity: identity)
        self.config = config
        client = NUTClient(config: config, clock: clock)
        self.power = power
        self.clock = clock
        self.tally = tally
        self.logger = logger
        state = Mutex(State(buffer: PassBuffer(group: identity, sink: sink)))
        lastDevices = Mutex([NUTSource.status(of: config)])
    }

    var devices: [DeviceStatus] { lastDevices.withLock { $0 } }

    private static func status(of config: NUTServerConfig) -> DeviceStatus {
        DeviceStatus(
            kind: .nut,
            name: config.name,
            address: ModbusLines.address(config.host, config.port)
        )
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        let start = clock.monotonicNanoseconds()
        let isAllowed = state.withLock { $0.breaker.allows(at: start) }
        let reading = isAllowed ? try? await lane.run { [client] in client.read() } : nil
        let took = Duration.nanoseconds(Int64(clamping: clock.monotonicNanoseconds() &- start))
        if let reading, config.powersNode { tell(reading, interval: order.interval) }
        state.withLock { state in
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            if let reading {
                note(reading, at: start, &state)
                keep(reading, at: order.time)
                for device in reading.devices { state.families.add(device, to: &state.buffer) }
            }
            let isUp = reading.map { $0.failure == nil } ?? false
            state.buffer.add(NUTSource.plainUp, isUp ? 1 : 0)
            state.buffer.add(NUTSource.up, isUp ? 1 : 0)
            state.buffer.add(NUTSource.duration, took.inSeconds)
            for (kind, count) in state.failures { state.buffer.add(NUTSource.failed, Double(count), kind) }
            for (reason, count) in state.families.leftOut {
                state.buffer.add(NUTSource.leftOut, Double(count), reason)
            }
            store(&state) { buffer throws(SinkError) in _ = try buffer.finish(at: order.time) }
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        power.withdrawBackups(of: config.name)
        state.withLock { state in
            store(&state) { buffer throws(SinkError) in try buffer.end(at: time) }
        }
    }

    private func store(_ state: inout State, _ work: (inout PassBuffer) throws(SinkError) -> Void) {
        do {
            try work(&state.buffer)
            tally.add(state.buffer.statistics)
        } catch {
            tally.storeFailures.add()
        }
    }

    /// Says what the node lives on, for the devices that answered.
    private func tell(_ reading: NUTReading, interval: Duration) {
        let supplies = reading.devices.filter { $0.error == nil }.map { device in
            let flags = device.flags
            return BackupSupply(
                isOnBattery: flags.contains("OB") ? true : flags.contains("OL") ? false : nil,
                levelRatio: device.number("battery.charge").map { min(max($0 / 100, 0), 1) },
                runtime: device.number("battery.runtime").flatMap { $0 >= 0 ? $0 : nil }
            )
        }
        guard !supplies.isEmpty else { return }
        // Three passes missed.
        power.setBackups(supplies, of: config.name, for: max(interval * 3, PowerWatch.maximumAge))
    }

    private func note(_ reading: NUTReading, at start: UInt64, _ state: inout State) {
        if let failure = reading.failure {
            state.failures[failure.kind, default: 0] += 1
            state.breaker.failed(at: start)
        } else {
            state.breaker.succeeded()
        }
        if reading.devices.contains(where: { $0.error != nil }) { state.failures["device", default: 0] += 1 }
        noteDevices(reading, &state)
        let isUp = reading.failure == nil
        defer { state.wasUp = isUp }
        let metadata: Logger.Metadata = ["server": "\(config.name)"]
        if let failure = reading.failure, state.wasUp != false {
            logger.warning("UPS server cannot be read: \(failure)", metadata: metadata)
        } else if isUp, state.wasUp == false {
            logger.info("UPS server is read again", metadata: metadata)
        }
    }

    /// Says which devices the server has lost, and which it has again.
    private func noteDevices(_ reading: NUTReading, _ state: inout State) {
        for device in reading.devices {
            let metadata: Logger.Metadata = ["server": "\(config.name)", "ups": "\(device.name)"]
            if let error = device.error {
                guard state.silent.insert(device.name).inserted else { continue }
                logger.warning("UPS server has no data of a UPS: \(error)", metadata: metadata)
            } else if state.silent.remove(device.name) != nil {
                logger.info("UPS server has data of a UPS again", metadata: metadata)
            }
        }
        // Names a server no longer has are no longer of interest; what a failed pass did not come to is.
        if reading.failure == nil { state.silent.formIntersection(reading.devices.map(\.name)) }
    }

    private func keep(_ reading: NUTReading, at time: Timestamp) {
        var server = NUTSource.status(of: config)
        server.isUp = reading.failure == nil
        server.lastError = reading.failure?.description ?? ""
        server.lastRead = time
        let devices = reading.devices.map { device in
            DeviceStatus(
                kind: .ups,
                name: "\(config.name)/\(device.name)",
                address: server.address,
                isUp: device.error == nil,
                lastError: device.error?.description ?? "",
                lastRead: time
            )
        }
        lastDevices.withLock { $0 = [server] + devices }
    }

    // MARK: - How the server does

    private static let plainUp = Family("up", .gauge, "Whether the last pass succeeded.", class: .health)
    private static let up = Family(
        "edgewatch_nut_up",
        .gauge,
        "Whether the server answered in the last pass.",
        class: .health
    )
    private static let duration = Family(
        "edgewatch_nut_read_duration_seconds",
        .gauge,
        "How long the last pass took."
    )
    private static let failed = Family(
        "edgewatch_nut_failures_total",
        .counter,
        "Passes that failed, wholly or in part, by kind of failure.",
        labels: ["kind"]
    )
    private static let leftOut = Family(
        "edgewatch_nut_variables_left_out_total",
        .counter,
        "Values of variables left out, by reason.",
        labels: ["reason"]
    )
}
