// SPDX-License-Identifier: Apache-2.0
//
// What a store with a key writes and reads. It never writes plain. Plain data is read only when that is asked for: else
// whoever can write to the disk could put rows of his own beside the sealed ones.

/// How a store's files are encrypted.
public struct StoreEncryption: Sendable, Equatable {
    /// What new data is sealed with, and sealed data opened with.
    public var key: StoreKey
    /// Whether data that is not encrypted is read too; for a store that had no key before.
    public var acceptsPlaintext: Bool

    /// Creates the encryption of a store.
    public init(key: StoreKey, acceptsPlaintext: Bool = false) {
        self.key = key
        self.acceptsPlaintext = acceptsPlaintext
    }
}
