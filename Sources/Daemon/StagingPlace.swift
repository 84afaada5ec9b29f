// SPDX-License-Identifier: Apache-2.0
//
// Where the log's newest pages may grow between syncs: memory that outlives the process but costs no flash. That is
// /dev/shm on a machine, and in a container whose first process goes on when this one ends: shared memory of a
// container ends with that.

internal import Config
internal import Glibc
internal import Platform

/// Chooses the staging file of a data directory.
public enum StagingPlace {
    private static let sharedMemory = "/dev/shm"
    /// What container engines leave for programs to see.
    private static let containerMarks = ["/.dockerenv", "/run/.containerenv"]
    private static let containerVariables = ["container", "KUBERNETES_SERVICE_HOST"]
    /// First processes that end with their only child.
    private static let wrappers = [
        "tini", "docker-init", "dumb-init", "catatonit", "sh", "bash", "dash", "ash", "busybox",
    ]
    /// First processes that start a child again.
    private static let supervisors = ["systemd", "init", "s6-svscan", "runsvdir", "supervisord"]

    /// The file for a data directory, nil when the log is to be written without one.
    static func path(_ staging: StorageConfig.Staging, directory: String) -> String? {
        switch staging {
        case .off: return nil
        case .directory(let place): return "\(place)/\(name(directory))"
        case .automatic:
            guard isMemory(sharedMemory), !isInContainer || outlives() else { return nil }
            return "\(sharedMemory)/\(name(directory))"
        }
    }

    /// Where processes that ran on a directory may have left a staging file, under the names of this user and of the
    /// owner of its log; whether they are there is not looked at.
    ///
    /// - Parameters:
    ///   - directory: the data directory.
    ///   - place: the directory that `storage.wal.staging` names; nil for shared memory.
    /// - Returns: their paths.
    public static func left(directory: String, in place: String? = nil) -> [String] {
        var users = [geteuid()]
        if let owner = owner(of: "\(directory)/log"), owner != users[0] { users.append(owner) }
        return users.map { "\(place ?? sharedMemory)/\(name(directory, of: $0))" }
    }

    private static func owner(of path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    private static var isInContainer: Bool {
        containerMarks.contains { access($0, F_OK) == 0 }
            || containerVariables.contains { getenv($0) != nil }
    }

    /// Whether the container goes on when this process ends.
    private static func outlives() -> Bool {
        // Of Kubernetes' containers each has its own shared memory.
        guard getenv("KUBERNETES_SERVICE_HOST") == nil else { return false }
        let first = (try? TextFile.read("/proc/1/comm")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return outlives(process: getpid(), parent: getppid(), first: String(first.prefix { $0 != "\n" }))
    }

    /// The rule; what cannot be told ends with this process.
    static func outlives(process: Int32, parent: Int32, first: String) -> Bool {
        guard process != 1, !first.isEmpty else { return false }
        return parent == 1 ? supervisors.contains(first) : !wrappers.contains(first)
    }

    /// Whether a directory is where a tmpfs is mounted, and may be written to.
    private static func isMemory(_ path: String) -> Bool {
        guard access(path, W_OK) == 0, let mounts = try? TextFile.read("/proc/self/mounts") else {
            return false
        }
        return String(decoding: mounts, as: UTF8.self).split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 2 && fields[1] == path && fields[2] == "tmpfs"
        }
    }

    /// One name for a directory however it is written: user and FNV-1a of the resolved path.
    private static func name(_ directory: String, of user: UInt32 = geteuid()) -> String {
        var resolved = directory
        if let real = realpath(directory, nil) {
            resolved = String(cString: real)
            free(real)
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in resolved.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01b3 }
        return "edgewatch-\(user)-\(String(hash, radix: 16)).log"
    }
}
