// SPDX-License-Identifier: Apache-2.0

/// One change of one key, for `StateStore.apply`.
public struct StateChange: Sendable, Equatable {
    /// The table's name, any text.
    public var table: String
    /// The key, any text.
    public var key: String
    /// The new value; nil removes the key.
    public var value: [UInt8]?

    /// Creates a change.
    public init(_ table: String, _ key: String, _ value: [UInt8]?) {
        self.table = table
        self.key = key
        self.value = value
    }
}
