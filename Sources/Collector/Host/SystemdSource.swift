// SPDX-License-Identifier: Apache-2.0
//
// What systemd says of its units (org.freedesktop.systemd1(5)). Off unless switched on: a conversation of some hundred
// questions. It runs in a pass, hence on a lane, of its own, so a systemd that hangs delays nothing else.
//
// The type of a service hardly ever changes, so it is asked for anew only now and then.

internal import Config
internal import Samples

/// node_systemd_*.
struct SystemdSource: HostSource {
    private static let states = ["active", "activating", "deactivating", "inactive", "failed"]

    private let settings: HostCollectorSettings
    private let address: String?
    private var bus: SystemdBus?
    private var rescan = Rescan()
    private var types: [String: String] = [:]

    init(_ settings: HostCollectorSettings, address: String? = nil) {
        self.settings = settings
        self.address = address
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let bus: SystemdBus
        if let open = self.bus { bus = open } else { bus = try SystemdBus(address: address) }
        // A connection on which something went wrong is not used again.
        self.bus = nil
        if rescan.isDue() { types = [:] }
        try addSystem(bus, into: &pass)
        let units = try bus.units()
        for state in SystemdSource.states {
            pass.add(Family.units, Double(units.count { $0.activeState == state }), state)
        }
        for unit in units where unit.isLoaded && isWanted(unit.name) { try add(unit, bus, into: &pass) }
        self.bus = bus
        if units.count >= SystemdBus.unitLimit { throw .tooMany("systemd", SystemdBus.unitLimit) }
    }

    /// As in node_exporter both patterns match whole names.
    private func isWanted(_ name: String) -> Bool {
        settings[pattern: .include].matchesWhole(name) && !settings[pattern: .exclude].matchesWhole(name)
    }

    private func addSystem(_ bus: SystemdBus, into pass: inout PassBuffer) throws(HostFailure) {
        let version = try bus.text("Version")
        // `249.11-0ubuntu3` is 249.11, `v252` 252.
        let digits = version.drop { !$0.isASCII || !$0.isNumber }
        if let number = OSReleaseSource.leadingNumber(String(digits)) {
            pass.add(Family.systemdVersion, number, version)
        }
        pass.add(Family.systemRunning, try bus.text("SystemState") == "running" ? 1 : 0)
        let virtualization = try bus.text("Virtualization")
        pass.add(Family.virtualization, 1, virtualization.isEmpty ? "none" : virtualization)
    }

    private mutating func add(
        _ unit: SystemdBus.Unit,
        _ bus: SystemdBus,
        into pass: inout PassBuffer
    ) throws(HostFailure) {
        let isService = unit.name.hasSuffix(".service")
        let type = isService ? serviceType(unit, bus) : ""
        for state in SystemdSource.states {
            let isIn = unit.activeState == state
            pass.add(Family.unitState, isIn ? 1 : 0, labels: [unit.name, state, type])
        }
        func number(_ property: String, _ kind: String, isWide: Bool) throws(HostFailure) -> UInt64? {
            try bus.number(property, of: unit.path, kind, isWide: isWide)
        }
        if unit.name.hasSuffix(".socket") {
            if let count = try number("NAccepted", "Socket", isWide: false) {
                pass.add(Family.socketAccepted, Double(count), unit.name)
            }
            if let count = try number("NConnections", "Socket", isWide: false) {
                pass.add(Family.socketCurrent, Double(count), unit.name)
            }
            if let count = try number("NRefused", "Socket", isWide: false) {
                pass.add(Family.socketRefused, Double(count), unit.name)
            }
        }
        if unit.name.hasSuffix(".timer"), let time = try number("LastTriggerUSec", "Timer", isWide: true) {
            pass.add(Family.timerTrigger, Double(time) / 1e6, unit.name)
        }
        if isService, settings[switch: .restarts],
            let count = try number("NRestarts", "Service", isWide: false)
        {
            pass.add(Family.restarts, Double(count), unit.name)
        }
        if isService, settings[switch: .taskMetrics] {
            // All ones is no limit, and no accounting.
            if let count = try number("TasksCurrent", "Service", isWide: true), count != .max {
                pass.add(Family.tasks, Double(count), unit.name)
            }
            if let most = try number("TasksMax", "Service", isWide: true), most != .max {
                pass.add(Family.taskLimit, Double(most), unit.name)
            }
        }
        if settings[switch: .startTimes] {
            var time: UInt64 = 0
            if unit.activeState == "active" {
                time = try number("ActiveEnterTimestamp", "Unit", isWide: true) ?? 0
            }
            pass.add(Family.startTime, Double(time) / 1e6, unit.name)
        }
    }

    /// The type of a service; one that is gone meanwhile has none.
    private mutating func serviceType(_ unit: SystemdBus.Unit, _ bus: SystemdBus) -> String {
        if let known = types[unit.name] { return known }
        let type = (try? bus.text("Type", of: unit.path, "Service")) ?? ""
        types[unit.name] = type
        return type
    }
}

extension Family {
    private static func unit(
        _ name: String,
        _ help: String,
        _ kind: MetricMetadata.Kind = .gauge,
        class metricClass: MetricClass = .standard
    ) -> Family {
        Family("node_systemd_\(name)", kind, help, labels: ["name"], class: metricClass)
    }

    fileprivate static let unitState = Family(
        "node_systemd_unit_state",
        .gauge,
        "Whether the unit is in this state.",
        labels: ["name", "state", "type"],
        class: .health
    )
    fileprivate static let units = Family(
        "node_systemd_units",
        .gauge,
        "Units in this state.",
        labels: ["state"],
        class: .health
    )
    fileprivate static let systemRunning = Family(
        "node_systemd_system_running",
        .gauge,
        "Whether the system is up and no unit has failed.",
        class: .health
    )
    fileprivate static let systemdVersion = Family(
        "node_systemd_version",
        .gauge,
        "The leading number of systemd's version.",
        labels: ["version"]
    )
    fileprivate static let virtualization = Family(
        "node_systemd_virtualization_info",
        .gauge,
        "What the system runs in; always 1.",
        labels: ["virtualization_type"]
    )
    fileprivate static let socketAccepted = unit(
        "socket_accepted_connections_total",
        "Connections accepted.",
        .counter
    )
    fileprivate static let socketCurrent = unit("socket_current_connections", "Connections open.")
    /// A gauge, as node_exporter has it.
    fileprivate static let socketRefused = unit("socket_refused_connections_total", "Connections refused.")
    fileprivate static let timerTrigger = unit(
        "timer_last_trigger_seconds",
        "When the timer went off last, in unixtime."
    )
    fileprivate static let restarts = unit(
        "service_restart_total",
        "Times the service was restarted.",
        .counter
    )
    fileprivate static let tasks = unit("unit_tasks_current", "Tasks of the unit.")
    fileprivate static let taskLimit = unit("unit_tasks_max", "Tasks the unit may have.")
    fileprivate static let startTime = unit(
        "unit_start_time_seconds",
        "When the unit was started, in unixtime."
    )
}
