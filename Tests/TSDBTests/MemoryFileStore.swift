// SPDX-License-Identifier: Apache-2.0
//
// A file system in memory that can fail like a real one. Each file has two contents: what a process sees (written)
// and what survives a power cut (synced). A power cut may keep any part of what was not synced.

import Platform
import Synchronization

/// Faults and files of a simulated disk.
final class MemoryFileStore: FileStore {
    struct File {
        var written: [UInt8] = []
        var synced: [UInt8] = []
        /// Writes since the last sync, oldest first.
        var unsynced: [(offset: Int, bytes: [UInt8])] = []
    }

    struct State {
        var files: [String: File] = [:]
        var locked: Set<String> = []
        /// Bytes all files together may have.
        var capacity = Int.max
        /// Fails writes and syncs whose number, counted down, has come; nil never.
        var failWriteAfter: Int?
        /// Whether the write that `failWriteAfter` names is the only one to fail.
        var failsOnce = false
        var failSyncs = 0
        /// Only files whose name begins so fail to be written.
        var failingName = ""
        var writes = 0
        /// Called when a file is about to be synced, without any lock of the simulation.
        var onSync: (@Sendable (String) -> Void)?
    }

    let state = Mutex(State())

    func withFile<R>(_ path: String, _ body: (inout File) -> R) -> R {
        state.withLock { state in
            var file = state.files[path] ?? File()
            defer { state.files[path] = file }
            return body(&file)
        }
    }

    func contents(_ path: String) -> [UInt8] { state.withLock { $0.files[path]?.written ?? [] } }

    /// A copy as another process would find it after this one was killed.
    func afterKill() -> MemoryFileStore {
        let copy = MemoryFileStore()
        let files = state.withLock { $0.files }
        copy.state.withLock { $0.files = files }
        return copy
    }

    /// A copy after a power cut: synced bytes, and of each unsynced write what `keep` says.
    func afterPowerCut(keep: (_ path: String, _ write: Int, _ count: Int) -> Int) -> MemoryFileStore {
        let copy = MemoryFileStore()
        let files = state.withLock { $0.files }
        copy.state.withLock { state in
            for (path, file) in files {
                var bytes = file.synced
                for (number, write) in file.unsynced.enumerated() {
                    let kept = keep(path, number, write.bytes.count)
                    MemoryFile.put(write.bytes.prefix(kept), at: write.offset, in: &bytes)
                }
                state.files[path] = File(written: bytes, synced: bytes)
            }
        }
        return copy
    }

    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any StorageFile {
        try state.withLock { state throws(FileError) in
            if state.files[path] == nil {
                guard case .create = mode else {
                    throw FileError(operation: "open", path: path, code: ErrorNumber.missing)
                }
                state.files[path] = File()
            }
        }
        return MemoryFile(store: self, path: path)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        state.withLock { state in
            state.files.keys.filter { $0.hasPrefix(directory + "/") }
                .map { String($0.dropFirst(directory.count + 1)) }.sorted()
        }
    }

    func createDirectory(_ path: String) throws(FileError) {}

    func rename(_ from: String, to: String) throws(FileError) {
        state.withLock { state in
            state.files[to] = state.files.removeValue(forKey: from)
        }
    }

    func remove(_ path: String) throws(FileError) {
        state.withLock { _ = $0.files.removeValue(forKey: path) }
    }

    func syncDirectory(_ path: String) throws(FileError) {}

    func lock(_ path: String) throws(FileError) -> FileLock? {
        let isFree = state.withLock { $0.locked.insert(path).inserted }
        guard isFree else { return nil }
        return FileLock { [weak self] in
            self?.state.withLock { _ = $0.locked.remove(path) }
        }
    }

    func freeBytes(_ path: String) throws(FileError) -> Int64 { 1 << 40 }
}

/// An open file of the simulated disk.
final class MemoryFile: StorageFile {
    let store: MemoryFileStore
    let path: String

    init(store: MemoryFileStore, path: String) {
        self.store = store
        self.path = path
    }

    func size() throws(FileError) -> Int64 { Int64(store.withFile(path) { $0.written.count }) }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        store.withFile(path) { file in
            let start = min(Int(offset), file.written.count)
            return Array(file.written[start..<min(start + count, file.written.count)])
        }
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        let data = bytes.withUnsafeBytes { Array($0) }
        let path = path
        try store.state.withLock { state throws(FileError) in
            state.writes += 1
            let name = path.split(separator: "/").last ?? ""
            if let left = state.failWriteAfter, name.hasPrefix(state.failingName) {
                guard left > 0 else {
                    if state.failsOnce { state.failWriteAfter = nil }
                    throw FileError(operation: "pwrite", path: path, code: ErrorNumber.inputOutput)
                }
                state.failWriteAfter = left - 1
            }
            let total = state.files.values.reduce(0) { $0 + $1.written.count }
            let size = state.files[path]?.written.count ?? 0
            let growth = max(0, Int(offset) + data.count - size)
            guard total + growth <= state.capacity else {
                throw FileError(operation: "pwrite", path: path, code: ErrorNumber.noSpace)
            }
            MemoryFile.put(data[...], at: Int(offset), in: &state.files[path, default: .init()].written)
            state.files[path]?.unsynced.append((Int(offset), data))
        }
    }

    func syncData() throws(FileError) {
        let path = path
        store.state.withLock { $0.onSync }?(path)
        try store.state.withLock { state throws(FileError) in
            if state.failSyncs > 0 {
                state.failSyncs -= 1
                // As Linux does: the pages are clean afterwards, and what they held may be gone.
                state.files[path]?.unsynced.removeAll()
                throw FileError(operation: "fdatasync", path: path, code: ErrorNumber.inputOutput)
            }
            guard let file = state.files[path] else { return }
            state.files[path] = MemoryFileStore.File(written: file.written, synced: file.written)
        }
    }

    func truncate(to size: Int64) throws(FileError) {
        store.withFile(path) { file in
            file.written = Array(file.written.prefix(Int(size)))
            file.written += [UInt8](repeating: 0, count: Int(size) - file.written.count)
        }
    }

    static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, in target: inout [UInt8]) {
        if target.count < offset { target += [UInt8](repeating: 0, count: offset - target.count) }
        let overlap = min(bytes.count, target.count - offset)
        target.replaceSubrange(offset..<(offset + overlap), with: bytes.prefix(overlap))
        target += bytes.dropFirst(overlap)
    }
}
