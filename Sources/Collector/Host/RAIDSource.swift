// SPDX-License-Identifier: Apache-2.0
//
// Software RAID from /proc/mdstat (md(4)):
//
//     md0 : active raid1 sdb1[1] sda1[0](F)
//           1046528 blocks super 1.2 [2/1] [U_]
//           bitmap: 0/1 pages [0KB], 65536KB chunk            (perhaps)
//           [==>.......]  recovery = 12.6% (131072/1046528) finish=0.1min speed=…   (perhaps)
//
// `[2/1]` is wanted and active disks; arrays without redundancy (raid0, linear) have none, their members are all there.

internal import Samples

/// node_md_*.
struct RAIDSource: HostSource {
    private struct Array {
        var name = ""
        var state = ""
        var active = 0.0
        var wanted = 0.0
        var failed = 0.0
        var spare = 0.0
        var members = 0.0
        var blocks: Double?
        var synced: Double?
        /// What the kernel does to the array: recovering, resync, check, reshape.
        var work = ""
    }

    /// More arrays than a machine has.
    private static let limit = 128
    private static let states = ["active", "inactive", "recovering", "resync", "check"]

    private let file = KernelFile(proc: "/mdstat")
    /// Those of the pass under way.
    private var arrays: [Array] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.loadOptional(file)
        arrays.removeAll(keepingCapacity: true)
        var text = kernel.scanner
        while let line = text.nextLine() {
            if line.rest.after("Personalities") != nil || line.rest.after("unused") != nil { continue }
            if let first = line.rest.first, first != UInt8(ascii: " "), first != UInt8(ascii: "\t") {
                guard arrays.count < RAIDSource.limit else {
                    throw .tooMany(file.path(in: kernel.roots), RAIDSource.limit)
                }
                guard let array = RAIDSource.array(line) else { continue }
                arrays.append(array)
            } else if !arrays.isEmpty {
                RAIDSource.refine(&arrays[arrays.count - 1], line)
            }
        }
        for array in arrays { add(array, into: &pass) }
    }

    private func add(_ array: Array, into pass: inout PassBuffer) {
        let state = array.work.isEmpty ? array.state : array.work
        for name in RAIDSource.states {
            pass.add(Family.arrayState, state == name ? 1 : 0, array.name, name)
        }
        pass.add(Family.disksWanted, array.wanted, array.name)
        pass.add(Family.disks, array.active, array.name, "active")
        pass.add(Family.disks, array.failed, array.name, "failed")
        pass.add(Family.disks, array.spare, array.name, "spare")
        pass.add(Family.blocks, array.blocks ?? 0, array.name)
        pass.add(Family.blocksSynced, array.synced ?? array.blocks ?? 0, array.name)
    }

    /// The first line of an array, nil when it is none.
    private static func array(_ line: TextScanner) -> Array? {
        var fields = line
        guard let name = fields.nextField(), fields.nextField()?.spells(":") == true,
            let state = fields.nextField()
        else { return nil }
        var array = Array()
        array.name = String(decoding: name, as: UTF8.self)
        array.state = String(decoding: state, as: UTF8.self)
        while let field = fields.nextField() {
            guard field.contains(UInt8(ascii: "[")) else { continue }
            array.members += 1
            if field.suffix(3).spells("(F)") { array.failed += 1 }
            if field.suffix(3).spells("(S)") { array.spare += 1 }
        }
        return array
    }

    /// What a further line of an array says.
    private static func refine(_ array: inout Array, _ line: TextScanner) {
        var fields = line
        var last: ArraySlice<UInt8> = []
        while let field = fields.nextField() {
            if field.spells("blocks"), array.blocks == nil {
                array.blocks = KernelNumber.decimal(last)
                array.wanted = array.state == "inactive" ? 0 : array.members
                array.active = array.wanted
            } else if let (wanted, active) = counts(field), array.blocks != nil {
                array.wanted = wanted
                array.active = active
            } else if let work = work(field) {
                array.work = work
                array.synced = array.synced ?? 0
            } else if field.first == UInt8(ascii: "("), !array.work.isEmpty,
                let slash = field.firstIndex(of: UInt8(ascii: "/"))
            {
                array.synced = KernelNumber.decimal(field[field.index(after: field.startIndex)..<slash]) ?? 0
            }
            last = field
        }
    }

    /// `[2/1]`.
    private static func counts(_ field: ArraySlice<UInt8>) -> (Double, Double)? {
        guard field.first == UInt8(ascii: "["), field.last == UInt8(ascii: "]"),
            let slash = field.firstIndex(of: UInt8(ascii: "/")),
            let wanted = KernelNumber.unsigned(field[(field.startIndex + 1)..<slash]),
            let active = KernelNumber.unsigned(field[(slash + 1)..<(field.endIndex - 1)])
        else { return nil }
        return (Double(wanted), Double(active))
    }

    private static func work(_ field: ArraySlice<UInt8>) -> String? {
        let word = field.prefix { $0 != UInt8(ascii: "=") }
        if word.spells("recovery") { return "recovering" }
        if word.spells("resync") { return "resync" }
        if word.spells("check") { return "check" }
        return word.spells("reshape") ? "reshape" : nil
    }
}

extension Family {
    fileprivate static let arrayState = Family(
        "node_md_state",
        .gauge,
        "Whether the array is in this state.",
        labels: ["device", "state"],
        class: .health
    )
    fileprivate static let disks = Family(
        "node_md_disks",
        .gauge,
        "Disks of the array in this state.",
        labels: ["device", "state"],
        class: .health
    )
    fileprivate static let disksWanted = Family(
        "node_md_disks_required",
        .gauge,
        "Disks the array should have.",
        labels: ["device"],
        class: .health
    )
    fileprivate static let blocks = Family(
        "node_md_blocks",
        .gauge,
        "Blocks of the array.",
        labels: ["device"]
    )
    fileprivate static let blocksSynced = Family(
        "node_md_blocks_synced",
        .gauge,
        "Blocks that are known to be alike on all disks.",
        labels: ["device"]
    )
}
