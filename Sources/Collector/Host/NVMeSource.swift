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
    private static let texts = ["firmware_rev", "model", "serial", "state", "cntlid"]

    private struct Controller {
        let name: String
        let path: String
        var namespaces: DeviceDirectory<(id: String, path: String)>
    }

    private var directory = DeviceDirectory<Controller>(sys: "/class/nvme")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try directory.update(&kernel, limit: NVMeSource.limit) { name, path, _ in
            Controller(name: name, path: path, namespaces: DeviceDirectory(path: path))
        }
        for index in directory.devices.indices {
            NVMeSource.add(&directory.devices[index], &kernel, into: &pass)
        }
        if directory.count > NVMeSource.limit {
            throw .tooMany(directory.path(in: kernel.roots), NVMeSource.limit)
        }
    }

    private static func add(
        _ controller: inout Controller,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        let name = controller.name
        let found: Void? = KernelText.withDirectory(controller.path) { place in
            pass.add(Family.nvmeInfo, 1) { labels in
                labels.append(name)
                for text in texts { labels.append(kernel.value(text, in: place)) }
            }
        }
        guard found != nil else { return }
        // The entries of a controller are its attributes as well.
        controller.namespaces.updateIfThere(&kernel, limit: limit * 4) { entry, path, _ in
            namespace(entry, of: name).map { ($0, path) }
        }
        for (id, path) in controller.namespaces.devices {
            KernelText.withDirectory(path) { addNamespace($0, name, id, &kernel, into: &pass) }
        }
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

    private static func addNamespace(
        _ directory: Int32,
        _ device: String,
        _ id: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        pass.add(Family.namespaceInfo, 1) { labels in
            labels.append(device)
            labels.append(id)
            labels.append(kernel.value("ana_state", in: directory))
        }
        if let size = kernel.number("size", in: directory) {
            pass.add(Family.namespaceCapacity, size * 512, device, id)
            pass.add(Family.namespaceSize, size * 512, device, id)
        }
        guard let block = kernel.number("queue/logical_block_size", in: directory) else { return }
        pass.add(Family.namespaceBlock, block, device, id)
        if let used = kernel.number("nuse", in: directory) {
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
