// SPDX-License-Identifier: Apache-2.0
//
// Batteries, chargers and mains from /sys/class/power_supply (kernel, Documentation/ABI/testing/sysfs-class-power):
// every attribute as node_exporter names it, and what the adaptive sampling wants to know: where the power comes
// from and how much is left.

internal import Config
internal import Glibc
public import Samples

/// Where the node's power comes from.
public enum PowerSource: String, Sendable {
    /// Mains or an external charger.
    case grid
    /// A battery of the node.
    case battery
    /// An uninterruptible power supply running on its battery.
    case ups
    /// Solar panels.
    case solar
}

/// What the node lives on.
public struct PowerReading: Sendable, Equatable {
    /// Where the power comes from.
    public let source: PowerSource
    /// What is left in the batteries, 0…1; nil when none says.
    public let levelRatio: Double?

    /// Creates a reading.
    public init(source: PowerSource, levelRatio: Double?) {
        self.source = source
        self.levelRatio = levelRatio
    }
}

/// node_power_supply_* and the power reading.
public struct PowerSupplyCollector: HostSource {
    /// One supply with the files it has.
    private struct Supply {
        let name: String
        let directory: String
        let attributes: [Family.SupplyAttribute]
    }

    /// More supplies than any machine has.
    private static let supplyLimit = 64

    private let path: String
    private var directory: DeviceDirectory<Supply>
    private var rescan = Rescan()
    /// For `reading()`, which works without a pass.
    private var kernel: KernelText?

    /// Creates a collector for the machine whose files are at these roots.
    public init(roots: HostRoots = HostRoots()) {
        self.init(HostCollectorSettings(.powersupplyclass), roots: roots)
    }

    init(_ settings: HostCollectorSettings, roots: HostRoots) {
        path = roots.sys + "/class/power_supply"
        directory = DeviceDirectory(path: path)
        self.roots = roots
        self.settings = settings
    }

    private let roots: HostRoots
    private let settings: HostCollectorSettings

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try lookUp(&kernel)
        for supply in directory.devices {
            KernelText.withDirectory(supply.directory) { place in
                for attribute in supply.attributes {
                    guard pass.wants(attribute.family), let value = kernel.number(attribute.file, in: place)
                    else {
                        continue
                    }
                    pass.add(attribute.family, value / attribute.divisor, supply.name)
                }
                pass.add(Family.supplyInfo, 1) { labels in
                    labels.append(supply.name)
                    for text in Family.supplyTexts { labels.append(kernel.value(text, in: place)) }
                }
            }
        }
        if directory.count > PowerSupplyCollector.supplyLimit {
            throw .tooMany(path, PowerSupplyCollector.supplyLimit)
        }
    }

    /// Where the power comes from and what is left, nil when the kernel knows no power supply.
    ///
    /// Supplies of attached devices (mice, phones) do not count. Cost: a few small files per supply.
    ///
    /// - Parameter solar: the names of supplies fed by the sun.
    /// - Returns: the reading.
    public mutating func reading(solar: Pattern? = nil) -> PowerReading? {
        var kernel = self.kernel ?? KernelText(roots: roots)
        defer { self.kernel = kernel }
        let names = KernelText.names(in: path).prefix(PowerSupplyCollector.supplyLimit)
        return PowerReading(
            names.map { name in
                var state = SupplyState("\(path)/\(name)", &kernel)
                state.isSolar = solar?.matches(name) ?? false
                return state
            }
        )
    }

    /// Looks which supplies there are, and now and then anew which files they have: a battery changed while the node runs
    /// may know other attributes.
    private mutating func lookUp(_ kernel: inout KernelText) throws(HostFailure) {
        try directory.update(
            &kernel,
            limit: PowerSupplyCollector.supplyLimit,
            isAnew: rescan.isDue()
        ) { [settings] name, path, _ in
            guard settings.collects(name) else { return nil }
            let files = Set(KernelText.names(in: path))
            return Supply(
                name: name,
                directory: path,
                attributes: Family.supplyAttributes.filter { files.contains($0.file) }
            )
        }
    }
}

/// What one supply says that matters for the reading.
struct SupplyState: Equatable {
    var type = ""
    var isOfAttachedDevice = false
    var isOnline = false
    var isSolar = false
    var status = ""
    var levelRatio: Double?
    /// How much it holds when full, to weigh several batteries; nil when unknown.
    var capacity: Double?
}

extension SupplyState {
    init(_ directory: String, _ kernel: inout KernelText) {
        self.init()
        type = kernel.text(directory + "/type")
        isOfAttachedDevice = kernel.text(directory + "/scope") == "Device"
        isOnline = (kernel.number(directory + "/online") ?? 0) > 0
        status = kernel.text(directory + "/status")
        for unit in ["energy", "charge"] {
            guard let full = kernel.number("\(directory)/\(unit)_full"), full > 0 else { continue }
            capacity = unit == "energy" ? full : nil
            if let now = kernel.number("\(directory)/\(unit)_now") { levelRatio = min(max(now / full, 0), 1) }
            break
        }
        // The percentage is what the battery's own gauge believes; it knows better than the quotient.
        if let percent = kernel.number(directory + "/capacity") { levelRatio = min(max(percent / 100, 0), 1) }
    }
}

extension PowerReading {
    /// Judges a node by all its supplies, nil when none is the node's own.
    init?(_ states: [SupplyState]) {
        let own = states.filter { !$0.isOfAttachedDevice && !$0.type.isEmpty }
        guard !own.isEmpty else { return nil }
        let batteries = own.filter { $0.type == "Battery" }
        let backups = own.filter { $0.type == "UPS" }
        let chargers = own.filter { $0.type != "Battery" && $0.type != "UPS" }
        let isDischarging = batteries.contains { $0.status == "Discharging" }
        if backups.contains(where: { $0.status == "Discharging" }) {
            source = .ups
        } else if chargers.contains(where: { $0.isOnline && $0.isSolar }) {
            source = .solar
        } else if chargers.contains(where: \.isOnline) {
            source = .grid
        } else if isDischarging || (!batteries.isEmpty && !chargers.isEmpty) {
            source = .battery
        } else {
            source = .grid
        }
        let levels = (batteries + backups).compactMap { state in
            state.levelRatio.map { (ratio: $0, weight: state.capacity ?? 0) }
        }
        let isWeighable = levels.allSatisfy { $0.weight > 0 }
        let weight = levels.reduce(0) { $0 + (isWeighable ? $1.weight : 1) }
        let sum = levels.reduce(0) { $0 + $1.ratio * (isWeighable ? $1.weight : 1) }
        levelRatio = weight > 0 ? sum / weight : nil
    }
}
