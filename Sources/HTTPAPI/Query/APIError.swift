// SPDX-License-Identifier: Apache-2.0

internal import PromQL
internal import Samples
internal import Wire

/// A refused request, in the classes of Prometheus' API.
struct APIError: Error, Sendable, Equatable {
    /// `errorType` and the status that goes with it.
    enum Kind: String, Sendable {
        case badData = "bad_data"
        case execution
        case canceled
        case timeout
        case `internal`
        case notFound = "not_found"
        case unavailable

        var status: Int {
            switch self {
            case .badData: 400
            case .execution: 422
            case .canceled: 499
            case .timeout: 503
            case .internal: 500
            case .notFound: 404
            case .unavailable: 500
            }
        }
    }

    let kind: Kind
    let message: String
    /// The status when it is not the one of the kind.
    var status: Int?

    init(_ kind: Kind, _ message: String, status: Int? = nil) {
        self.kind = kind
        self.message = message
        self.status = status
    }

    /// A parameter that is wrong: `invalid parameter "time": …`.
    static func invalid(_ parameter: String, _ detail: String) -> APIError {
        APIError(.badData, "invalid parameter \"\(parameter)\": \(detail)")
    }

    /// What the engine refused.
    init(_ error: QueryError) {
        let kind: Kind =
            switch error.kind {
            case .badData: .badData
            case .execution: .execution
            case .timeout: .timeout
            case .canceled: .canceled
            case .internal: .internal
            }
        self.init(kind, error.message)
    }

    /// What the store could not read.
    init(_ error: SourceError) {
        switch error {
        case .unreadable(let reason): self.init(.execution, reason)
        }
    }

    /// The status of an answer.
    var httpStatus: Int { status ?? kind.status }

    /// The error as an answer.
    var reply: Reply {
        var writer = JSONWriter(capacity: 128)
        writer.beginObject()
        writer.key("status")
        writer.string("error")
        writer.key("errorType")
        writer.string(kind.rawValue)
        writer.key("error")
        writer.string(message)
        writer.endObject()
        return .json(writer.bytes, status: httpStatus)
    }
}
