// SPDX-License-Identifier: Apache-2.0
//
// NVMe controllers and their namespaces from /sys/class/nvme. A namespace is a directory nvme0n1 of its controller, or
// nvme0c0n1 where a disk has several ways to it; `size` there counts 512 bytes whatever the disk's blocks are, `nuse` blocks.

internal import Glibc
internal import Samples

/// node_nvme_*.
struct NVMeSource: HostSource {
    /// More controllers, and namespaces of one, than a gateway has.
    private static let limit = 128

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let base = kernel.roots.sys + "/class/nvme"
        let names: [String]
        do throws(HostFailure) {
            names = try KernelText.listing(base)
        } catch .unreadable(_, ENOENT) {
            throw .absent
        }
        for name in names.prefix(NVMeSource.limit) {
            let directory = "\(base)/\(name)"
            let labels: [String]? = KernelText.withDirectory(directory) { place in
                [name]
                    + ["firmware_rev", "model", "serial", "state", "cntlid"].map {
                        kernel.text($0, in: place)
                    }
            }
            guard let labels else { continue }
            pass.add(Family.nvmeInfo, 1, labels: labels)
            for entry in KernelText.names(in: directory).prefix(NVMeSource.limit * 4) {
                guard let id = NVMeSource.namespace(entry, of: name) else { continue }
                addNamespace("\(directory)/\(entry)", name, id, &kernel, into: &pass)
            }
        }
        if names.count > NVMeSource.limit { throw .tooMany(base, NVMeSource.limit) }
    }

    /// The number of a namespace: 1 of nvme0n1 and of nvme0c3n1; nil when the name is no namespace.
    static func namespace(_ name: String, of controller: String) -> String? {
        guard name.hasPrefix("nvme"), let last = name.lastIndex(of: "n"), last > name.startIndex else {
            return nil
        }
        let id = name[name.index(after: last)...]
        let head = name[..<last]
        guard !id.isEmpty, id.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), head.hasPrefix("nvme"),
            head.utf8.count > 4
        else { return nil }
        return String(id)
    }

    private func addNamespace(
        _ directory: String,
        _ device: String,
        _ id: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        pass.add(Family.namespaceInfo, 1, labels: [device, id, kernel.text(directory + "/ana_state")])
        if let size = kernel.number(directory + "/size") {
            pass.add(Family.namespaceCapacity, size * 512, device, id)
            pass.add(Family.namespaceSize, size * 512, device, id)
        }
        guard let block = kernel.number(directory + "/queue/logical_block_size") else { return }
        pass.add(Family.namespaceBlock, block, device, id)
        if let used = kernel.number(directory + "/nuse") {
            pass.add(Family.namespaceUsed, used * block, device, id)
        }
    }
}

extension Family {
    fileprivate static let nvmeInfo = Family(
        "node_nvme_info",
        .gauge,
        "What the NVMe controller is; always 1.",
        labels: ["device", "firmware_revision", "model", "serial", "state", "cntlid"]
    )
    fileprivate static let namespaceInfo = Family(
        "node_nvme_namespace_info",
        .gauge,
        "A namespace of the controller; always 1.",
        labels: ["device", "nsid", "ana_state"]
    )
    private static func namespace(_ name: String, _ help: String) -> Family {
        Family("node_nvme_namespace_\(name)_bytes", .gauge, help, labels: ["device", "nsid"])
    }
    fileprivate static let namespaceCapacity = namespace("capacity", "What the namespace can hold.")
    fileprivate static let namespaceSize = namespace("size", "Size of the namespace.")
    fileprivate static let namespaceUsed = namespace("used", "What the namespace holds.")
    fileprivate static let namespaceBlock = namespace("logical_block_size", "Block size of the namespace.")
}
