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
    /// From the call of `send` to the last byte of the response, waiting for a free connection included.
    public var timeout: Duration
    /// For name resolution, TCP and TLS together; never longer than `timeout`.
    public var connectTimeout: Duration = .seconds(10)
    /// The most body bytes accepted, after decompression.
    public var responseLimit: Int
    /// Whether a response body over the limit is cut there instead of failing the request.
    public var truncatesResponse = false
    /// Whether a compressed response is asked for and decompressed.
    public var acceptsCompression = false
    /// Whether up to five redirects are followed.
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
    /// An HTTP proxy, for example `http://proxy:3128`; nil connects directly whatever the environment says.
    public var proxyURL: String?

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
