// SPDX-License-Identifier: Apache-2.0
//
// Network devices that are several (kernel, Documentation/networking/bonding.rst): how many belong to each, and how many of
// them have a link.

internal import Samples

/// node_bonding_*.
struct BondingSource: HostSource {
    private static let slaves = Family(
        "node_bonding_slaves",
        .gauge,
        "Devices of the bond.",
        labels: ["master"],
        class: .health
    )
    private static let active = Family(
        "node_bonding_active",
        .gauge,
        "Devices of the bond that have a link.",
        labels: ["master"],
        class: .health
    )
    /// More bonds, and devices of one, than a machine has.
    private static let limit = 256

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let base = kernel.roots.sys + "/class/net"
        try kernel.loadOptional(base + "/bonding_masters")
        for master in BondingSource.words(kernel.scanner) {
            guard (try? kernel.load("\(base)/\(master)/bonding/slaves")) != nil else { continue }
            let slaves = BondingSource.words(kernel.scanner)
            // Before Linux 3.14 the link to a device was called slave_….
            let linked = slaves.filter { slave in
                ["lower_", "slave_"].contains {
                    kernel.value("\(base)/\(master)/\($0)\(slave)/bonding_slave/mii_status")?.spells("up")
                        == true
                }
            }
            pass.add(BondingSource.slaves, Double(slaves.count), master)
            pass.add(BondingSource.active, Double(linked.count), master)
        }
    }

    private static func words(_ text: TextScanner) -> [String] {
        var text = text
        var words: [String] = []
        while words.count < limit, let word = text.nextField() {
            words.append(String(decoding: word, as: UTF8.self))
        }
        return words
    }
}
