// SPDX-License-Identifier: Apache-2.0
//
// The health of disks as a source: smartctl is run for each, one after the other, on a lane of its own. Disks are looked
// for once an hour, by a scan that opens none. A pass takes at most half a minute for each disk.

internal import Config
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// The disks' health as a source.
final class SmartSource: DeviceSource {
    private struct State {
        var cache = SmartCache()
        var buffer: PassBuffer
        /// When disks were looked for; monotonic nanoseconds, since the time of day may be set back.
        var scanned: UInt64?
        var version: [String] = []
        var isWorking = true
        /// Why smartctl cannot be run; empty while it can.
        var problem = ""
    }

    /// Runs smartctl with arguments; tests give another answer.
    typealias Run = @Sendable ([String]) throws -> ChildProcess.Outcome

    /// How long smartctl may take for one disk, and how much it may print: some hundred KiB with every log.
    private static let timeout = Duration.seconds(30)
    private static let outputLimit = 1 << 20
    /// Disks are looked for so often.
    private static let scanInterval = Duration.seconds(3600)
    private static let up = Family("up", .gauge, "Whether smartctl could be run.", class: .health)

    let definition: SourceDefinition
    private let config: SmartConfig
    private let run: Run
    private let leash: ChildProcess.Leash
    private let clock: any EdgeClock
    private let lane = BlockingQueue(label: "edgewatch.smart")
    private let tally: PassTally
    private let failures: Counter
    private let logger: Logger
    private let state: Mutex<State>
    private let lastDevices = Mutex<[DeviceStatus]>([])

    init(
        _ config: SmartConfig,
        identity: Labels,
        sink: any SampleSink,
        clock: any EdgeClock,
        tally: PassTally,
        telemetry: Telemetry,
        logger: Logger,
        run: Run? = nil
    ) {
        definition = .smart(config, identity: identity)
        self.config = config
        self.clock = clock
        let leash = ChildProcess.Leash()
        self.leash = leash
        self.tally = tally
        self.logger = logger
        self.run =
            run
            ?? { arguments in
                try ChildProcess.run(
                    config.path,
                    arguments,
                    timeout: SmartSource.timeout,
                    outputLimit: SmartSource.outputLimit,
                    leash: leash
                )
            }
        failures = telemetry.counter(
            "edgewatch_smart_failures_total",
            "Times smartctl gave no answer about a disk."
        )
        state = Mutex(State(buffer: PassBuffer(group: identity, sink: sink)))
    }

    var devices: [DeviceStatus] { lastDevices.withLock { $0 } }

    @concurrent
    func pass(_ order: PassOrder) async {
        await onLane { [self] state in
            let now = clock.monotonicNanoseconds()
            try look(at: now, &state)
            for place in state.cache.entries.indices { try ask(place, at: now, &state) }
            keep(state, at: order.time)
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            state.buffer.add(SmartSource.up, state.isWorking ? 1 : 0)
            if !state.version.isEmpty { state.buffer.add(.smartVersion, 1, labels: state.version) }
            state.cache.add(into: &state.buffer)
            _ = try state.buffer.finish(at: order.time)
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        await onLane { try $0.buffer.end(at: time) }
    }

    /// The program itself while it cannot be run, then the disks.
    private func keep(_ state: State, at time: Timestamp) {
        var devices = state.cache.entries.map { entry in
            DeviceStatus(
                kind: .disk,
                name: entry.device.label,
                address: entry.device.path,
                isUp: entry.kind != .failed,
                lastError: entry.kind == .failed ? "smartctl gave no answer about it" : "",
                lastRead: time
            )
        }
        if !state.isWorking {
            devices.append(
                DeviceStatus(
                    kind: .disk,
                    name: "smartctl",
                    address: config.path,
                    isUp: false,
                    lastError: state.problem,
                    lastRead: time
                )
            )
        }
        lastDevices.withLock { $0 = devices }
    }

    /// Looks for disks when it is time.
    private func look(at now: UInt64, _ state: inout State) throws(CancellationError) {
        if let scanned = state.scanned,
            now &- scanned < UInt64(SmartSource.scanInterval.milliseconds) * 1_000_000
        {
            return
        }
        let found: [SmartDevice]
        do {
            let outcome = try run(["--json", "--scan"])
            note(isWorking: true, nil, &state)
            state.version = SmartVersion.labels(outcome.output)
            found = SmartDevice.list(outcome.output) ?? []
        } catch {
            if leash.isCut { throw CancellationError() }
            note(isWorking: false, "\(error)", &state)
            found = []
        }
        let wanted =
            config.devices.isEmpty
            ? found.filter { !config.exclude.matches($0.path) }
            : config.devices.map(SmartDevice.init(configured:))
        if state.isWorking { state.scanned = now }
        state.cache.take(SmartDevice.distinct(wanted), at: now, limit: SmartConfig.deviceLimit)
    }

    private func ask(_ place: Int, at now: UInt64, _ state: inout State) throws(CancellationError) {
        let device = state.cache.entries[place].device
        var arguments = [
            "--json", "--info", "--health", "--attributes", "--tolerance=verypermissive",
            "--nocheck=\(config.powerMode.rawValue)", "--format=brief", "--log=error",
        ]
        if let type = device.type { arguments.append("--device=\(type)") }
        arguments.append(device.path)
        let report: SmartReport
        do {
            let outcome = try run(arguments)
            report = SmartReport(outcome.output, status: outcome.status, device: device.label)
        } catch {
            // Nobody knows whether the disk would have answered.
            if leash.isCut { throw CancellationError() }
            report = SmartReport([], status: -1, device: device.label)
        }
        if report.kind == .failed { failures.add() }
        let before = state.cache.entries[place].kind
        state.cache.take(report, of: place, at: now)
        if report.kind == .failed, before != .failed {
            logger.warning("Disk does not say how it is", metadata: ["device": "\(device.path)"])
        }
    }

    private func note(isWorking: Bool, _ reason: String?, _ state: inout State) {
        if !isWorking, state.isWorking {
            logger.warning("smartctl cannot be run", metadata: ["reason": "\(reason ?? "")"])
        }
        state.isWorking = isWorking
        state.problem = reason ?? ""
    }

    private func onLane(_ work: @escaping @Sendable (inout State) throws -> Void) async {
        do {
            try await withTaskCancellationHandler {
                try await lane.run { [self] in
                    try state.withLock { state in
                        try work(&state)
                        tally.add(state.buffer.statistics)
                    }
                }
            } onCancel: {
                leash.cut()
            }
        } catch is CancellationError {
            return
        } catch {
            tally.storeFailures.add()
        }
    }
}
