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
    /// Further request headers in file order.
    public var headers: [Header] = []

    /// A request header.
    public struct Header: Sendable, Equatable {
        /// The header's name.
        public var name: String
        /// Its value.
        public var value: Secret

        /// Creates a header.
        public init(name: String, value: Secret) {
            self.name = name
            self.value = value
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
    /// The name the server's certificate must have.
    public var serverName: String?
    /// Whether any server is trusted.
    public var insecureSkipVerify = false

    /// Creates the system's trust without a client certificate.
    public init() {}
}
