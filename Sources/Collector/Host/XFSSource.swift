// SPDX-License-Identifier: Apache-2.0
//
// What XFS did, by device, from /sys/fs/xfs/<device>/stats/stats: lines of a name and its counters in an order that
// xfs.org documents ("Runtime Stats").

internal import Samples

/// node_xfs_*.
struct XFSSource: HostSource {
    /// More mounted XFS file systems than a gateway has.
    private static let limit = 256

    /// The counters of each line, in its order; an empty name is not given.
    private static let lines: [(key: StaticString, families: [Family?])] = [
        (
            "extent_alloc",
            families(
                "extent_allocation_",
                ["extents_allocated", "blocks_allocated", "extents_freed", "blocks_freed"]
            )
        ),
        ("abt", families("allocation_btree_", tree)),
        (
            "blk_map",
            families(
                "block_mapping_",
                [
                    "reads", "writes", "unmaps", "extent_list_insertions", "extent_list_deletions",
                    "extent_list_lookups", "extent_list_compares",
                ]
            )
        ),
        ("bmbt", families("block_map_btree_", tree)),
        ("dir", families("directory_operation_", ["lookup", "create", "remove", "getdents"])),
        (
            "ig",
            families(
                "inode_operation_",
                ["attempts", "found", "recycled", "missed", "duplicates", "reclaims", "attribute_changes"]
            )
        ),
        ("rw", families("", ["write_calls", "read_calls"])),
        (
            "vnodes",
            families("vnode_", ["active", "allocate", "get", "hold", "release", "reclaim", "remove"])
        ),
    ]
    private static let tree = ["lookups", "compares", "records_inserted", "records_deleted"]

    private static func families(_ prefix: String, _ names: [String]) -> [Family?] {
        names.map { name in
            Family(
                "node_xfs_\(prefix)\(name)_total",
                .counter,
                "XFS: \((prefix + name).replacingUnderscores).",
                labels: ["device"],
                class: .detailedPerformance
            )
        }
    }

    private var directory = DeviceDirectory<(name: String, file: String)>(sys: "/fs/xfs")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // Without the directory there are none; `stats` beside the devices holds the sums.
        directory.updateIfThere(&kernel, limit: XFSSource.limit) { name, path, _ in
            name == "stats" ? nil : (name, path + "/stats/stats")
        }
        for (device, file) in directory.devices {
            guard kernel.tryLoad(file) else { continue }
            var text = kernel.scanner
            while let line = text.nextLine() {
                var fields = line
                guard let key = fields.nextField(),
                    let entry = XFSSource.lines.first(where: { key.spells($0.key) })
                else { continue }
                for family in entry.families {
                    guard let value = fields.nextUnsigned() else { break }
                    if let family { pass.add(family, Double(value), device) }
                }
            }
        }
    }
}
