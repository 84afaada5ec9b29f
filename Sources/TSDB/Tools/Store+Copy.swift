// SPDX-License-Identifier: Apache-2.0
//
// A copy of a store in use. What is only in memory is sealed first; then, while nothing is sealed, the files of the rings
// and of the families are copied. The log is not: what comes in meanwhile is not part of the copy, whose log is
// empty. A copy is a data directory like any other, and is sealed with the same key.

internal import Platform
internal import Synchronization

extension Store {
    /// Bytes copied at once.
    private static let copyBytes = 1 << 20

    /// Copies the store into a directory, which is created.
    ///
    /// Seals wait until the copy is made; samples are taken on and stay in the log meanwhile.
    ///
    /// - Parameters:
    ///   - directory: the copy's directory, not yet there.
    ///   - skipsHead: leaves out what is not in segments yet.
    /// - Throws: `StoreError`, `.outOfSpace` before anything is written when the copy would take room that the rings will
    ///   need; what was written of a copy that failed is removed.
    public func copy(to directory: String, skipsHead: Bool = false) throws(StoreError) {
        if !skipsHead { try sealAll() }
        do throws(FileError) {
            try sealer.withLock { sealer throws(FileError) in
                let names = try files.list(options.directory).filter { isCopied($0) }
                var needed: Int64 = 0
                for name in names { needed += try files.open("\(options.directory)/\(name)", .read).size() }
                try checkRoom(needed)
                try files.createDirectory(directory)
                do throws(FileError) {
                    for name in names { try copy(name, to: directory) }
                    // A page of zeros is a log that was never begun.
                    let log = try files.open("\(directory)/log", .create)
                    try log.truncate(to: Int64(LogPage.size))
                    try files.syncDirectory(directory)
                } catch {
                    for name in names + ["log"] { try? files.remove("\(directory)/\(name)") }
                    throw error
                }
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Whether a file is part of a copy: those of the rings, and what is known of families.
    private func isCopied(_ name: String) -> Bool {
        guard name != FamilyFile.name else { return true }
        let rings = [Ring.samples] + options.tiers.map(\.name)
        return rings.contains { ring in Ring.numbers.contains { Ring.name($0, prefix: ring) == name } }
    }

    /// A copy must leave room for what the rings are still to grow by.
    private func checkRoom(_ needed: Int64) throws(FileError) {
        let free = try files.freeBytes(options.directory)
        let missing = head.withLock { head in
            var statistics = StoreStatistics()
            head.describe(&statistics)
            let tiers = zip(options.tiers, head.tiers).map { $1.statistics($0) }
            return tiers.reduce(max(0, options.ringBytes - statistics.ringBytesUsed)) {
                $0 + max(0, $1.ringBytes - $1.ringBytesUsed)
            }
        }
        guard free - missing >= needed else {
            throw FileError(operation: "copy", path: options.directory, code: ErrorNumber.noSpace)
        }
    }

    private func copy(_ name: String, to directory: String) throws(FileError) {
        let source = try files.open("\(options.directory)/\(name)", .read)
        let target = try files.open("\(directory)/\(name)", .create)
        let size = try source.size()
        try target.truncate(to: size)
        var offset: Int64 = 0
        while offset < size {
            let bytes = try source.read(at: offset, count: Store.copyBytes)
            guard !bytes.isEmpty else { break }
            // What was never written takes no room in the copy either.
            if bytes.contains(where: { $0 != 0 }) { try target.write(bytes, at: offset) }
            offset += Int64(bytes.count)
        }
        try target.syncData()
    }
}
