// SPDX-License-Identifier: Apache-2.0
//
// Energy the processor used, by zone (kernel, Documentation/power/powercap/powercap.rst): intel-rapl:0 is `package-0`,
// intel-rapl:0:1 below it `core` or `dram`. A family is named after its zone. The counters are for root only since 5.10.

internal import Config
internal import Glibc
internal import Samples

/// node_rapl_*.
struct EnergySource: HostSource {
    private struct Zone {
        let family: Family
        let labels: [String]
        let file: String
    }

    /// More zones than a machine has.
    private static let limit = 256

    private let hasZoneLabel: Bool
    private var rescan = Rescan()
    private var zones: [Zone] = []

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.rapl)) {
        hasZoneLabel = settings[switch: .zoneLabel]
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        if rescan.isDue() { lookUp(&kernel) }
        var found = false
        for zone in zones {
            guard let energy = kernel.number(zone.file) else { continue }
            pass.add(zone.family, energy / 1e6, labels: zone.labels)
            found = true
        }
        if !found { throw .absent }
    }

    private mutating func lookUp(_ kernel: inout KernelText) {
        let base = kernel.roots.sys + "/class/powercap"
        var counts: [String: Int] = [:]
        zones = []
        for entry in KernelText.names(in: base).prefix(EnergySource.limit)
        where entry.hasPrefix("intel-rapl:") {
            let path = "\(base)/\(entry)"
            let name = kernel.text(path + "/name")
            guard !name.isEmpty else { continue }
            // `package-0` and `package-1` are one family; of several `core` the running number tells.
            var zone = name
            var index = "\(counts[name, default: 0])"
            if let dash = name.lastIndex(of: "-"), Int(name[name.index(after: dash)...]) != nil {
                zone = String(name[..<dash])
                index = String(name[name.index(after: dash)...])
            }
            counts[name, default: 0] += 1
            let metric = hasZoneLabel ? "" : "\(EnergySource.clean(zone))_"
            zones.append(
                Zone(
                    family: Family(
                        "node_rapl_\(metric)joules_total",
                        .counter,
                        "Energy used by \(hasZoneLabel ? "the zone" : zone).",
                        labels: hasZoneLabel ? ["index", "path", "rapl_zone"] : ["index", "path"]
                    ),
                    labels: hasZoneLabel ? [index, path, zone] : [index, path],
                    file: path + "/energy_uj"
                )
            )
        }
    }

    /// The text with all that a metric name cannot hold made `_`.
    static func clean(_ text: String) -> String {
        String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }
}
