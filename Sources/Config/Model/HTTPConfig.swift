// SPDX-License-Identifier: Apache-2.0

/// How a client authenticates, whom it trusts and which way it goes.
public struct HTTPConfig: Sendable, Equatable {
    /// User name and password; excludes `authorization`.
    public var basicAuth: BasicAuthConfig?
    /// A token in the Authorization header.
    public var authorization: AuthorizationConfig?
    /// Certificates.
    public var tls = TLSConfig()
    /// Whether redirects are followed.
    public var followRedirects = true
    /// The proxy's URL, nil for a direct connection.
    public var proxyURL: Secret?
    /// What is reached without the proxy, separated by commas; nil asks the proxy for everything.
    public var noProxy: String?
    /// Whether the environment's proxy variables say the way; excludes `proxyURL`.
    public var proxyFromEnvironment = false
    /// Header fields for the proxy when it makes a tunnel.
    public var proxyConnectHeaders: [Header] = []
    /// Whether HTTP/2 is offered to https servers.
    public var enableHTTP2 = false
    /// Further request headers in file order.
    public var headers: [Header] = []

    /// A request header.
    public struct Header: Sendable, Equatable {
        /// The header's name.
        public var name: String
        /// Its value.
        public var value: Secret
        /// A file holding the value instead, read again on every use.
        public var file: String?

        /// Creates a header.
        public init(name: String, value: Secret, file: String? = nil) {
            self.name = name
            self.value = value
            self.file = file
        }
    }

    /// Creates a client without authentication.
    public init() {}
}

/// HTTP basic authentication.
///
/// Files are read again on every use, so that rotation needs no reload.
public struct BasicAuthConfig: Sendable, Equatable {
    /// The user, empty when `usernameFile` has it.
    public var username = ""
    /// A file holding the user's name.
    public var usernameFile: String?
    /// The password, empty when `passwordFile` has it.
    public var password = Secret("")
    /// A file holding the password.
    public var passwordFile: String?

    /// Creates an empty pair.
    public init() {}
}

/// A credential in the Authorization header.
public struct AuthorizationConfig: Sendable, Equatable {
    /// The scheme, `Bearer` unless configured.
    public var type = "Bearer"
    /// The token, empty when `credentialsFile` has it.
    public var credentials = Secret("")
    /// A file holding the token, read again on every use.
    public var credentialsFile: String?

    /// Creates an empty credential.
    public init() {}
}

/// Certificates of a TLS client.
public struct TLSConfig: Sendable, Equatable {
    /// The authorities trusted instead of the system's.
    public var caFile: String?
    /// This client's certificate.
    public var certFile: String?
    /// Its private key.
    public var keyFile: String?
    /// The authorities themselves, PEM text; excludes `caFile`.
    public var ca: String?
    /// The certificate itself, PEM text; excludes `certFile`.
    public var cert: String?
    /// The key itself, PEM text; excludes `keyFile`.
    public var key: Secret?
    /// The oldest version spoken; 1.2 when nil.
    public var minVersion: Version?
    /// The newest version spoken; the newest known when nil.
    public var maxVersion: Version?
    /// The name the server's certificate must have.
    public var serverName: String?
    /// Whether any server is trusted.
    public var insecureSkipVerify = false

    /// A version of TLS; the number is libcurl's.
    public enum Version: Int, Sendable, Comparable {
        case tls10 = 4
        case tls11 = 5
        case tls12 = 6
        case tls13 = 7

        /// Whether one is older than another.
        public static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
    }

    /// Creates the system's trust without a client certificate.
    public init() {}
}
