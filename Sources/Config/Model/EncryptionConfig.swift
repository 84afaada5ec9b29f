// SPDX-License-Identifier: Apache-2.0
//
// `storage.encryption`. The key itself is never in the configuration, which is copied, shown and versioned; it only
// says where the key is.

/// Encryption of the store's files.
public struct EncryptionConfig: Sendable, Equatable {
    /// Where the key is.
    public enum KeySource: Sendable, Equatable {
        /// In this file.
        case file(String)
        /// In the environment variable of this name.
        case environment(String)
        /// In the credential of this name that systemd hands to the service.
        case credential(String)
    }

    /// Where the key is.
    public var key: KeySource
    /// Whether data that is not encrypted is read on; for a store that had no key before.
    public var acceptsPlaintext: Bool

    /// Creates the settings.
    public init(key: KeySource, acceptsPlaintext: Bool = false) {
        self.key = key
        self.acceptsPlaintext = acceptsPlaintext
    }
}
