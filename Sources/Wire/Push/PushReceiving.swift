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
}
