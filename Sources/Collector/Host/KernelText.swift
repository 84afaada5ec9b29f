// SPDX-License-Identifier: Apache-2.0
//
// The text files of /proc and /sys, read into one buffer that all host collectors share, so that a pass allocates
// nothing for reading once the buffer has grown to the largest file. A file that is read in every pass is a `KernelFile`, whose
// descriptor may stay open.
//
// Invariant: what a collector holds of a file (slices, scanners) is used up before the next `load`; a slice kept
// longer stays correct but costs a copy of the buffer.

internal import Glibc
internal import Platform

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
        let code = read(path, in: directory, isAttribute: false)
        if code != 0 { throw .unreadable(path, code) }
    }

    /// Reads a whole file of those read in every pass.
    mutating func load(_ file: KernelFile) throws(HostFailure) {
        let code = read(file, isAttribute: false)
        if code != 0 { throw .unreadable(file.path(in: roots), code) }
    }

    /// Reads a whole file of something not every machine has: a missing one is `absent`.
    mutating func loadOptional(_ file: KernelFile) throws(HostFailure) {
        let code = read(file, isAttribute: false)
        if code == ENOENT || code == ENOTDIR { throw .absent }
        if code != 0 { throw .unreadable(file.path(in: roots), code) }
    }

    /// Reads a whole file that may be missing; whether it was there.
    mutating func tryLoad(_ path: String, in directory: Int32 = AT_FDCWD) -> Bool {
        read(path, in: directory, isAttribute: false) == 0
    }

    /// Reads a whole file of those read in every pass that may be missing; whether it was there.
    mutating func tryLoad(_ file: KernelFile) -> Bool {
        read(file, isAttribute: false) == 0
    }

    /// Reads a file; an attribute of /sys is handed over whole by the first read, so its end need not be looked for.
    ///
    /// - Returns: 0, or the error's number with nothing read.
    private mutating func read(_ path: String, in directory: Int32, isAttribute: Bool) -> Int32 {
        count = 0
        let descriptor = KernelText.open(path, in: directory, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return fill(descriptor, isAttribute: isAttribute, isKept: false)
    }

    /// Reads a file by the descriptor kept of it; by a new one when there is none, or when it no longer serves.
    private mutating func read(_ file: KernelFile, isAttribute: Bool) -> Int32 {
        count = 0
        let path = file.path(in: roots)
        if let descriptor = file.take() {
            if fill(descriptor, isAttribute: isAttribute, isKept: true) == 0 { return 0 }
            file.drop()
        }
        let descriptor = KernelText.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { return errno }
        let code = fill(descriptor, isAttribute: isAttribute, isKept: false)
        if code != 0 || !file.keep(descriptor) { close(descriptor) }
        return code
    }

    /// Opens a path.
    ///
    /// The conversion that Swift makes by itself for a C function copies the text into an array; this one does not.
    private static func open(_ path: String, in directory: Int32 = AT_FDCWD, _ flags: Int32) -> Int32 {
        path.withCString { openat(directory, $0, flags | O_CLOEXEC) }
    }

    /// Reads from the beginning of a file, wherever a kept descriptor was read before.
    ///
    /// - Returns: 0, or the error's number with nothing read.
    private mutating func fill(_ descriptor: Int32, isAttribute: Bool, isKept: Bool) -> Int32 {
        count = 0
        while true {
            guard makeRoom(1) else { return EFBIG }
            let filled = count
            let got = storage.withUnsafeMutableBytes { buffer in
                let place = buffer.baseAddress.map { $0 + filled }
                return isKept
                    ? pread(descriptor, place, buffer.count - filled, off_t(filled))
                    : Glibc.read(descriptor, place, buffer.count - filled)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else {
                count = 0
                return errno
            }
            count += got
            if got == 0 || isAttribute { return 0 }
        }
    }

    /// Sees to it that bytes can be added; false beyond the largest file taken.
    private mutating func makeRoom(_ bytes: Int) -> Bool {
        if storage.count - count >= bytes { return true }
        guard storage.count < KernelText.sizeLimit else { return false }
        storage.append(contentsOf: repeatElement(0, count: storage.count))
        return true
    }

    /// The contents of a one-value file without surrounding blanks, nil when it cannot be read.
    mutating func value(_ path: String, in directory: Int32 = AT_FDCWD) -> ArraySlice<UInt8>? {
        read(path, in: directory, isAttribute: true) == 0 ? scanner.trimmed : nil
    }

    /// The contents of a one-value file as text, "" when it cannot be read; bad UTF-8 becomes U+FFFD.
    mutating func text(_ path: String, in directory: Int32 = AT_FDCWD) -> String {
        value(path, in: directory).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// The contents of a one-value file as a number, nil when it cannot be read or is none.
    mutating func number(_ path: String, in directory: Int32 = AT_FDCWD) -> Double? {
        value(path, in: directory).flatMap { KernelNumber.decimal($0) }
    }

    /// The contents of a one-value file of those read in every pass, as a number; nil when it cannot be read or is none.
    mutating func number(_ file: KernelFile) -> Double? {
        read(file, isAttribute: true) == 0 ? KernelNumber.decimal(scanner.trimmed) : nil
    }

    /// Runs `body` with a directory opened, for reading many files of it: the way to a device is long (links from
    /// /sys/class to the bus it is on), and walking it is most of the cost of reading a one-value file.
    ///
    /// - Returns: what `body` returned, nil when there is no such directory.
    static func withDirectory<Result>(_ path: String, _ body: (Int32) -> Result) -> Result? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY)
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

    /// Whether a path is a symbolic link to a place; "" means that it is none.
    mutating func isLink(_ path: String, to target: String) -> Bool {
        count = 0
        let length = storage.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { text in
                guard let base = text.baseAddress else { return -1 }
                return path.withCString { readlink($0, base, text.count) }
            }
        }
        return storage[..<max(0, length)].elementsEqual(target.utf8)
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
        return path.withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether the path is a directory.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return path.withCString { stat($0, &status) } == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads the entries of a directory but for those that begin with a dot: of each its inode number (8 bytes), its name,
    /// and a NUL.
    ///
    /// - Returns: 0, or the error's number with nothing read.
    mutating func readEntries(_ path: String) -> Int32 {
        count = 0
        let descriptor = KernelText.open(path, O_RDONLY | O_DIRECTORY)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        while makeRoom(KernelDescriptor.leastRoom) {
            let filled = count
            let got = storage.withUnsafeMutableBytes {
                KernelDescriptor.entries(
                    descriptor,
                    into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...])
                )
            }
            guard let got else {
                count = 0
                return errno
            }
            if got == 0 { return 0 }
            count += got
        }
        return 0
    }

    /// Whether what was read last are exactly these bytes.
    func holds(_ bytes: [UInt8]) -> Bool {
        count == bytes.count && storage[..<count].elementsEqual(bytes)
    }

    /// The names among entries as `readEntries` reads them, sorted.
    ///
    /// At most 4096: more devices of a class than any machine has.
    static func names(ofEntries bytes: [UInt8]) -> [String] {
        var entries = TextScanner(bytes, 0..<bytes.count)
        var names: [String] = []
        while names.count < 4096, entries.skip(count: 8), let name = entries.take(until: 0) {
            names.append(String(decoding: name, as: UTF8.self))
        }
        return names.sorted()
    }

    /// The names in a directory, sorted; empty when it cannot be read.
    static func names(in directory: String) -> [String] {
        (try? listing(directory)) ?? []
    }

    /// The names in a directory, sorted.
    static func listing(_ directory: String) throws(HostFailure) -> [String] {
        var kernel = KernelText(roots: HostRoots())
        let code = kernel.readEntries(directory)
        if code != 0 { throw .unreadable(directory, code) }
        return names(ofEntries: Array(kernel.scanner.rest))
    }
}
