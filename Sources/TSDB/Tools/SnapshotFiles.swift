// SPDX-License-Identifier: Apache-2.0
//
// A directory as it is, to be opened by a store that must not change it: what is written goes to memory, page by
// page, and is read back from there; the directory's own files are only ever read.

internal import Platform
internal import Synchronization

/// A file system whose changes stay in memory.
final class SnapshotFiles: FileStore {
    /// What a file looks like above the one on disk.
    fileprivate struct Overlay {
        var pages: [Int64: [UInt8]] = [:]
        var size: Int64 = 0
        /// Which file it is.
        var number: UInt64
    }

    fileprivate static let pageBytes: Int64 = 4096
    /// Bytes that may be changed; opening a store writes a few pages, and a log where there is none.
    fileprivate static let byteLimit = 256 << 20

    private let base: any FileStore
    fileprivate let overlays = Mutex<[String: Overlay]>([:])
    private let removed = Mutex<Set<String>>([])
    private let lastNumber = Atomic<UInt64>(0)

    init(_ base: any FileStore) {
        self.base = base
    }

    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any StorageFile {
        var below: (any StorageFile)?
        if !removed.withLock({ $0.contains(path) }) {
            do throws(FileError) {
                below = try base.open(path, .read)
            } catch {
                guard error.isMissing, mode == .create || mode == .createPrivate else { throw error }
            }
        }
        let size = try below?.size() ?? 0
        overlays.withLock { overlays in
            guard overlays[path] == nil else { return }
            let number = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
            overlays[path] = Overlay(size: size, number: number)
        }
        _ = removed.withLock { $0.remove(path) }
        return SnapshotFile(self, path: path, below: below)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        let gone = removed.withLock { $0 }
        let made = overlays.withLock { $0.keys.filter { $0.hasPrefix(directory + "/") } }
        let names = try base.list(directory).filter { !gone.contains("\(directory)/\($0)") }
        return Set(names + made.map { String($0.dropFirst(directory.count + 1)) }).sorted()
    }

    /// An existing directory only: a snapshot of nothing says nothing.
    func createDirectory(_ path: String) throws(FileError) { _ = try base.list(path) }

    func rename(_ from: String, to: String) throws(FileError) {
        let overlay = overlays.withLock { $0.removeValue(forKey: from) }
        overlays.withLock { $0[to] = overlay }
        removed.withLock { _ = $0.insert(from) }
    }

    func remove(_ path: String) throws(FileError) {
        overlays.withLock { _ = $0.removeValue(forKey: path) }
        removed.withLock { _ = $0.insert(path) }
    }

    func syncDirectory(_ path: String) throws(FileError) {}

    /// Never held by others: whoever runs goes on running.
    func lock(_ path: String) throws(FileError) -> FileLock? { FileLock {} }

    func identity(_ path: String) throws(FileError) -> FileIdentity? {
        overlays.withLock { $0[path].map { FileIdentity(device: 0, inode: $0.number) } }
    }

    func freeBytes(_ path: String) throws(FileError) -> Int64 { try base.freeBytes(path) }
}

/// A file of a snapshot.
private final class SnapshotFile: StorageFile {
    private let files: SnapshotFiles
    private let path: String
    private let below: (any StorageFile)?

    init(_ files: SnapshotFiles, path: String, below: (any StorageFile)?) {
        self.files = files
        self.path = path
        self.below = below
    }

    func size() throws(FileError) -> Int64 { files.overlays.withLock { $0[path]?.size ?? 0 } }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        let overlay = files.overlays.withLock { $0[path] } ?? SnapshotFiles.Overlay(number: 0)
        let count = Int(max(0, min(Int64(count), overlay.size - offset)))
        guard count > 0 else { return [] }
        var bytes = try below?.read(at: offset, count: count) ?? []
        bytes += [UInt8](repeating: 0, count: count - bytes.count)
        guard !overlay.pages.isEmpty else { return bytes }
        var place = offset / SnapshotFiles.pageBytes
        while place * SnapshotFiles.pageBytes < offset + Int64(count) {
            if let page = overlay.pages[place] {
                let start = place * SnapshotFiles.pageBytes
                let low = max(start, offset)
                let high = min(start + SnapshotFiles.pageBytes, offset + Int64(count))
                bytes.replaceSubrange(
                    Int(low - offset)..<Int(high - offset),
                    with: page[Int(low - start)..<Int(high - start)]
                )
            }
            place += 1
        }
        return bytes
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        let data = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        var done = 0
        while done < data.count {
            let at = offset + Int64(done)
            let place = at / SnapshotFiles.pageBytes
            let start = Int(at % SnapshotFiles.pageBytes)
            let count = min(data.count - done, Int(SnapshotFiles.pageBytes) - start)
            var page = try read(at: place * SnapshotFiles.pageBytes, count: Int(SnapshotFiles.pageBytes))
            page += [UInt8](repeating: 0, count: Int(SnapshotFiles.pageBytes) - page.count)
            page.replaceSubrange(start..<(start + count), with: data[done..<(done + count)])
            // Zeros where there was nothing need no memory: a log that is made anew.
            let isNew = below == nil && !page.contains { $0 != 0 }
            try files.overlays.withLock { overlays throws(FileError) in
                let used = overlays.values.reduce(0) { $0 + $1.pages.count } * Int(SnapshotFiles.pageBytes)
                guard used < SnapshotFiles.byteLimit else {
                    throw FileError(operation: "write", path: path, code: ErrorNumber.noSpace)
                }
                // A file that was removed while it was open takes what nobody reads.
                guard var overlay = overlays.removeValue(forKey: path) else { return }
                if !isNew { overlay.pages[place] = page }
                overlay.size = max(overlay.size, at + Int64(count))
                overlays[path] = overlay
            }
            done += count
        }
    }

    func syncData() throws(FileError) {}

    func identity() throws(FileError) -> FileIdentity {
        files.overlays.withLock { FileIdentity(device: 0, inode: $0[path]?.number ?? 0) }
    }

    func truncate(to size: Int64) throws(FileError) {
        files.overlays.withLock { overlays in
            guard var overlay = overlays[path] else { return }
            overlay.size = size
            overlay.pages = overlay.pages.filter { ($0.key + 1) * SnapshotFiles.pageBytes <= size }
            overlays[path] = overlay
        }
    }
}
