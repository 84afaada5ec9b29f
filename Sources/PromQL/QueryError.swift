// SPDX-License-Identifier: Apache-2.0
//
// Why a query has no answer. The message is worded as Prometheus words it, because people, dashboards and tests
// match on it.

/// A query that could not be parsed or evaluated.
public struct QueryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong, in the classes of Prometheus' HTTP API.
    public enum Kind: String, Sendable {
        /// The text is not a query, or a parameter is out of range.
        case badData = "bad_data"
        /// Evaluation failed.
        case execution
        /// The deadline passed.
        case timeout
        /// The caller gave up.
        case canceled
        /// The store could not be read.
        case `internal`
    }

    /// The class of the error.
    public let kind: Kind
    /// The reason, for example `1:5: parse error: unexpected end of input`.
    public let message: String

    /// Creates an error.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// The value as text for messages.
    public var description: String { message }
}
