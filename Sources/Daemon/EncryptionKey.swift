// SPDX-License-Identifier: Apache-2.0
//
// Brings the store's key from where the configuration says it is. Nothing here ever shows a key, or a part of a file
// that was taken for one.

public import Config
internal import Glibc
internal import Platform
public import TSDB

/// Reads the key of `storage.encryption`.
public enum EncryptionKey {
    /// A key's text has at most 65 bytes; what is much longer is another file.
    private static let limit = 4096
    /// Where systemd puts the credentials of a service.
    private static let credentialsVariable = "CREDENTIALS_DIRECTORY"

    /// The encryption of the store.
    ///
    /// - Parameter config: what the configuration says; nil is none.
    /// - Returns: the encryption with its key.
    /// - Throws: `DaemonError` with exit code 2 saying what was looked for and how to make it.
    public static func load(_ config: EncryptionConfig?) throws(DaemonError) -> StoreEncryption? {
        guard let config else { return nil }
        return StoreEncryption(key: try key(config.key), acceptsPlaintext: config.acceptsPlaintext)
    }

    /// What is unwise about where the key is; nil when nothing is.
    public static func warning(_ config: EncryptionConfig) -> String? {
        guard case .file(let path) = config.key else { return nil }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o007 != 0 else { return nil }
        return "storage.encryption.key_file \(path) can be read by every user; chmod 0400 it"
    }

    private static func key(_ source: EncryptionConfig.KeySource) throws(DaemonError) -> StoreKey {
        switch source {
        case .file(let path):
            return try key(inFile: path, "storage.encryption.key_file \(path)")
        case .environment(let name):
            let place = "storage.encryption.key_env \(name)"
            guard let value = getenv(name) else {
                throw DaemonError("\(place): no such environment variable", exitCode: 2)
            }
            return try key(Array(String(cString: value).utf8), place)
        case .credential(let name):
            let place = "storage.encryption.key_credential \(name)"
            guard let directory = getenv(credentialsVariable) else {
                throw DaemonError(
                    "\(place): systemd gave no credentials ($\(credentialsVariable) is not set); "
                        + "put LoadCredentialEncrypted=\(name):FILE into the unit",
                    exitCode: 2
                )
            }
            return try key(inFile: "\(String(cString: directory))/\(name)", place)
        }
    }

    private static func key(inFile path: String, _ place: String) throws(DaemonError) -> StoreKey {
        let contents: [UInt8]
        do {
            contents = try TextFile.read(path, limit: limit, mayBePipe: true)
        } catch {
            throw DaemonError("\(place): cannot be read: \(ErrorNumber.words(error.code))", exitCode: 2)
        }
        return try key(contents, place)
    }

    private static func key(_ contents: [UInt8], _ place: String) throws(DaemonError) -> StoreKey {
        do {
            return try StoreKey(contents: contents)
        } catch {
            throw DaemonError("\(place): \(error.description)", exitCode: 2)
        }
    }
}
