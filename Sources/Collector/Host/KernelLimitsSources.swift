// SPDX-License-Identifier: Apache-2.0
//
// Collectors of one or two small files each: open files, entropy, hanging tasks.

internal import Samples

/// node_filefd_*: open files of the whole machine, from /proc/sys/fs/file-nr (allocated, free, maximum).
struct FileDescriptorSource: HostSource {
    private static let allocated = Family(
        "node_filefd_allocated",
        .gauge,
        "Files open on the machine.",
        class: .health
    )
    private static let maximum = Family(
        "node_filefd_maximum",
        .gauge,
        "Files that can be open at once.",
        class: .health
    )

    private let file = KernelFile(proc: "/sys/fs/file-nr")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var fields = kernel.scanner
        guard let open = fields.nextUnsigned(), fields.nextField() != nil, let most = fields.nextUnsigned()
        else { throw .malformed(file.path(in: kernel.roots)) }
        pass.add(FileDescriptorSource.allocated, Double(open))
        pass.add(FileDescriptorSource.maximum, Double(most))
    }
}

/// node_entropy_*: the kernel's random number generator (random(4)).
struct EntropySource: HostSource {
    private static let available = Family(
        "node_entropy_available_bits",
        .gauge,
        "Bits of entropy the kernel has gathered.",
        class: .detailedPerformance
    )
    private static let poolSize = Family(
        "node_entropy_pool_size_bits",
        .gauge,
        "Bits of entropy the kernel can hold.",
        class: .debug
    )

    private let bits = KernelFile(proc: "/sys/kernel/random/entropy_avail")
    private let size = KernelFile(proc: "/sys/kernel/random/poolsize")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        guard let bits = kernel.number(bits) else { throw .absent }
        pass.add(EntropySource.available, bits)
        guard let size = kernel.number(size) else { return }
        pass.add(EntropySource.poolSize, size)
    }
}

/// node_kernel_hung_tasks_total: tasks that did not get on for minutes (kernel, Documentation/admin-guide/sysctl/kernel.rst).
struct HungTaskSource: HostSource {
    private static let hung = Family(
        "node_kernel_hung_tasks_total",
        .counter,
        "Tasks the kernel found hanging.",
        class: .health
    )

    private let file = KernelFile(proc: "/sys/kernel/hung_task_detect_count")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // Since Linux 6.12, and only where hung tasks are looked for.
        guard let count = kernel.number(file) else { throw .absent }
        pass.add(HungTaskSource.hung, count)
    }
}
