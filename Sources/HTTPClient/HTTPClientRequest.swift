// SPDX-License-Identifier: Apache-2.0

/// One HTTP request, with everything that decides how it is sent.
public struct HTTPClientRequest: Sendable {
    /// A user name and password for HTTP basic authentication.
    public struct BasicAuth: Sendable, Equatable {
        /// The user's name.
        public var username: String
        /// The password.
        public var password: String

        /// Creates the pair.
        public init(username: String, password: String) {
            self.username = username
            self.password = password
        }
    }

    /// The method, for example `GET`.
    public var method: String
    /// An absolute `http://` or `https://` URL.
    public var url: String
    /// Header fields in the order to be sent.
    public var headers: [(String, String)]
    /// The body; sent when not empty, and for POST and PUT always.
    public var body: [UInt8]
    /// From the call of `send` to the last byte of the response, waiting for a free connection included; for a stream
    /// the longest silence.
    public var timeout: Duration
    /// For name resolution, TCP and TLS together; never longer than `timeout`.
    public var connectTimeout: Duration = .seconds(10)
    /// The most body bytes accepted, after decompression; a stream has no such limit.
    public var responseLimit: Int
    /// Whether a response body over the limit is cut there instead of failing the request.
    public var truncatesResponse = false
    /// Whether a compressed response is asked for and decompressed.
    public var acceptsCompression = false
    /// Whether up to ten redirects are followed.
    ///
    /// Credentials are not sent to another host.
    public var followRedirects: Bool

    /// Credentials for basic authentication, sent with the first request.
    public var basicAuth: BasicAuth?
    /// A token sent as `Authorization: Bearer …`.
    public var bearerToken: String?
    /// Certificates to trust instead of the system's, a PEM file.
    public var caFile: String?
    /// The client certificate, a PEM file.
    public var certFile: String?
    /// The client certificate's key, a PEM file.
    public var keyFile: String?
    /// The name to ask for and to check in the server's certificate, instead of the URL's host.
    public var serverName: String?
    /// Whether the server's certificate is not checked.
    public var insecureSkipVerify = false
    /// Certificates to trust instead of the system's, PEM text; wins over `caFile`.
    public var caPEM: String?
    /// The client certificate, PEM text; wins over `certFile`.
    public var certPEM: String?
    /// The client certificate's key, PEM text; wins over `keyFile`.
    public var keyPEM: String?
    /// The oldest TLS accepted; 1.2 when nil.
    public var minimumTLS: TLSVersion?
    /// The newest TLS spoken; the newest known when nil.
    public var maximumTLS: TLSVersion?
    /// An HTTP proxy, for example `http://proxy:3128`; nil connects directly whatever the environment says, unless
    /// `usesEnvironmentProxy`.
    public var proxyURL: String?
    /// Hosts reached without the proxy, separated by commas.
    ///
    /// Names (with everything below them; only that for `.name`), addresses and networks such as `10.0.0.0/8`, each
    /// with a port or for all of them; `*` is all. Where it is set, this machine itself is never asked through the proxy.
    public var noProxy: String?
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of the environment, or the same in small letters, say the way.
    public var usesEnvironmentProxy = false
    /// Header fields for the proxy alone, when it makes a tunnel to an https URL.
    public var proxyHeaders: [(String, String)] = []
    /// Whether HTTP/2 is offered to https servers.
    public var allowsHTTP2 = false
    /// Whether the connection may be kept for another request.
    public var keepsConnection = true
    /// Whose places this request takes; one kind of work cannot take those of another.
    public var lane = Lane.ordinary

    /// Who pays for what it costs on the wire (`HTTPClient.wire`); 0 for nobody.
    public var account: UInt8 = 0
    /// Says how much of the body may go out; nil sends as fast as the connection takes it.
    public var pacer: (any BytePacing)?
    /// The most bytes the transfer may cost on the wire, both ways; it is ended when it has cost more.
    public var wireLimit: Int64?
    /// The socket's send buffer in bytes; the kernel's own when nil.
    ///
    /// What is in it is out of a pacer's hands.
    public var sendBuffer: Int?
    /// The congestion control asked for, for example `bbr`; the kernel's own when nil, or where it is not allowed.
    public var congestionControl: String?
    /// How long a kept connection may have been idle to be used; libcurl's 118 s when nil.
    public var idleLimit: Duration?
    /// Requests with another name never share a connection, nor wait for each other's work; the first four names get
    /// that, others are together.
    public var connection: String?

    /// Kinds of work with places of their own.
    public enum Lane: Int, Sendable, CaseIterable {
        /// Alerts, sync and whatever a person waits for.
        case ordinary
        /// Scrapes and discovery: many, some of them slow.
        case collection
    }

    /// A version of TLS.
    public enum TLSVersion: Int, Sendable {
        case tls10 = 4
        case tls11 = 5
        case tls12 = 6
        case tls13 = 7
    }

    /// Creates a request; what has a default here can be left alone.
    public init(
        method: String = "GET",
        url: String,
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(30),
        responseLimit: Int = 1 << 20,
        followRedirects: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.responseLimit = responseLimit
        self.followRedirects = followRedirects
    }
}
