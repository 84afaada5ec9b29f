// SPDX-License-Identifier: Apache-2.0
//
// The seam between the HTTP server and the collector for pushes other than remote write; crossed once per request, and as
// there the caller's thread is used for as long as it takes.

/// What became of a request of OpenTelemetry's protocol.
public struct OTLPReport: Sendable, Equatable {
    /// How it ended.
    public var verdict = RemoteWriteReport.Verdict.stored
    /// Data points in it.
    public var points = 0
    /// Data points not stored, or not all of their series.
    public var rejected = 0
    /// Why, a line each; the first few.
    public var reasons: [String] = []
    /// Samples and histograms it became, stored or not.
    public var elements = 0

    /// Creates the report of an empty request.
    public init() {}
}

/// What became of an import of text.
public struct ImportReport: Sendable, Equatable {
    /// How it ended.
    public var verdict = RemoteWriteReport.Verdict.stored
    /// Samples stored, those the store had already included.
    public var samples = 0
    /// Lines that could not be read.
    public var badLines = 0
    /// Samples and series the store refused.
    public var refused = 0
    /// Why, a line each; the first few.
    public var reasons: [String] = []

    /// Creates the report of an empty request.
    public init() {}
}

/// What a request asks of the gateway.
public struct GatewayRequest: Sendable, Equatable {
    /// What is done to the group.
    public enum Change: Sendable {
        /// Its families become those pushed (PUT).
        case replaceAll
        /// Its families of the names pushed become those (POST).
        case replaceNamed
        /// It goes.
        case delete
    }

    /// The group.
    public let key: GroupingKey
    /// What is done to it.
    public let change: Change
    /// The format of the body.
    public let format: ExpositionFormat

    /// Creates a request.
    public init(key: GroupingKey, change: Change, format: ExpositionFormat) {
        self.key = key
        self.change = change
        self.format = format
    }
}

/// What the gateway answers.
public struct GatewayReport: Sendable, Equatable {
    /// HTTP's status.
    public var status: Int
    /// A sentence for the client; may be empty.
    public var message: String
    /// Samples and histograms pushed.
    public var elements = 0

    /// Creates a report.
    public init(status: Int, message: String) {
        self.status = status
        self.message = message
    }
}

/// Takes what is pushed into the store.
public protocol PushReceiving: RemoteWriteReceiver {
    /// Stores a request of OpenTelemetry's protocol.
    ///
    /// - Parameters:
    ///   - body: the request's body as it came.
    ///   - encoding: how it is compressed.
    ///   - isJSON: whether it is JSON and not protobuf.
    /// - Returns: what became of it.
    func otlp(_ body: Span<UInt8>, _ encoding: PushEncoding, isJSON: Bool) -> OTLPReport

    /// Stores lines of the text format.
    ///
    /// - Parameters:
    ///   - body: the request's body as it came.
    ///   - encoding: how it is compressed.
    ///   - options: what series get.
    /// - Returns: what became of it.
    func importText(_ body: Span<UInt8>, _ encoding: PushEncoding, _ options: ImportOptions) -> ImportReport

    /// Does to the gateway's groups what a request asks for.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - body: the request's body as it came.
    ///   - encoding: how it is compressed.
    /// - Returns: what to answer.
    func gateway(_ request: GatewayRequest, _ body: Span<UInt8>, _ encoding: PushEncoding) -> GatewayReport
}
