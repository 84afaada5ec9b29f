// SPDX-License-Identifier: Apache-2.0
//
// The file system as a parameter, so that a test can tear a write, fill a disk or cut the power.
// Only what a store needs: positioned reads and writes, data sync, rename, directory sync, lock.

/// A file system.
public protocol FileStore: Sendable {
    /// Opens a file.
    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any StorageFile
    /// Names in a directory, without `.` and `..`, sorted.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Creates a directory and its parents; existing ones are fine.
    func createDirectory(_ path: String) throws(FileError)
    /// Renames within a file system, replacing the target atomically.
    func rename(_ from: String, to: String) throws(FileError)
    /// Removes a file.
    func remove(_ path: String) throws(FileError)
    /// Makes created, renamed and removed names of a directory durable.
    func syncDirectory(_ path: String) throws(FileError)
    /// Takes an exclusive lock that ends with the process; nil when another process holds it.
    func lock(_ path: String) throws(FileError) -> FileLock?
    /// Whether another process holds the lock; changes nothing, also where nothing may be changed.
    func isLocked(_ path: String) -> Bool
    /// Which file a path names now; nil when there is none.
    ///
    /// - Throws: `FileError` also when the file is there and may not be read and written.
    func identity(_ path: String) throws(FileError) -> FileIdentity?
    /// Bytes that an ordinary user may still write to the file system holding `path`.
    func freeBytes(_ path: String) throws(FileError) -> Int64
}

extension FileStore {
    /// Whether the lock cannot be taken because another process has it.
    public func isLocked(_ path: String) -> Bool {
        do { return try lock(path) == nil } catch { return false }
    }
}

/// How to open a file.
public enum FileMode: Sendable {
    /// Existing, read only.
    case read
    /// Existing, read and write.
    case update
    /// Read and write, created when missing, contents kept.
    case create
    /// As `create`, for a directory that others may write to: of this user alone, never through a link.
    case createPrivate
}

/// An open file.
///
/// Closed when the last reference goes.
public protocol StorageFile: AnyObject, Sendable {
    /// Size in bytes.
    func size() throws(FileError) -> Int64
    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8]
    /// Writes all bytes at an offset or throws; after an error the range's contents are undefined.
    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError)
    /// Makes the file's data durable (fdatasync).
    func syncData() throws(FileError)
    /// Sets the size.
    func truncate(to size: Int64) throws(FileError)
    /// Gives the space of a range back, which reads as zeros then; not all file systems can.
    func discard(at offset: Int64, count: Int64) throws(FileError)
    /// Which file this is, whatever its name is by now.
    func identity() throws(FileError) -> FileIdentity
}

/// What tells one file from any other, as long as it exists.
public struct FileIdentity: Sendable, Hashable {
    /// The file system.
    public let device: UInt64
    /// The file within it.
    public let inode: UInt64

    /// Wraps the numbers of `stat`.
    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

extension StorageFile {
    /// Keeps the space; for files that have no system below them.
    public func discard(at offset: Int64, count: Int64) throws(FileError) {}

    /// Writes an array's bytes at an offset.
    public func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
        unsafe try write(bytes.span.bytes, at: offset)
    }
}

/// An exclusive lock on a file; released by `deinit`, and by the kernel when the process dies.
public final class FileLock: Sendable {
    /// Which file is locked; nil when the system does not say.
    public let identity: FileIdentity?
    private let release: @Sendable () -> Void

    /// Wraps what releases the lock.
    public init(identity: FileIdentity? = nil, release: @escaping @Sendable () -> Void) {
        self.identity = identity
        self.release = release
    }

    deinit {
        release()
    }
}

/// A file operation the system refused.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The operation, as in the manual: `open`, `pwrite`, `fdatasync`.
    public let operation: String
    /// The path concerned.
    public let path: String
    /// The system's error number.
    public let code: Int32

    /// Creates an error.
    public init(operation: String, path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// No space, quota or inode left.
    public var isOutOfSpace: Bool { code == ErrorNumber.noSpace || code == ErrorNumber.quota }
    /// The file does not exist.
    public var isMissing: Bool { code == ErrorNumber.missing }

    /// The value as text for messages.
    public var description: String { "\(operation) \(path): \(ErrorNumber.words(code))" }
}
