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

    /// A bond as it was when the list of its devices was read last.
    private struct Bond {
        let name: String
        let directory: String
        /// The contents of the file `slaves`.
        var list: [UInt8] = []
        /// Of each device the files that say whether it has a link; before Linux 3.14 the second.
        var files: [(now: String, before: String)] = []
    }

    private let file = KernelFile(sys: "/class/net/bonding_masters")
    private var list: [UInt8] = []
    private var bonds: [Bond] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.loadOptional(file)
        if !kernel.holds(list) {
            list = Array(kernel.scanner.rest)
            let base = kernel.roots.sys + "/class/net"
            bonds = BondingSource.words(kernel.scanner).map { Bond(name: $0, directory: "\(base)/\($0)") }
        }
        for index in bonds.indices { BondingSource.add(&bonds[index], &kernel, into: &pass) }
    }

    private static func add(_ bond: inout Bond, _ kernel: inout KernelText, into pass: inout PassBuffer) {
        let loaded: Bool? = KernelText.withDirectory(bond.directory) { directory in
            kernel.tryLoad("bonding/slaves", in: directory)
        }
        guard loaded == true else { return }
        if !kernel.holds(bond.list) {
            bond.list = Array(kernel.scanner.rest)
            bond.files = words(kernel.scanner).map {
                (
                    "\(bond.directory)/lower_\($0)/bonding_slave/mii_status",
                    "\(bond.directory)/slave_\($0)/bonding_slave/mii_status"
                )
            }
        }
        var linked = 0
        for (now, before) in bond.files {
            let status = kernel.value(now) ?? kernel.value(before)
            if status?.spells("up") == true { linked += 1 }
        }
        pass.add(BondingSource.slaves, Double(bond.files.count), bond.name)
        pass.add(BondingSource.active, Double(linked), bond.name)
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
