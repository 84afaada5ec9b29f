// SPDX-License-Identifier: Apache-2.0
//
// The lines of /proc/vmstat that tell of paging, swapping and the out-of-memory killer.
// node_exporter gives them without a type, so they are `unknown` here.

internal import Samples

/// node_vmstat_*.
struct VirtualMemorySource: HostSource {
    static let name = "vmstat"

    private static let outOfMemoryKills = Family(
        "node_vmstat_oom_kill",
        .unknown,
        "Processes killed because memory ran out.",
        class: .health
    )
    private static let families: [(key: StaticString, family: Family)] = [
        ("pgpgin", paging("pgpgin", "KiB read from block devices.")),
        ("pgpgout", paging("pgpgout", "KiB written to block devices.")),
        ("pswpin", paging("pswpin", "Pages read from swap.")),
        ("pswpout", paging("pswpout", "Pages written to swap.")),
        ("pgfault", paging("pgfault", "Page faults.")),
        ("pgmajfault", paging("pgmajfault", "Page faults that had to read from a device.")),
        ("oom_kill", outOfMemoryKills),
    ]

    private static func paging(_ key: String, _ help: String) -> Family {
        Family("node_vmstat_\(key)", .unknown, help, class: .detailedPerformance)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let path = kernel.roots.proc + "/vmstat"
        try kernel.load(path)
        var text = kernel.scanner
        while let line = text.nextLine() {
            // Nearly 200 lines of which seven matter: look at two bytes before anything else.
            let start = line.rest.prefix(2)
            guard start.spells("pg") || start.spells("ps") || start.spells("oo") else { continue }
            var fields = line
            guard let key = fields.nextField(),
                let entry = VirtualMemorySource.families.first(where: { key.spells($0.key) }),
                let value = fields.nextUnsigned()
            else { continue }
            pass.add(entry.family, Double(value))
        }
    }
}
