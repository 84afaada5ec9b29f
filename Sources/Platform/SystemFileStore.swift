// SPDX-License-Identifier: Apache-2.0
//
// The kernel's file system. Every call that can be interrupted is repeated; a short write is continued.

internal import CPlatform
internal import Glibc

/// The kernel's file system.
public struct SystemFileStore: FileStore {
    /// Creates the store.
    public init() {}

    /// Opens a file; new ones get mode 0640.
    public func open(_ path: String, _ mode: FileMode) throws(FileError) -> any StorageFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .update: O_RDWR
            case .create: O_RDWR | O_CREAT
            case .createPrivate: O_RDWR | O_CREAT | O_NOFOLLOW
            }
        let isPrivate = mode == .createPrivate
        let rights: mode_t = isPrivate ? 0o600 : 0o640
        let descriptor = unsafe path.withCString { unsafe Glibc.open($0, flags | O_CLOEXEC, rights) }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        let file = SystemFile(descriptor: descriptor, path: path)
        if isPrivate { try file.checkOwner() }
        return file
    }

    /// Names in a directory, sorted.
    public func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(directory) else {
            throw FileError(operation: "opendir", path: directory, code: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Creates a directory (mode 0750) and its parents.
    public func createDirectory(_ path: String) throws(FileError) {
        var built = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            built += built.isEmpty || built.hasSuffix("/") ? String(part) : "/\(part)"
            if unsafe mkdir(built, 0o750) != 0, errno != EEXIST {
                throw FileError(operation: "mkdir", path: built, code: errno)
            }
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            throw FileError(operation: "stat", path: path, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw FileError(operation: "mkdir", path: path, code: ENOTDIR)
        }
    }

    /// Renames atomically.
    public func rename(_ from: String, to: String) throws(FileError) {
        guard unsafe Glibc.rename(from, to) == 0 else {
            throw FileError(operation: "rename", path: from, code: errno)
        }
    }

    /// Removes a file.
    public func remove(_ path: String) throws(FileError) {
        guard unsafe unlink(path) == 0 else { throw FileError(operation: "unlink", path: path, code: errno) }
    }

    /// Syncs a directory with fsync.
    public func syncDirectory(_ path: String) throws(FileError) {
        let descriptor = unsafe path.withCString { unsafe Glibc.open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(operation: "fsync", path: path, code: errno) }
    }

    /// Locks with flock; a dead process leaves no lock.
    public func lock(_ path: String) throws(FileError) -> FileLock? {
        let descriptor = unsafe path.withCString {
            unsafe Glibc.open($0, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        }
        guard descriptor >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            if code == EWOULDBLOCK { return nil }
            throw FileError(operation: "flock", path: path, code: code)
        }
        var status = stat()
        let isKnown = unsafe fstat(descriptor, &status) == 0
        let identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        return FileLock(identity: isKnown ? identity : nil) { close(descriptor) }
    }

    /// Tries a shared lock on the file opened to be read.
    public func isLocked(_ path: String) -> Bool {
        let descriptor = unsafe path.withCString { unsafe Glibc.open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Which file a path names, by stat; access by faccessat with the effective user.
    public func identity(_ path: String) throws(FileError) -> FileIdentity? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileError(operation: "stat", path: path, code: errno)
        }
        guard unsafe faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0 else {
            throw FileError(operation: "access", path: path, code: errno)
        }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    /// The user whom a file belongs to, by name where there is one; nil when it is this process's, or not known.
    public func otherOwner(of path: String) -> String? {
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_uid != geteuid() else { return nil }
        guard let entry = unsafe getpwuid(status.st_uid), let name = unsafe entry.pointee.pw_name else {
            return "user \(status.st_uid)"
        }
        return unsafe String(cString: name)
    }

    /// Free bytes by statvfs.
    public func freeBytes(_ path: String) throws(FileError) -> Int64 {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else {
            throw FileError(operation: "statvfs", path: path, code: errno)
        }
        return Int64(clamping: UInt64(status.f_bavail).multipliedFullWidth(by: UInt64(status.f_frsize)).low)
    }
}

/// A file descriptor with its path, for messages.
final class SystemFile: StorageFile {
    private let descriptor: Int32
    private let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close(descriptor)
    }

    /// Refuses what somebody else could have put there or can change.
    func checkOwner() throws(FileError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw error("fstat") }
        guard status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o022 == 0
        else {
            throw FileError(operation: "open", path: path, code: EACCES)
        }
    }

    func size() throws(FileError) -> Int64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw error("fstat") }
        return Int64(status.st_size)
    }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, filled in
            while filled < count, let base = buffer.baseAddress {
                let got = unsafe pread(
                    descriptor,
                    base + filled,
                    count - filled,
                    off_t(offset) &+ off_t(filled)
                )
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = error("pread") }
                if got <= 0 { break }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        let failed: Int32 = unsafe bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count, let base = buffer.baseAddress {
                let wrote = unsafe pwrite(
                    descriptor,
                    base + done,
                    buffer.count - done,
                    off_t(offset) &+ off_t(done)
                )
                if wrote < 0, errno == EINTR { continue }
                if wrote < 0 { return errno }
                if wrote == 0 { return ENOSPC }
                done += wrote
            }
            return 0
        }
        if failed != 0 { throw FileError(operation: "pwrite", path: path, code: failed) }
    }

    func syncData() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw error("fdatasync") }
    }

    func truncate(to size: Int64) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw error("ftruncate") }
    }

    func discard(at offset: Int64, count: Int64) throws(FileError) {
        guard ew_discard(descriptor, offset, count) == 0 else { throw error("fallocate") }
    }

    func identity() throws(FileError) -> FileIdentity {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw error("fstat") }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }

    private func error(_ operation: String) -> FileError {
        FileError(operation: operation, path: path, code: errno)
    }
}

/// The system's error numbers and their words.
public enum ErrorNumber {
    /// ENOSPC.
    public static let noSpace = ENOSPC
    /// EDQUOT.
    public static let quota = EDQUOT
    /// ENOENT.
    public static let missing = ENOENT
    /// EIO.
    public static let inputOutput = EIO
    /// EBADMSG.
    public static let badMessage = EBADMSG
    /// EACCES.
    public static let accessDenied = EACCES
    /// EROFS.
    public static let readOnly = EROFS

    /// What the system calls an error, for example "No space left on device".
    public static func words(_ code: Int32) -> String {
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
