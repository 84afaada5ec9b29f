// SPDX-License-Identifier: Apache-2.0

/// Why a pushed message was not decoded.
public struct RemoteWriteError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a sender can do about it.
    public enum Kind: Sendable {
        /// The bytes are not such a message.
        case malformed
        /// It holds more than the receiver takes at once.
        case tooLarge
    }

    /// What a sender can do about it.
    public let kind: Kind
    /// The value as text for messages.
    public let description: String

    /// Creates an error of a receiver's own.
    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }

    /// The bytes are no snappy block.
    public static func notCompressed(_ reason: String) -> RemoteWriteError {
        RemoteWriteError(.malformed, "the body is no snappy block: \(reason)")
    }

    static func malformed(_ expected: String, at offset: Int) -> RemoteWriteError {
        RemoteWriteError(.malformed, "corrupt message at byte \(offset): expected \(expected)")
    }

    static func invalid(_ reason: String) -> RemoteWriteError {
        RemoteWriteError(.malformed, reason)
    }

    static func tooLarge(_ most: Int, _ what: String) -> RemoteWriteError {
        RemoteWriteError(.tooLarge, "a message may have at most \(most) \(what)")
    }
}
