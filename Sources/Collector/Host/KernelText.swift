// SPDX-License-Identifier: Apache-2.0
//
// The text files of /proc and /sys, read into one buffer that all host collectors share, so that a pass allocates
// nothing for reading once the buffer has grown to the largest file.
//
// Invariant: what a collector holds of a file (slices, scanners) is used up before the next `load`; a slice kept
// longer stays correct but costs a copy of the buffer.

internal import Glibc

/// Where a host's files are; tests and containers put other roots.
public struct HostRoots: Sendable {
    /// What is mounted at /proc of the machine.
    public var proc: String
    /// What is mounted at /sys of the machine.
    public var sys: String
    /// Where the machine's root file system is seen from here.
    public var rootfs: String
    /// udev's database.
    public var udev: String

    /// The roots of this machine, seen from the machine itself.
    public init(
        proc: String = "/proc",
        sys: String = "/sys",
        rootfs: String = "/",
        udev: String = "/run/udev/data"
    ) {
        self.proc = proc
        self.sys = sys
        self.rootfs = rootfs
        self.udev = udev
    }
}

/// Why one host collector has nothing, or not all, to say in a pass.
enum HostFailure: Error, Equatable, CustomStringConvertible {
    /// The kernel has no such thing (no battery, no sensors); nobody needs to know.
    case absent
    /// A file could not be read, with the system's error number.
    case unreadable(String, Int32)
    /// A file does not look as the kernel documents it.
    case malformed(String)
    /// There are more devices than the limit; those beyond it are missing.
    case tooMany(String, Int)

    /// The value as text for messages.
    var description: String {
        switch self {
        case .absent: "not present on this machine"
        case .unreadable(let path, let code):
            "\(path): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
        case .malformed(let path): "\(path): unexpected contents"
        case .tooMany(let path, let limit): "\(path): more than \(limit) devices, the rest is left out"
        }
    }
}

/// Reads files of the kernel into one reused buffer.
struct KernelText {
    let roots: HostRoots
    /// Grows; an attribute of /sys is at most a page.
    private var storage = [UInt8](repeating: 0, count: 4 << 10)
    private var count = 0
    /// The largest file taken; /proc/stat and /proc/mounts of very large machines stay below.
    private static let sizeLimit = 4 << 20

    init(roots: HostRoots) {
        self.roots = roots
    }

    /// The text read last.
    var scanner: TextScanner { TextScanner(storage, 0..<count) }

    /// Reads a whole file; with an open directory the path is one in it.
    mutating func load(_ path: String, in directory: Int32 = AT_FDCWD) throws(HostFailure) {
        try load(path, in: directory, isAttribute: false)
    }

    /// Reads a whole file of something not every machine has: a missing one is `absent`.
    mutating func loadOptional(_ path: String) throws(HostFailure) {
        do throws(HostFailure) {
            try load(path)
        } catch .unreadable(_, ENOENT), .unreadable(_, ENOTDIR) {
            throw .absent
        } catch {
            throw error
        }
    }

    /// Reads a file; an attribute of /sys is handed over whole by the first read, so its end need not be looked for.
    private mutating func load(
        _ path: String,
        in directory: Int32,
        isAttribute: Bool
    ) throws(HostFailure) {
        count = 0
        let descriptor = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path, errno) }
        defer { close(descriptor) }
        while true {
            if count == storage.count {
                guard storage.count < KernelText.sizeLimit else { throw .unreadable(path, EFBIG) }
                storage.append(contentsOf: repeatElement(0, count: storage.count))
            }
            let filled = count
            let got = storage.withUnsafeMutableBytes { buffer in
                read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                count = 0
                throw .unreadable(path, errno)
            }
            count += got
            if got == 0 || isAttribute { return }
        }
    }

    /// The contents of a one-value file without surrounding blanks, nil when it cannot be read.
    mutating func value(_ path: String, in directory: Int32 = AT_FDCWD) -> ArraySlice<UInt8>? {
        do {
            try load(path, in: directory, isAttribute: true)
        } catch {
            return nil
        }
        return scanner.trimmed
    }

    /// The contents of a one-value file as text, "" when it cannot be read; bad UTF-8 becomes U+FFFD.
    mutating func text(_ path: String, in directory: Int32 = AT_FDCWD) -> String {
        value(path, in: directory).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The contents of a one-value file as a number, nil when it cannot be read or is none.
    mutating func number(_ path: String, in directory: Int32 = AT_FDCWD) -> Double? {
        value(path, in: directory).flatMap { KernelNumber.decimal($0) }
    }

    /// Runs `body` with a directory opened, for reading many files of it: the way to a device is long (links from
    /// /sys/class to the bus it is on), and walking it is most of the cost of reading a one-value file.
    ///
    /// - Returns: what `body` returned, nil when there is no such directory.
    static func withDirectory<Result>(_ path: String, _ body: (Int32) -> Result) -> Result? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return body(descriptor)
    }

    /// Where a symbolic link points to, "" when it is none.
    static func link(_ path: String) -> String {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(path, &target, target.count)
        guard length > 0 else { return "" }
        return String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path with all symbolic links followed, nil when it does not exist.
    static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Whether the path is a regular file.
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether the path is a directory.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a directory, sorted; empty when it cannot be read.
    ///
    /// At most 4096: more devices of a class than any machine has.
    static func names(in directory: String) -> [String] {
        (try? listing(directory)) ?? []
    }

    /// The names in a directory, sorted.
    static func listing(_ directory: String) throws(HostFailure) -> [String] {
        guard let stream = opendir(directory) else { throw .unreadable(directory, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < 4096, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
