// SPDX-License-Identifier: Apache-2.0
//
// Space and inodes of mounted file systems. The list is init's (/proc/1/mounts), for a service may see others;
// where that is forbidden, our own. fstab(5) describes the line: device, mount point, type, options.
//
// node_filesystem_mount_info is node_exporter's since 1.10; the device's numbers are in /proc/1/mountinfo.
// The label `device_error` is empty, thus absent, unless the file system failed (node_exporter since 1.8).

internal import Config
internal import Glibc
internal import Samples

/// node_filesystem_*.
struct FilesystemSource: HostSource {
    /// One mounted file system that is not excluded.
    struct Mount: Equatable {
        let device: String
        let mountPoint: String
        let type: String
        let isReadOnly: Bool
        /// Where it is seen from here.
        let path: String

        var mayHang: Bool { FilesystemSource.isRemote(type) }
        /// The values of the families' labels but for the last, which is what went wrong.
        var labels: [String] { [device, mountPoint, type] }
    }

    /// A gateway mounts a handful; beyond this the rest is left out.
    private static let mountLimit = 256

    private let settings: HostCollectorSettings
    private let probe: MountProbe
    // Not kept open as other files of /proc are: the kernel would hold on to what is mounted at the root when it was opened.
    private var initsTable = KernelPlace(proc: "/1/mounts")
    private var ownTable = KernelPlace(proc: "/self/mounts")
    private var table: [UInt8] = []
    private var mounts: [Mount] = []
    private var questions: [MountProbe.Question] = []
    /// Of each mount the values of its series' labels while it answers.
    private var labels: [[String]] = []
    private var mountInfo: [[String]] = []
    private var isTruncated = false

    init(
        _ settings: HostCollectorSettings = HostCollectorSettings(.filesystem),
        timeout: Duration
    ) {
        self.settings = settings
        probe = MountProbe(timeout: timeout)
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var path = initsTable.path(in: kernel.roots)
        if !kernel.tryLoad(path) {
            path = ownTable.path(in: kernel.roots)
            try kernel.load(path)
        }
        if !kernel.holds(table) {
            table = Array(kernel.scanner.rest)
            readTable(rootfs: kernel.roots.rootfs)
            questions = mounts.map { MountProbe.Question(path: $0.path, mayHang: $0.mayHang) }
            labels = mounts.map { $0.labels + [""] }
            readNumbers(&kernel, String(path.dropLast("mounts".utf8.count)) + "mountinfo")
        }
        let answers = probe.answers(questions)
        for index in mounts.indices { add(index, answers[index], into: &pass) }
        for labels in mountInfo { pass.add(Family.mountInfo, 1, labels: labels) }
        if isTruncated { throw .tooMany(path, FilesystemSource.mountLimit) }
    }

    private func add(_ index: Int, _ answer: MountAnswer, into pass: inout PassBuffer) {
        let mount = mounts[index]
        let labels =
            switch answer {
            case .timedOut: mount.labels + ["mountpoint timeout"]
            case .failed(let code): mount.labels + [FilesystemSource.words(code)]
            case .space: labels[index]
            }
        pass.add(Family.filesystemReadOnly, mount.isReadOnly ? 1 : 0, labels: labels)
        guard case .space(let size, let free, let available, let files, let filesFree) = answer else {
            pass.add(Family.filesystemError, 1, labels: labels)
            return
        }
        pass.add(Family.filesystemError, 0, labels: labels)
        pass.add(Family.filesystemSize, size, labels: labels)
        pass.add(Family.filesystemFree, free, labels: labels)
        pass.add(Family.filesystemAvailable, available, labels: labels)
        pass.add(Family.filesystemFiles, files, labels: labels)
        pass.add(Family.filesystemFilesFree, filesFree, labels: labels)
    }

    /// Takes the list of mounts from `table`; of several with equal labels the last, which covers the others.
    private mutating func readTable(rootfs: String) {
        mounts = []
        isTruncated = false
        var text = TextScanner(table, 0..<table.count)
        while let line = text.nextLine() {
            guard let mount = FilesystemSource.mount(line, rootfs: rootfs),
                settings.collects(mount.mountPoint),
                settings.allows(mount.type, include: .typesInclude, exclude: .typesExclude)
            else { continue }
            if let place = mounts.firstIndex(where: { $0.labels == mount.labels }) {
                mounts[place] = mount
            } else if mounts.count < FilesystemSource.mountLimit {
                mounts.append(mount)
            } else {
                isTruncated = true
            }
        }
    }

    /// Takes the numbers of the mounts' devices: `id parent major:minor root mountpoint …` (proc_pid_mountinfo(5)).
    private mutating func readNumbers(_ kernel: inout KernelText, _ path: String) {
        mountInfo = []
        guard kernel.tryLoad(path) else { return }
        let root = kernel.roots.rootfs == "/" ? "" : kernel.roots.rootfs
        var numbers: [String: [String]] = [:]
        var text = kernel.scanner
        while let line = text.nextLine() {
            var fields = line
            _ = fields.nextField()
            _ = fields.nextField()
            guard let pair = fields.nextField(), fields.nextField() != nil, let point = fields.nextField()
            else {
                continue
            }
            let parts = String(decoding: pair, as: UTF8.self).split(separator: ":").map(String.init)
            if parts.count == 2 { numbers[FilesystemSource.unescaped(point)] = parts }
        }
        for mount in mounts {
            let seen = root.isEmpty ? mount.mountPoint : mount.path
            guard let parts = numbers[seen] ?? numbers[mount.mountPoint] else { continue }
            mountInfo.append([mount.device, parts[0], parts[1], mount.mountPoint])
        }
    }

    /// Reads one line, nil when it has fewer than four fields.
    static func mount(_ line: TextScanner, rootfs: String) -> Mount? {
        var fields = line
        guard let device = fields.nextField(), let point = fields.nextField(), let type = fields.nextField(),
            let options = fields.nextField()
        else { return nil }
        let root = rootfs == "/" ? "" : rootfs
        var mountPoint = unescaped(point)
        if !root.isEmpty, mountPoint == root || mountPoint.hasPrefix(root + "/") {
            mountPoint.removeFirst(root.count)
        }
        if mountPoint.isEmpty { mountPoint = "/" }
        return Mount(
            device: String(decoding: device, as: UTF8.self),
            mountPoint: mountPoint,
            type: String(decoding: type, as: UTF8.self),
            isReadOnly: options.split(separator: UInt8(ascii: ",")).contains { $0.spells("ro") },
            path: root + mountPoint
        )
    }

    /// The text with the kernel's octal escapes (`\040` is a blank) undone.
    private static func unescaped(_ text: ArraySlice<UInt8>) -> String {
        var out: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            let isOctal =
                digits.count == 3 && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "7") }
            guard byte == UInt8(ascii: "\\"), isOctal else {
                out.append(byte)
                continue
            }
            out.append(digits.reduce(0) { $0 &* 8 &+ ($1 - UInt8(ascii: "0")) })
            rest = rest.dropFirst(3)
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Whether a file system of this type is served by another machine or by a process.
    static func isRemote(_ type: String) -> Bool {
        let families = [
            "nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "glusterfs", "lustre", "virtiofs", "ncp",
        ]
        return families.contains { type.hasPrefix($0) }
    }

    /// The system's words for an error, beginning in lower case as in node_exporter's label.
    private static func words(_ code: Int32) -> String {
        guard let words = strerror(code).map({ String(cString: $0) }), let first = words.first else {
            return "\(code)"
        }
        return first.lowercased() + words.dropFirst()
    }
}

extension Family {
    private static func filesystem(_ name: String, _ help: String, _ metricClass: MetricClass) -> Family {
        Family(
            "node_filesystem_" + name,
            .gauge,
            help,
            labels: ["device", "mountpoint", "fstype", "device_error"],
            class: metricClass
        )
    }

    fileprivate static let mountInfo = Family(
        "node_filesystem_mount_info",
        .gauge,
        "The device a file system is on; always 1.",
        labels: ["device", "major", "minor", "mountpoint"]
    )
    fileprivate static let filesystemError = filesystem(
        "device_error",
        "Whether the file system did not say how full it is.",
        .health
    )
    fileprivate static let filesystemReadOnly = filesystem(
        "readonly",
        "Whether it is mounted read-only.",
        .health
    )
    fileprivate static let filesystemSize = filesystem("size_bytes", "Size of the file system.", .health)
    fileprivate static let filesystemAvailable = filesystem(
        "avail_bytes",
        "Free space for ordinary users.",
        .health
    )
    fileprivate static let filesystemFree = filesystem("free_bytes", "Free space for root.", .standard)
    fileprivate static let filesystemFiles = filesystem("files", "Inodes.", .standard)
    fileprivate static let filesystemFilesFree = filesystem("files_free", "Free inodes.", .health)
}
