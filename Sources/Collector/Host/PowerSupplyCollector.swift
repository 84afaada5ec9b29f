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
        let attributes: [(family: Family, path: String, divisor: Double)]
        let texts: [String]
    }

    /// More supplies than any machine has.
    private static let supplyLimit = 64
    /// Passes after which the files of a supply are looked up again; a battery changed while the node runs may
    /// know other attributes.
    private static let passesBetweenLookups = 40

    private let directory: String
    private var supplies: [Supply] = []
    private var entries: [String] = []
    private var passesLeft = 0
    /// For `reading()`, which works without a pass.
    private var kernel: KernelText?

    /// Creates a collector for the machine whose files are at these roots.
    public init(roots: HostRoots = HostRoots()) {
        self.init(HostCollectorSettings(.powersupplyclass), roots: roots)
    }

    init(_ settings: HostCollectorSettings, roots: HostRoots) {
        directory = roots.sys + "/class/power_supply"
        self.roots = roots
        self.settings = settings
    }

    private let roots: HostRoots
    private let settings: HostCollectorSettings

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        do {
            try lookUp()
        } catch .unreadable(_, ENOENT) {
            throw .absent
        }
        for supply in supplies {
            for (family, path, divisor) in supply.attributes {
                guard pass.wants(family), let value = kernel.number(path) else { continue }
                pass.add(family, value / divisor, supply.name)
            }
            pass.add(Family.supplyInfo, 1, labels: [supply.name] + supply.texts.map { kernel.text($0) })
        }
        if entries.count > PowerSupplyCollector.supplyLimit {
            throw .tooMany(directory, PowerSupplyCollector.supplyLimit)
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
        let names = KernelText.names(in: directory).prefix(PowerSupplyCollector.supplyLimit)
        return PowerReading(
            names.map { name in
                var state = SupplyState("\(directory)/\(name)", &kernel)
                state.isSolar = solar?.matches(name) ?? false
                return state
            }
        )
    }

    private mutating func lookUp() throws(HostFailure) {
        let names = try KernelText.listing(directory)
        passesLeft -= 1
        if names == entries, passesLeft > 0 { return }
        entries = names
        passesLeft = PowerSupplyCollector.passesBetweenLookups
        supplies = names.prefix(PowerSupplyCollector.supplyLimit).filter(settings.collects).map { name in
            let directory = "\(directory)/\(name)"
            let files = Set(KernelText.names(in: directory))
            return Supply(
                name: name,
                directory: directory,
                attributes: Family.supplyAttributes.filter { files.contains($0.file) }.map {
                    ($0.family, "\(directory)/\($0.file)", $0.divisor)
                },
                texts: Family.supplyTexts.map { "\(directory)/\($0)" }
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
