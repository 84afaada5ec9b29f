// SPDX-License-Identifier: Apache-2.0
//
// The seam between the HTTP server, which knows requests, and the collector, which knows how pushed series become rows of
// the store. Crossed once per request.

/// How a pushed body is compressed.
public enum RemoteWriteEncoding: Sendable {
    /// One snappy block, what the protocol asks for.
    case snappy
    /// One zstd frame, what vmagent sends to receivers that take it.
    case zstd
}

/// What became of a pushed request.
public struct RemoteWriteReport: Sendable, Equatable {
    /// How it ended.
    public enum Verdict: Sendable, Equatable {
        /// Everything that was not refused is stored.
        case stored
        /// The bytes are not what they should be; nothing is stored.
        case malformed(String)
        /// More than the receiver takes at once; nothing is stored.
        case tooLarge(String)
        /// The store cannot take samples now; the same request may be sent again whole.
        case unavailable(String)
    }

    /// How it ended.
    public var verdict = Verdict.stored
    /// Samples stored, those the store had already included.
    public var samples = 0
    /// Histograms stored, likewise.
    public var histograms = 0
    /// Exemplars stored, likewise.
    public var exemplars = 0
    /// Samples and histograms refused: for their time, for their counts, for want of room for their series.
    public var refused = 0
    /// Series refused for their labels, or because there is nothing in them.
    public var invalidSeries = 0
    /// Exemplars refused for their labels or their time.
    public var refusedExemplars = 0
    /// Why, a line each; the first few.
    public var reasons: [String] = []

    /// Creates a report of an empty request.
    public init() {}

    /// Reasons told at most; a sender logs them all, and they repeat.
    public static let reasonLimit = 10

    /// Adds a line unless it was said or there are enough.
    public mutating func note(_ reason: @autoclosure () -> String) {
        guard reasons.count < RemoteWriteReport.reasonLimit else { return }
        let reason = reason()
        if !reasons.contains(reason) { reasons.append(reason) }
    }
}

extension RemoteWriteReport {
    /// Samples and histograms the request had, stored or not: what a limit of a client's rate counts.
    public var elements: Int { samples + histograms + refused }
}

/// Takes pushed requests into the store.
public protocol RemoteWriteReceiver: Sendable {
    /// Bytes a body may have.
    var bodyLimit: Int { get }

    /// Whether a client has sent more than it may; asked before its body is read.
    ///
    /// - Parameter client: its address.
    /// - Returns: the seconds after which it may send again, nil when it may send now.
    func pause(for client: String) -> Int?

    /// Notes what a client has sent.
    ///
    /// - Parameters:
    ///   - samples: how many samples and histograms, stored or not.
    ///   - client: its address.
    func charge(_ samples: Int, to client: String)

    /// Decompresses, decodes and stores one request; blocks for as long as that takes.
    ///
    /// - Parameters:
    ///   - body: the request's body as it came.
    ///   - encoding: how it is compressed.
    ///   - version: which message is in it.
    /// - Returns: what became of it.
    func receive(
        _ body: Span<UInt8>,
        _ encoding: RemoteWriteEncoding,
        _ version: RemoteWriteVersion
    ) -> RemoteWriteReport
}

extension RemoteWriteReceiver {
    /// What Prometheus' default requests have a hundred times over.
    public static var standardBodyLimit: Int { 16 << 20 }

    /// 16 MiB.
    public var bodyLimit: Int { Self.standardBodyLimit }

    /// Never.
    public func pause(for client: String) -> Int? { nil }

    /// Notes nothing.
    public func charge(_ samples: Int, to client: String) {}
}
