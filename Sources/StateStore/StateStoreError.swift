// SPDX-License-Identifier: Apache-2.0

/// A state operation SQLite or the file system refused.
public struct StateStoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done: `open`, `get`, `put`.
    public let operation: String
    /// The database file.
    public let path: String
    /// SQLite's primary result code (https://sqlite.org/rescode.html), 0 when SQLite was not asked.
    public let code: Int32
    /// What went wrong, in words.
    public let message: String

    /// Creates an error.
    public init(operation: String, path: String, code: Int32, message: String) {
        self.operation = operation
        self.path = path
        self.code = code
        self.message = message
    }

    /// The value as text for messages.
    public var description: String { "state \(operation) \(path): \(message)" }
}
