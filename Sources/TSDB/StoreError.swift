// SPDX-License-Identifier: Apache-2.0
//
// What can keep a store from opening or from doing its upkeep. Damaged data is never among it: that is skipped,
// counted and reported in StoreStatistics.recovery.

public import Platform

/// Why a store could not open, or could not do its upkeep this time.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Another process holds the data directory.
    case locked(String)
    /// The directory or a file in it may not be written.
    case notWritable(FileError)
    /// There is no room for the files a new store needs.
    case outOfSpace(FileError)
    /// An option is outside its bounds; the text says which and why.
    case invalidOption(String)
    /// Another file operation failed.
    case file(FileError)

    /// The value as text for messages.
    public var description: String {
        switch self {
        case .locked(let directory):
            "data directory \(directory) is in use by another process"
        case .notWritable(let error): "data directory is not writable: \(error)"
        case .outOfSpace(let error): "no space for the store: \(error)"
        case .invalidOption(let text): text
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
