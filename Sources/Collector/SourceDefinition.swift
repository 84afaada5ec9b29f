// SPDX-License-Identifier: Apache-2.0

internal import Config
internal import Samples

/// A source as configured.
enum SourceDefinition: Sendable, Equatable {
    /// This machine.
    case host(HostCollectorConfig, identity: Labels)
    /// The health of this machine's disks.
    case smart(SmartConfig, identity: Labels)
    /// A Prometheus target.
    case scrape(ScrapeTarget)
    /// A Modbus unit.
    case modbus(ModbusDeviceConfig, identity: Labels)
    /// What the push gateway holds.
    case gateway(interval: Duration)
    /// A server of Network UPS Tools.
    case nut(NUTServerConfig, identity: Labels)
    /// What only an edge node tells of itself.
    case edge(EdgeDefinition, identity: Labels)
    /// edgewatch's own metrics.
    case telemetry(interval: Duration, identity: Labels)

    /// How often, as configured.
    var interval: Duration {
        switch self {
        case .host(let config, _): config.interval
        case .smart(let config, _): config.interval
        case .scrape(let target): target.interval
        case .modbus(let device, _): device.interval
        case .gateway(let interval): interval
        case .nut(let server, _): server.interval
        case .edge(let edge, _): edge.interval
        case .telemetry(let interval, _): interval
        }
    }

    /// The word for the kind of source, in series and in sampling policies.
    var kind: String {
        switch self {
        case .host: "node"
        case .smart: "node"
        case .scrape: "application"
        case .modbus: "device"
        case .gateway: "application"
        case .nut: "device"
        case .edge: "node"
        case .telemetry: "edgewatch"
        }
    }

    /// Every kind.
    static let kinds = ["node", "application", "device", "edgewatch"]

    /// Whether the first pass is made at once: what is inside the box costs the network nothing.
    var isImmediate: Bool {
        switch self {
        case .host, .smart, .telemetry: true
        case .scrape, .modbus, .gateway: false
        case .nut: false
        case .edge: true
        }
    }

    /// A name that is unique among the configured sources and stays the same over restarts.
    var name: String {
        switch self {
        case .host(let config, _): config.passName
        case .smart: "smart"
        case .scrape(let target):
            "\(target.job.jobName)/\(target.labels["instance"] ?? target.url)"
        case .modbus(let device, _): "modbus/\(device.name)"
        case .gateway: "push gateway"
        case .nut(let server, _): "nut/\(server.name)"
        case .edge(let edge, _): edge.name
        case .telemetry: "edgewatch"
        }
    }

    /// The words by which a sampling policy can mean this source.
    var samplingNames: Set<String> {
        switch self {
        case .host: ["node", "host", name]
        case .smart: ["node", "smart"]
        case .scrape(let target): ["application", "container", target.job.jobName, name]
        case .modbus(let device, _): ["device", "industrial", device.name, name]
        case .gateway: ["application", "gateway", name]
        case .nut(let server, _): ["device", server.name, name]
        case .edge: ["node", "edge", name]
        case .telemetry: ["edgewatch"]
        }
    }

    /// Where in its interval the source runs: spread over sources, and the same after a restart.
    ///
    /// FNV-1a over the identity (Fowler, Noll, Vo; draft-eastlake-fnv).
    var spread: UInt64 {
        let text =
            switch self {
            case .scrape(let target): "\(target.labels)\n\(target.url)"
            default: name
            }
        return text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
    }

    /// What its values may be.
    var validation: [ValidationConfig] {
        switch self {
        case .host(let config, _): config.validation
        case .scrape(let target): target.job.validation
        case .modbus(let device, _): device.validation
        case .nut(let server, _): server.validation
        default: []
        }
    }

    /// The word for the source where what its rules rejected is counted: targets of a job are one.
    var validationName: String {
        if case .scrape(let target) = self { target.job.jobName } else { name }
    }
}
