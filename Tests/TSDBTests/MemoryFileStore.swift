// SPDX-License-Identifier: Apache-2.0
//
// A file system in memory that can fail like a real one. Everything has two states, what a process sees and what
// survives a power cut: the contents of each file, until they are synced, and the names in a directory, until the
// directory is. A power cut keeps any part of what was not synced: any subset of the sectors of any subset of the
// writes, in whatever order, and any number of the changes of names, in order, as a journal does.
//
// Files are inodes, so a handle outlives its name. Any operation can be made to fail; the process can be stopped at
// any of them (`crashAt`), after which the disk stays as it is until the next process takes it over.

import Platform
import Synchronization

/// Faults and files of a simulated disk.
final class MemoryFileStore: FileStore {
    /// A change of a file's contents.
    struct Change {
        var offset: Int
        /// What was written; nothing for a change of size.
        var bytes: [UInt8]
        /// Whether this sets the size to `offset` and writes nothing.
        var isTruncation = false
    }

    /// An inode.
    struct File {
        var written: [UInt8] = []
        var synced: [UInt8] = []
        /// Changes since the last sync, oldest first.
        var unsynced: [Change] = []
    }

    /// What can be made to fail.
    enum Operation: CaseIterable {
        case open, list, createDirectory, rename, remove, syncDirectory, lock, identity
        case size, read, write, sync, truncate
    }

    /// Operations that fail.
    struct Fault {
        /// Nil for any.
        var operation: Operation?
        /// How the last part of the path begins.
        var name = ""
        /// Operations of this kind that still succeed.
        var after = 0
        /// The system's error number; 0 makes a read short.
        var code = ErrorNumber.inputOutput
        /// Whether all later ones fail too.
        var lasts = false
    }

    /// A change of names that a power cut may undo.
    enum NameChange {
        case set(String, inode: Int)
        case remove(String)
    }

    struct State {
        var inodes: [Int: File] = [:]
        var names: [String: Int] = [:]
        /// The names that survive a power cut, and changes after them.
        var syncedNames: [String: Int] = [:]
        var unsyncedNames: [NameChange] = []
        var nextInode = 1
        var locked: Set<String> = []
        /// Bytes all files together may have.
        var capacity = Int.max
        /// Files that may not be opened.
        var forbidden: Set<String> = []
        var faults: [Fault] = []
        /// Fails writes and syncs whose number, counted down, has come; nil never.
        var failWriteAfter: Int?
        /// Whether the write that `failWriteAfter` names is the only one to fail.
        var failsOnce = false
        var failSyncs = 0
        /// Only files whose name begins so fail to be written.
        var failingName = ""
        /// Whether a write that fails leaves a part of itself behind.
        var tearsFailedWrites = false
        /// Syncs of files whose name begins so do nothing and say that all is well: the one that comes after this many
        /// others, or all of them.
        var lie: (name: String, after: Int, lasts: Bool)?
        /// Syncs that lied.
        var lies = 0
        var writes = 0
        /// Operations so far.
        var operations = 0
        /// The operation at which the process is stopped.
        var crashAt: Int?
        /// Nothing is changed any more.
        var isDead = false
        /// The process was stopped within a write, which may have come part of the way.
        var isDyingInWrite = false
        /// Called when a file is about to be synced, without any lock of the simulation.
        var onSync: (@Sendable (String) -> Void)?
        /// Called before each operation, without any lock of the simulation.
        var onOperation: (@Sendable (Operation, String) -> Void)?

        /// What is in memory does not survive a power cut.
        mutating func forgetMemory() {
            names = names.filter { !$0.key.hasPrefix("/shm/") }
        }
    }

    let state = Mutex(State())

    func withFile<R>(_ path: String, _ body: (inout File) -> R) -> R {
        state.withLock { state in
            let inode = state.inode(path)
            return body(&state.inodes[inode, default: File()])
        }
    }

    func contents(_ path: String) -> [UInt8] { state.withLock { $0.files[path]?.written ?? [] } }

    var isDead: Bool { state.withLock { $0.isDead } }

    /// A copy as another process would find it after this one was killed.
    func afterKill() -> MemoryFileStore {
        copy { state in
            let used = Set(state.names.values).union(state.syncedNames.values)
            for inode in state.inodes.keys where !used.contains(inode) { state.inodes[inode] = nil }
        }
    }

    /// A copy after a power cut: synced bytes, and of each unsynced write what `keep` says; all names are kept.
    func afterPowerCut(keep: (_ path: String, _ write: Int, _ count: Int) -> Int) -> MemoryFileStore {
        copy { state in
            state.forgetMemory()
            for (path, inode) in state.names.sorted(by: { $0.key < $1.key }) {
                guard let file = state.inodes[inode] else { continue }
                var bytes = file.synced
                for (number, change) in file.unsynced.enumerated() {
                    MemoryFile.apply(
                        change,
                        prefix: keep(path, number, change.bytes.count),
                        to: &bytes
                    )
                }
                state.inodes[inode] = File(written: bytes, synced: bytes)
            }
            state.settleNames()
        }
    }

    /// A copy after a power cut that keeps any part of what was not synced.
    func afterPowerCut(using random: inout SeededGenerator) -> MemoryFileStore {
        var chance = random
        defer { random = chance }
        return copy { state in
            let kept = Int.random(in: 0...state.unsyncedNames.count, using: &chance)
            var names = state.syncedNames
            for change in state.unsyncedNames.prefix(kept) { State.apply(change, to: &names) }
            state.names = names.filter { !$0.key.hasPrefix("/shm/") }
            state.settleNames()
            let used = Set(names.values)
            // Most cuts come when little has reached the disk, or nearly all.
            let share = Int.random(in: 0...4, using: &chance)
            for inode in state.inodes.keys.sorted() {
                guard used.contains(inode), let file = state.inodes[inode] else {
                    state.inodes[inode] = nil
                    continue
                }
                var bytes = file.synced
                for change in file.unsynced {
                    MemoryFile.applyPart(of: change, share: share, to: &bytes, using: &chance)
                }
                state.inodes[inode] = File(written: bytes, synced: bytes)
            }
        }
    }

    /// Flips bits of what is on the disk, as it goes with age; returns how many.
    @discardableResult
    func rot(_ flips: Int, using random: inout SeededGenerator) -> Int {
        var chance = random
        defer { random = chance }
        return state.withLock { state in
            var done = 0
            let paths = state.names.keys.sorted().filter { !$0.hasPrefix("/shm/") }
            guard !paths.isEmpty else { return 0 }
            for _ in 0..<flips {
                let path = paths[Int.random(in: 0..<paths.count, using: &chance)]
                guard let inode = state.names[path], let file = state.inodes[inode],
                    !file.written.isEmpty
                else { continue }
                // Where the data is; most of a small log is zeros.
                var place = Int.random(in: 0..<file.written.count, using: &chance)
                for _ in 0..<8 where file.written[place] == 0 {
                    place = Int.random(in: 0..<file.written.count, using: &chance)
                }
                let bit: UInt8 = 1 << UInt8.random(in: 0...7, using: &chance)
                state.inodes[inode]?.written[place] ^= bit
                if place < file.synced.count { state.inodes[inode]?.synced[place] ^= bit }
                done += 1
            }
            return done
        }
    }

    private func copy(_ change: (inout State) -> Void) -> MemoryFileStore {
        let copy = MemoryFileStore()
        let old = state.withLock { $0 }
        copy.state.withLock { state in
            state.inodes = old.inodes
            state.names = old.names
            state.syncedNames = old.syncedNames
            state.unsyncedNames = old.unsyncedNames
            state.nextInode = old.nextInode
            state.capacity = old.capacity
            state.forbidden = old.forbidden
            state.lie = old.lie
            state.tearsFailedWrites = old.tearsFailedWrites
            change(&state)
        }
        return copy
    }

    // MARK: - FileStore

    func open(_ path: String, _ mode: FileMode) throws(FileError) -> any StorageFile {
        let inode = try perform(.open, path) { state throws(FileError) in
            if state.forbidden.contains(path) {
                throw FileError(operation: "open", path: path, code: ErrorNumber.accessDenied)
            }
            if let known = state.names[path] { return known }
            guard mode == .create || mode == .createPrivate else {
                throw FileError(operation: "open", path: path, code: ErrorNumber.missing)
            }
            return state.inode(path)
        }
        return MemoryFile(store: self, path: path, inode: inode)
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        try perform(.list, directory) { state in
            state.names.keys.filter { $0.hasPrefix(directory + "/") }
                .map { String($0.dropFirst(directory.count + 1)) }.sorted()
        }
    }

    func createDirectory(_ path: String) throws(FileError) {
        try perform(.createDirectory, path) { _ in }
    }

    func rename(_ from: String, to: String) throws(FileError) {
        try perform(.rename, from) { state throws(FileError) in
            guard let inode = state.names[from] else {
                throw FileError(operation: "rename", path: from, code: ErrorNumber.missing)
            }
            state.change(.remove(from))
            state.change(.set(to, inode: inode))
            // Who may open a file is the file's, not the name's.
            if state.forbidden.remove(from) != nil { state.forbidden.insert(to) }
        }
    }

    func remove(_ path: String) throws(FileError) {
        try perform(.remove, path) { state throws(FileError) in
            guard state.names[path] != nil else {
                throw FileError(operation: "unlink", path: path, code: ErrorNumber.missing)
            }
            state.change(.remove(path))
        }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try perform(.syncDirectory, path) { state in
            if state.lies(about: path) { return }
            state.settleNames()
        }
    }

    func lock(_ path: String) throws(FileError) -> FileLock? {
        let isFree = try perform(.lock, path) { $0.locked.insert(path).inserted }
        guard isFree else { return nil }
        return FileLock { [weak self] in
            self?.state.withLock { _ = $0.locked.remove(path) }
        }
    }

    func identity(_ path: String) throws(FileError) -> FileIdentity? {
        try perform(.identity, path) { state throws(FileError) in
            guard let inode = state.names[path] else { return nil }
            if state.forbidden.contains(path) {
                throw FileError(operation: "access", path: path, code: ErrorNumber.accessDenied)
            }
            return FileIdentity(device: 1, inode: UInt64(inode))
        }
    }

    func freeBytes(_ path: String) throws(FileError) -> Int64 {
        state.withLock { $0.capacity == .max ? 1 << 40 : Int64($0.capacity - $0.bytes) }
    }

    /// Counts an operation and does it, unless it is to fail.
    fileprivate func perform<R>(
        _ operation: Operation,
        _ path: String,
        _ body: (inout State) throws(FileError) -> R
    ) throws(FileError) -> R {
        if let hook = state.withLock({ $0.onOperation }) { hook(operation, path) }
        return try state.withLock { state throws(FileError) in
            try state.check(operation, path)
            return try body(&state)
        }
    }
}

extension MemoryFileStore.State {
    /// Files by name, for looking into and for changing a disk at rest.
    var files: [String: MemoryFileStore.File] {
        get { names.compactMapValues { inodes[$0] } }
        set {
            for name in names.keys where newValue[name] == nil {
                names[name] = nil
                syncedNames[name] = nil
            }
            for (name, file) in newValue { inodes[inode(name)] = file }
        }
    }

    /// Bytes in all files.
    var bytes: Int { names.values.reduce(0) { $0 + (inodes[$1]?.written.count ?? 0) } }

    /// The inode of a name, created when missing.
    mutating func inode(_ path: String) -> Int {
        if let known = names[path] { return known }
        let inode = nextInode
        nextInode += 1
        inodes[inode] = MemoryFileStore.File()
        change(.set(path, inode: inode))
        return inode
    }

    mutating func change(_ change: MemoryFileStore.NameChange) {
        Self.apply(change, to: &names)
        unsyncedNames.append(change)
    }

    mutating func settleNames() {
        syncedNames = names
        unsyncedNames = []
    }

    static func apply(_ change: MemoryFileStore.NameChange, to names: inout [String: Int]) {
        switch change {
        case .set(let name, let inode): names[name] = inode
        case .remove(let name): names[name] = nil
        }
    }

    /// Whether this sync is to lie.
    mutating func lies(about path: String) -> Bool {
        guard let lie, MemoryFileStore.lastPart(path).hasPrefix(lie.name) else { return false }
        guard lie.after <= 0 else {
            self.lie?.after -= 1
            return false
        }
        if !lie.lasts { self.lie = nil }
        lies += 1
        return true
    }

    /// Counts an operation; throws when it is to fail.
    mutating func check(_ operation: MemoryFileStore.Operation, _ path: String) throws(FileError) {
        let failure = FileError(operation: "\(operation)", path: path, code: ErrorNumber.inputOutput)
        if isDead { throw failure }
        operations += 1
        if let crashAt, operations >= crashAt {
            isDead = true
            isDyingInWrite = operation == .write
            throw failure
        }
        let name = MemoryFileStore.lastPart(path)
        for place in faults.indices {
            let fault = faults[place]
            guard fault.operation == nil || fault.operation == operation, name.hasPrefix(fault.name)
            else { continue }
            guard fault.after <= 0 else {
                faults[place].after -= 1
                continue
            }
            if !fault.lasts { faults.remove(at: place) }
            throw FileError(operation: "\(operation)", path: path, code: fault.code)
        }
    }
}

extension MemoryFileStore {
    fileprivate static func lastPart(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }
}

/// An open file of the simulated disk.
final class MemoryFile: StorageFile {
    let store: MemoryFileStore
    let path: String
    let inode: Int

    init(store: MemoryFileStore, path: String, inode: Int) {
        self.store = store
        self.path = path
        self.inode = inode
    }

    func identity() throws(FileError) -> FileIdentity { FileIdentity(device: 1, inode: UInt64(inode)) }

    func size() throws(FileError) -> Int64 {
        try store.perform(.size, path) { Int64($0.inodes[inode]?.written.count ?? 0) }
    }

    func read(at offset: Int64, count: Int) throws(FileError) -> [UInt8] {
        do throws(FileError) {
            return try store.perform(.read, path) { read($0, offset, count) }
        } catch {
            guard error.code == 0 else { throw error }
            return store.state.withLock { read($0, offset, count / 2) }
        }
    }

    private func read(_ state: borrowing MemoryFileStore.State, _ offset: Int64, _ count: Int) -> [UInt8] {
        guard let bytes = state.inodes[inode]?.written else { return [] }
        let start = min(max(0, Int(offset)), bytes.count)
        return Array(bytes[start..<min(start + max(0, count), bytes.count)])
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
        let data = bytes.withUnsafeBytes { Array($0) }
        do throws(FileError) {
            try store.perform(.write, path) { state throws(FileError) in
                state.writes += 1
                try failAsTold(&state)
                let size = state.inodes[inode]?.written.count ?? 0
                let growth = max(0, Int(offset) + data.count - size)
                guard growth == 0 || state.capacity == .max || state.bytes + growth <= state.capacity
                else { throw FileError(operation: "pwrite", path: path, code: ErrorNumber.noSpace) }
                put(data, at: Int(offset), &state)
            }
        } catch {
            // A process that dies within a write, and a write that fails, may have come part of the way.
            store.state.withLock { state in
                guard state.isDyingInWrite || (state.tearsFailedWrites && !state.isDead) else { return }
                state.isDyingInWrite = false
                let size = state.inodes[inode]?.written.count ?? 0
                var part = data.count * (state.operations % 4) / 3
                // A signal ends a write between two pages of memory, not within one.
                if state.isDead { part = max(0, (Int(offset) + part) / 4096 * 4096 - Int(offset)) }
                guard part > 0, Int(offset) + part <= size else { return }
                put(Array(data.prefix(part)), at: Int(offset), &state)
            }
            throw error
        }
    }

    private func put(_ data: [UInt8], at offset: Int, _ state: inout MemoryFileStore.State) {
        MemoryFile.put(data[...], at: offset, in: &state.inodes[inode, default: .init()].written)
        state.inodes[inode]?.unsynced.append(MemoryFileStore.Change(offset: offset, bytes: data))
    }

    private func failAsTold(_ state: inout MemoryFileStore.State) throws(FileError) {
        guard let left = state.failWriteAfter,
            MemoryFileStore.lastPart(path).hasPrefix(state.failingName)
        else { return }
        guard left > 0 else {
            if state.failsOnce { state.failWriteAfter = nil }
            throw FileError(operation: "pwrite", path: path, code: ErrorNumber.inputOutput)
        }
        state.failWriteAfter = left - 1
    }

    func syncData() throws(FileError) {
        store.state.withLock { $0.onSync }?(path)
        do throws(FileError) {
            try store.perform(.sync, path) { state throws(FileError) in
                if state.failSyncs > 0 {
                    state.failSyncs -= 1
                    throw FileError(operation: "fdatasync", path: path, code: ErrorNumber.inputOutput)
                }
                if state.lies(about: path) { return }
                guard let file = state.inodes[inode] else { return }
                state.inodes[inode] = MemoryFileStore.File(written: file.written, synced: file.written)
            }
        } catch {
            // As Linux does: the pages are clean afterwards, and what they held may be gone.
            store.state.withLock { state in
                if !state.isDead { state.inodes[inode]?.unsynced.removeAll() }
            }
            throw error
        }
    }

    func truncate(to size: Int64) throws(FileError) {
        try store.perform(.truncate, path) { state in
            let change = MemoryFileStore.Change(offset: Int(size), bytes: [], isTruncation: true)
            MemoryFile.apply(change, prefix: 0, to: &state.inodes[inode, default: .init()].written)
            state.inodes[inode]?.unsynced.append(change)
        }
    }

    /// Applies the first bytes of a change.
    static func apply(_ change: MemoryFileStore.Change, prefix: Int, to bytes: inout [UInt8]) {
        guard change.isTruncation else {
            if prefix > 0 { put(change.bytes.prefix(prefix), at: change.offset, in: &bytes) }
            return
        }
        if bytes.count > change.offset { bytes.removeLast(bytes.count - change.offset) }
        bytes += [UInt8](repeating: 0, count: change.offset - bytes.count)
    }

    /// Applies what a power cut leaves of a change: `share` 0 mostly nothing … 4 mostly all.
    static func applyPart(
        of change: MemoryFileStore.Change,
        share: Int,
        to bytes: inout [UInt8],
        using random: inout SeededGenerator
    ) {
        let isKept = Int.random(in: 0..<4, using: &random) < share
        guard !change.isTruncation else {
            if isKept { apply(change, prefix: 0, to: &bytes) }
            return
        }
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            apply(change, prefix: Int.random(in: 0...change.bytes.count, using: &random), to: &bytes)
        case 1:
            applySectors(of: change, to: &bytes, using: &random)
        case 2 where !isKept:
            // The size reached the disk, the data did not.
            let end = change.offset + change.bytes.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        default:
            if isKept { apply(change, prefix: change.bytes.count, to: &bytes) }
        }
    }

    private static let sectorSize = 512

    private static func applySectors(
        of change: MemoryFileStore.Change,
        to bytes: inout [UInt8],
        using random: inout SeededGenerator
    ) {
        var start = 0
        while start < change.bytes.count {
            let end = min(
                change.bytes.count,
                start + sectorSize - (change.offset + start) % sectorSize
            )
            if Bool.random(using: &random) {
                put(change.bytes[start..<end], at: change.offset + start, in: &bytes)
            }
            start = end
        }
    }

    static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, in target: inout [UInt8]) {
        if target.count < offset { target += [UInt8](repeating: 0, count: offset - target.count) }
        let overlap = min(bytes.count, target.count - offset)
        target.replaceSubrange(
            offset..<(offset + overlap),
            with: bytes[bytes.startIndex..<(bytes.startIndex + overlap)]
        )
        target += bytes.dropFirst(overlap)
    }
}
