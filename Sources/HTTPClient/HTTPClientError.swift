// SPDX-License-Identifier: Apache-2.0

internal import CCurl

/// A request that got no usable response.
public struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The stage that failed.
    public enum Kind: Sendable, Equatable {
        /// The host (or proxy) name was not found.
        case resolve
        /// No TCP connection.
        case connect
        /// The TLS handshake or a certificate.
        case tls
        /// The time was up, at whatever stage.
        case timeout
        /// The response body is larger than the request allows.
        case bodyTooLarge
        /// Not an absolute http or https URL.
        case badURL
        /// A method or header field that cannot be sent.
        case badRequest
        /// The calling task was cancelled, or the client was released.
        case cancelled
        /// The connection broke or the response is not HTTP.
        case transfer
        /// Too many requests are waiting.
        case overloaded
        /// libcurl is missing or unusable on this machine.
        case unavailable
    }

    /// The stage that failed.
    public let kind: Kind
    /// What happened, in words; never contains credentials.
    public let message: String
    /// What the attempt cost; nil when nothing was tried.
    public internal(set) var statistics: TransferStatistics?

    /// Creates an error.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// Whether the same went wrong, at whatever cost.
    public static func == (left: HTTPClientError, right: HTTPClientError) -> Bool {
        left.kind == right.kind && left.message == right.message
    }

    /// The value as text for messages.
    public var description: String { message }
}

extension HTTPClientError {
    /// The error for a libcurl result, with the detail libcurl wrote into the handle's error buffer if any.
    init(code: CURLcode, detail: String) {
        let words = detail.isEmpty ? String(cString: ccurl_strerror(code)) : detail
        self.init(Self.kind(of: code), words)
    }

    private static func kind(of code: CURLcode) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .resolve
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: .connect
        case CURLE_OPERATION_TIMEDOUT: .timeout
        case CURLE_URL_MALFORMAT: .badURL
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
            .tls
        default: .transfer
        }
    }
}
