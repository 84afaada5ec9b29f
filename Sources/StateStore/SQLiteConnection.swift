// SPDX-License-Identifier: Apache-2.0
//
// One SQLite connection with its prepared statements. Whoever holds it calls it from one thread at a time (it lives
// inside StateStore's mutex), so the library is opened without its own locks.
//
// One table for everything, because each is small and the names are data, not schema:
//
//     entries(bucket TEXT, key TEXT, value BLOB, PRIMARY KEY (bucket, key)) WITHOUT ROWID
//
// The journal is a write-ahead log (https://sqlite.org/wal.html): a commit appends the changed pages and, when it is
// to be durable, makes one fsync; a kill -9 loses nothing committed either way, a power cut loses commits that were
// not durable and never the older ones.

internal import CSQLite
internal import Platform

/// A prepared statement, an index into the connection's table.
enum Statement: Int, CaseIterable {
    case get
    case put
    case remove
    case all
    case begin
    case commit
    case rollback

    var sql: String {
        switch self {
        case .get: "SELECT value FROM entries WHERE bucket = ?1 AND key = ?2"
        case .put: "INSERT OR REPLACE INTO entries (bucket, key, value) VALUES (?1, ?2, ?3)"
        case .remove: "DELETE FROM entries WHERE bucket = ?1 AND key = ?2"
        case .all: "SELECT key, value FROM entries WHERE bucket = ?1 ORDER BY key"
        case .begin: "BEGIN IMMEDIATE"
        case .commit: "COMMIT"
        case .rollback: "ROLLBACK"
        }
    }
}

final class SQLiteConnection {
    /// Marks a database as edgewatch's ("edgw"), so that another program's file is refused and not written to.
    static let applicationID: Int32 = 0x6564_6777
    /// The version of the schema above.
    static let schemaVersion: Int32 = 1
    /// A version beyond this is damage and not the work of a newer edgewatch.
    static let highestPlausibleVersion: Int32 = 999

    let path: String
    private var database: OpaquePointer?
    private var statements: [OpaquePointer?] = []
    private var isFullySynchronous = false

    /// Opens and checks the database, creating the schema when it is new.
    init(path: String) throws(StateStoreError) {
        self.path = path
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
        try check(sqlite3_open_v2(path, &database, flags, nil), "open")
        // The daemon is the only writer; a person looking with the sqlite3 shell may hold the lock for a moment.
        sqlite3_busy_timeout(database, 5000)
        // 256 KiB of page cache, and a log that is folded back after 64 pages and kept at most that long.
        for pragma in [
            "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -256",
            "PRAGMA wal_autocheckpoint = 64", "PRAGMA journal_size_limit = 524288",
        ] {
            try run(pragma, "open")
        }
        try checkIdentity()
        try checkIntegrity()
        for statement in Statement.allCases {
            var prepared: OpaquePointer?
            try check(
                sqlite3_prepare_v3(
                    database,
                    statement.sql,
                    -1,
                    UInt32(SQLITE_PREPARE_PERSISTENT),
                    &prepared,
                    nil
                ),
                "open"
            )
            statements.append(prepared)
        }
    }

    deinit {
        for statement in statements { sqlite3_finalize(statement) }
        sqlite3_close_v2(database)
    }

    // MARK: - Verbs

    func get(_ bucket: String, _ key: String) throws(StateStoreError) -> [UInt8]? {
        let statement = statements[Statement.get.rawValue]
        defer { reset(statement) }
        try bind(statement, 1, bucket)
        try bind(statement, 2, key)
        return try step(statement, "get") ? blob(statement, 0) : nil
    }

    func put(_ bucket: String, _ key: String, _ value: [UInt8]) throws(StateStoreError) {
        let statement = statements[Statement.put.rawValue]
        defer { reset(statement) }
        try bind(statement, 1, bucket)
        try bind(statement, 2, key)
        try check(
            value.withUnsafeBytes { bytes in
                // A nil pointer would store NULL instead of an empty value.
                bytes.isEmpty
                    ? sqlite3_bind_zeroblob(statement, 3, 0)
                    : sqlite3_bind_blob64(statement, 3, bytes.baseAddress, UInt64(bytes.count), transient)
            },
            "put"
        )
        _ = try step(statement, "put")
    }

    func remove(_ bucket: String, _ key: String) throws(StateStoreError) {
        let statement = statements[Statement.remove.rawValue]
        defer { reset(statement) }
        try bind(statement, 1, bucket)
        try bind(statement, 2, key)
        _ = try step(statement, "remove")
    }

    func all(_ bucket: String) throws(StateStoreError) -> [(key: String, value: [UInt8])] {
        let statement = statements[Statement.all.rawValue]
        defer { reset(statement) }
        try bind(statement, 1, bucket)
        var entries: [(key: String, value: [UInt8])] = []
        while try step(statement, "all") {
            entries.append((text(statement, 0), blob(statement, 1)))
        }
        return entries
    }

    /// Runs the changes as one transaction: all or none.
    func transaction(
        isDurable: Bool,
        _ changes: () throws(StateStoreError) -> Void
    ) throws(StateStoreError) {
        // Only allowed outside a transaction, so here.
        if isDurable != isFullySynchronous {
            try run("PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")", "put")
            isFullySynchronous = isDurable
        }
        try execute(.begin)
        do {
            try changes()
            try execute(.commit)
        } catch {
            // The first error is the one to report; the rollback can fail only because SQLite already did it.
            try? execute(.rollback)
            throw error
        }
    }

    // MARK: - Opening

    private func checkIdentity() throws(StateStoreError) {
        let application = try pragmaNumber("application_id")
        let version = try pragmaNumber("user_version")
        let tables = try number("SELECT count(*) FROM sqlite_master")
        if application == 0, version == 0, tables == 0 {
            try run(
                """
                BEGIN IMMEDIATE;
                CREATE TABLE entries (bucket TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
                    PRIMARY KEY (bucket, key)) WITHOUT ROWID;
                PRAGMA application_id = \(Self.applicationID);
                PRAGMA user_version = \(Self.schemaVersion);
                COMMIT;
                """,
                "open"
            )
            return
        }
        guard application == Self.applicationID else {
            let isOurs = try number("SELECT count(*) FROM sqlite_master WHERE name = 'entries'") == 1
            throw isOurs
                ? failure("open", SQLITE_CORRUPT, "has a damaged header")
                : failure("open", 0, "is a database of another program")
        }
        // No release writes such a number; a flipped bit does.
        guard (1...Self.highestPlausibleVersion).contains(version) else {
            throw failure("open", SQLITE_CORRUPT, "has a damaged header")
        }
        guard version <= Self.schemaVersion else {
            throw failure(
                "open",
                0,
                "has format \(version), this edgewatch knows up to \(Self.schemaVersion); use a newer one"
            )
        }
    }

    /// Looks at every page once; the database is small.
    private func checkIntegrity() throws(StateStoreError) {
        let answer = try answer("PRAGMA quick_check(1)")
        guard answer == "ok" else { throw failure("open", SQLITE_CORRUPT, answer) }
    }

    private func pragmaNumber(_ name: String) throws(StateStoreError) -> Int32 {
        try number("PRAGMA \(name)")
    }

    private func number(_ sql: String) throws(StateStoreError) -> Int32 {
        try Int32(answer(sql)) ?? 0
    }

    private func answer(_ sql: String) throws(StateStoreError) -> String {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(database, sql, -1, &statement, nil), "open")
        defer { sqlite3_finalize(statement) }
        return try step(statement, "open") ? text(statement, 0) : ""
    }

    private func run(_ sql: String, _ operation: String) throws(StateStoreError) {
        try check(sqlite3_exec(database, sql, nil, nil, nil), operation)
    }

    // MARK: - Statements

    private func execute(_ statement: Statement) throws(StateStoreError) {
        let prepared = statements[statement.rawValue]
        defer { reset(prepared) }
        _ = try step(prepared, "put")
    }

    /// True for a row, false at the end.
    private func step(_ statement: OpaquePointer?, _ operation: String) throws(StateStoreError) -> Bool {
        let code = sqlite3_step(statement)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        throw failure(operation, code)
    }

    private func reset(_ statement: OpaquePointer?) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    private func bind(
        _ statement: OpaquePointer?,
        _ index: Int32,
        _ text: String
    ) throws(StateStoreError) {
        var copy = text
        let code = copy.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // A nil pointer would bind NULL instead of the empty text.
                guard let base = characters.baseAddress else {
                    return sqlite3_bind_text(statement, index, "", 0, transient)
                }
                return sqlite3_bind_text64(
                    statement,
                    index,
                    base,
                    UInt64(bytes.count),
                    transient,
                    UInt8(SQLITE_UTF8)
                )
            }
        }
        try check(code, "bind")
    }

    private func text(_ statement: OpaquePointer?, _ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    private func blob(_ statement: OpaquePointer?, _ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(statement, column))
        guard count > 0, let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }

    // MARK: - Errors

    private func check(_ code: Int32, _ operation: String) throws(StateStoreError) {
        guard code == SQLITE_OK else { throw failure(operation, code) }
    }

    private func failure(_ operation: String, _ code: Int32, _ message: String? = nil) -> StateStoreError {
        let words = message ?? sqlite3_errmsg(database).map { String(cString: $0) } ?? "error \(code)"
        return StateStoreError(operation: operation, path: path, code: code & 0xff, message: words)
    }
}

/// SQLITE_TRANSIENT: SQLite copies what is bound before the call returns.
///
/// The manual defines it as the destructor pointer -1, which Swift cannot import as a macro.
private var transient: sqlite3_destructor_type? { unsafeBitCast(-1, to: sqlite3_destructor_type?.self) }

extension StateStoreError {
    /// Whether the file's contents are to blame and not the circumstances.
    var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
}
