// SPDX-License-Identifier: Apache-2.0

/// What one transfer cost, measured on its connection.
public struct TransferStatistics: Sendable, Equatable {
    /// Bytes of request line, header and body sent over all redirects; TLS and TCP framing not included.
    public var bytesSent: Int64 = 0
    /// Bytes of status line, header and body received, before decompression.
    public var bytesReceived: Int64 = 0
    /// From the start of the transfer to its end.
    public var total: Duration = .zero
    /// Name resolution and TCP connect; zero on a reused connection.
    public var connect: Duration = .zero
    /// From the start of the transfer to the response's first byte.
    public var timeToFirstByte: Duration = .zero
    /// From the request's first byte (connected, TLS done) to the response's first byte: sending, the way there and
    /// back, and the server's work.
    public var exchange: Duration = .zero
    /// The kernel's smoothed round trip time of the connection; nil when it has none.
    public var roundTrip: Duration?
    /// Whether an idle connection was used again.
    public var reusedConnection = false
    /// Bytes of IP packets sent: headers, acknowledgements, handshakes and what was sent again included.
    public var wireSent: Int64 = 0
    /// Bytes of IP packets received.
    public var wireReceived: Int64 = 0
    /// Packets with payload sent, those sent again included.
    public var segmentsSent: Int64 = 0
    /// Packets sent again, because they or their acknowledgement got lost or late.
    public var segmentsLost: Int64 = 0
    /// Bytes per second the kernel got across lately; nil when unknown, or when there was too little to send to tell.
    public var deliveryRate: Int64?
    /// The interface it went over; nil when unknown, and for requests of no account.
    public var interface: String?

    /// Creates statistics of a transfer that did nothing.
    public init() {}
}

/// A response with its whole body.
public struct HTTPClientResponse: Sendable {
    /// The status code, for example 204.
    public let status: Int
    /// Header fields in the order received, names in lower case.
    public let headers: [(name: String, value: String)]
    /// The body, decompressed when the request allowed compression.
    public let body: [UInt8]
    /// What the transfer cost.
    public let statistics: TransferStatistics

    /// Creates a response.
    public init(
        status: Int,
        headers: [(name: String, value: String)],
        body: [UInt8],
        statistics: TransferStatistics
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.statistics = statistics
    }

    /// The first header field with this name, which must be in lower case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// A piece of an answer that is taken as it comes.
public enum HTTPStreamEvent: Sendable {
    /// Status and header fields, names in lower case; the first event, once.
    case head(status: Int, headers: [(name: String, value: String)])
    /// Some bytes of the body, decompressed when the request allowed compression.
    case body([UInt8])
}
