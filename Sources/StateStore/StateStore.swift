// SPDX-License-Identifier: Apache-2.0
//
// Small durable state: sync cursors, alert state, learned models. A few writes a second at most, kilobytes in all.
//
// Promises: what was put survives a kill at once and, when put durably, a power cut; a transaction is there whole or
// not at all; opening never fails because of a damaged file. Such a file is renamed aside and a new one begun: losing
// a cursor means sending some samples twice, losing the daemon would mean losing all of them.
//
// Calls block for the time of one fsync when durable; nobody calls this per sample.

internal import Platform
internal import Synchronization

/// Durable key-value tables in one SQLite file.
public final class StateStore: Sendable {
    /// Whether the file found at the path was damaged and has been renamed aside.
    public let wasDamaged: Bool
    /// Where the damaged file is now, nil when there was none.
    public let damagedPath: String?

    private let connection: Mutex<SQLiteConnection>

    /// Opens a database, creating it when missing.
    ///
    /// - Parameter path: the file; `:memory:` keeps everything in memory, for tests.
    /// - Throws: when the file cannot be read or written, is of another program, or of a newer format.
    public init(path: String) throws(StateStoreError) {
        var aside: String?
        let opened: SQLiteConnection
        do {
            opened = try SQLiteConnection(path: path)
        } catch {
            guard error.isDamage, path != ":memory:" else { throw error }
            aside = try Self.moveAside(path)
            opened = try SQLiteConnection(path: path)
        }
        wasDamaged = aside != nil
        damagedPath = aside
        connection = Mutex(opened)
    }

    /// The value of a key, nil when there is none.
    public func get(_ table: String, _ key: String) throws(StateStoreError) -> [UInt8]? {
        try connection.withLock { (connection) throws(StateStoreError) in try connection.get(table, key) }
    }

    /// Sets the value of a key; durable on return.
    public func put(_ table: String, _ key: String, _ value: [UInt8]) throws(StateStoreError) {
        try put(table, key, value, isDurable: true)
    }

    /// Sets the value of a key.
    ///
    /// - Parameters:
    ///   - table: the table's name, any text.
    ///   - key: the key, any text.
    ///   - value: the bytes.
    ///   - isDurable: true makes it survive a power cut before returning (one fsync); false lets the kernel
    ///     write it in its own time, which spares flash: it survives a kill of the process, and the next
    ///     durable put covers it.
    /// - Throws: what SQLite reports.
    public func put(
        _ table: String,
        _ key: String,
        _ value: [UInt8],
        isDurable: Bool
    ) throws(StateStoreError) {
        try connection.withLock { (connection) throws(StateStoreError) in
            try connection.transaction(isDurable: isDurable) { () throws(StateStoreError) in
                try connection.put(table, key, value)
            }
        }
    }

    /// Sets several keys of one table in one transaction: all or none; durable on return.
    public func putAll(
        _ table: String,
        _ entries: [(key: String, value: [UInt8])]
    ) throws(StateStoreError) {
        guard !entries.isEmpty else { return }
        try connection.withLock { (connection) throws(StateStoreError) in
            try connection.transaction(isDurable: true) { () throws(StateStoreError) in
                for entry in entries { try connection.put(table, entry.key, entry.value) }
            }
        }
    }

    /// Makes several changes, of any tables, in one transaction: all or none.
    ///
    /// - Parameters:
    ///   - changes: made in this order; of several changes of one key the last holds.
    ///   - isDurable: as for `put`.
    /// - Throws: what SQLite reports; then nothing has changed.
    public func apply(_ changes: [StateChange], isDurable: Bool) throws(StateStoreError) {
        guard !changes.isEmpty else { return }
        try connection.withLock { (connection) throws(StateStoreError) in
            try connection.transaction(isDurable: isDurable) { () throws(StateStoreError) in
                for change in changes {
                    if let value = change.value {
                        try connection.put(change.table, change.key, value)
                    } else {
                        try connection.remove(change.table, change.key)
                    }
                }
            }
        }
    }

    /// Removes a key, durably; a missing key is fine.
    public func remove(_ table: String, _ key: String) throws(StateStoreError) {
        try connection.withLock { (connection) throws(StateStoreError) in
            try connection.transaction(isDurable: true) { () throws(StateStoreError) in
                try connection.remove(table, key)
            }
        }
    }

    /// Every entry of a table in key order.
    public func all(_ table: String) throws(StateStoreError) -> [(key: String, value: [UInt8])] {
        try connection.withLock { (connection) throws(StateStoreError) in try connection.all(table) }
    }

    /// Renames the database and its log, so that SQLite begins a new one.
    ///
    /// - Returns: the new path of the database.
    private static func moveAside(_ path: String) throws(StateStoreError) -> String {
        let files = SystemFileStore()
        // One at a time: the flash is small, and what was damaged before says no more than this one.
        let suffix = ".damaged"
        for file in ["-wal", "-shm", ""] {
            do {
                try files.rename(path + file, to: path + suffix + file)
            } catch {
                if error.isMissing, !file.isEmpty { continue }
                throw StateStoreError(
                    operation: "open",
                    path: path,
                    code: 0,
                    message: "is damaged and cannot be set aside: \(error)"
                )
            }
        }
        return path + suffix
    }
}
