// SPDX-License-Identifier: Apache-2.0
//
// What can keep a store from opening or from doing its upkeep. Damaged data is never among it: that is skipped,
// counted and reported in StoreStatistics.recovery.

public import Platform

/// Why a store could not open, or could not do its upkeep this time.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process holds the data directory.
    case locked(String)
    /// Another directory, such as a restored one, was put in the place of the one in use.
    case replaced(String)
    /// The directory or a file in it may not be written.
    case notWritable(FileError)
    /// The directory may not be read.
    case notReadable(FileError)
    /// There is no room for the files a new store needs.
    case outOfSpace(FileError)
    /// An option is outside its bounds; the text says which and why.
    case invalidOption(String)
    /// The directory has data encrypted with another key than the one given; nothing was changed.
    case wrongKey(directory: String, fingerprint: String, given: String)
    /// The directory has encrypted data and no key was given; nothing was changed.
    case keyMissing(directory: String, fingerprint: String)
    /// A key was given and the directory has data that is not encrypted; nothing was changed.
    case notEncrypted(directory: String, file: String)
    /// The directory holds no files of a store.
    case notADataDirectory(String)
    /// Another file operation failed.
    case file(FileError)

    /// Whether the directory is no longer this process's.
    public var endsUse: Bool {
        switch self {
        case .locked, .replaced: true
        default: false
        }
    }

    /// The value as text for messages.
    public var description: String {
        switch self {
        case .locked(let directory):
            "data directory \(directory) is in use by another process"
        case .replaced(let directory):
            "data directory \(directory) was replaced while it was in use; start again to use what is there now"
        case .notWritable(let error): "data directory is not writable: \(error)"
        case .notReadable(let error): "data directory is not readable: \(error)"
        case .outOfSpace(let error): "no space for the store: \(error)"
        case .invalidOption(let text): text
        case .wrongKey(let directory, let fingerprint, let given):
            "the data in \(directory) is encrypted with the key \(fingerprint), and storage.encryption names the "
                + "key \(given); nothing was changed. Configure the former key, or move the data away to begin anew"
        case .keyMissing(let directory, let fingerprint):
            "the data in \(directory) is encrypted with the key \(fingerprint), and none is configured; nothing was "
                + "changed. Set storage.encryption to that key, or move the data away to begin anew"
        case .notEncrypted(let directory, let file):
            "\(file) in \(directory) has data that is not encrypted, and storage.encryption has a key; nothing was "
                + "changed. Set storage.encryption.accept_plaintext: true to read it on until the ring has come round, "
                + "or move the data away to begin anew"
        case .notADataDirectory(let directory): "\(directory) is no data directory"
        case .file(let error): error.description
        }
    }

    /// Sorts a file error into the cases.
    init(_ error: FileError) {
        switch error.code {
        case ErrorNumber.accessDenied, ErrorNumber.readOnly: self = .notWritable(error)
        case _ where error.isOutOfSpace: self = .outOfSpace(error)
        default: self = .file(error)
        }
    }
}
