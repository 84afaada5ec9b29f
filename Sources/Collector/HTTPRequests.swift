// SPDX-License-Identifier: Apache-2.0
//
// From a client's configuration to a request, for everything that fetches: scrapes and discovery. Files with
// credentials are read for every request, so that rotating a secret needs no reload.

internal import Config
internal import HTTPClient
internal import Platform

/// A file with credentials that cannot be read.
struct CredentialError: Error, Equatable {
    /// In the words of the targets page.
    let words: String
}

extension HTTPClientRequest {
    /// Secrets in files are one line; whatever is longer is the wrong file.
    private static let secretLimit = 64 << 10

    /// A GET with the way and the credentials of a configuration.
    ///
    /// - Parameters:
    ///   - url: where to.
    ///   - config: authentication, TLS, proxy, further headers.
    ///   - timeout: of the whole transfer.
    ///   - responseLimit: the most bytes of body accepted.
    /// - Throws: `CredentialError` when a file cannot be read.
    init(
        url: String,
        config: HTTPConfig,
        timeout: Duration,
        responseLimit: Int
    ) throws(CredentialError) {
        self.init(
            url: url,
            timeout: timeout,
            responseLimit: responseLimit,
            followRedirects: config.followRedirects
        )
        lane = .collection
        allowsHTTP2 = config.enableHTTP2
        for header in config.headers {
            headers.append((header.name, try header.file.map(Self.secret) ?? header.value.revealed))
        }
        proxyURL = config.proxyURL?.revealed
        noProxy = config.noProxy
        usesEnvironmentProxy = config.proxyFromEnvironment
        proxyHeaders = config.proxyConnectHeaders.map { ($0.name, $0.value.revealed) }
        caFile = config.tls.caFile
        certFile = config.tls.certFile
        keyFile = config.tls.keyFile
        caPEM = config.tls.ca
        certPEM = config.tls.cert
        keyPEM = config.tls.key?.revealed
        minimumTLS = config.tls.minVersion.flatMap { .init(rawValue: $0.rawValue) }
        maximumTLS = config.tls.maxVersion.flatMap { .init(rawValue: $0.rawValue) }
        serverName = config.tls.serverName
        insecureSkipVerify = config.tls.insecureSkipVerify
        if let basic = config.basicAuth {
            basicAuth = BasicAuth(
                username: try basic.usernameFile.map(Self.secret) ?? basic.username,
                password: try basic.passwordFile.map(Self.secret) ?? basic.password.revealed
            )
        }
        if let authorization = config.authorization {
            let token =
                try authorization.credentialsFile.map(Self.secret) ?? authorization.credentials.revealed
            headers.append(("Authorization", "\(authorization.type) \(token)"))
        }
    }

    private static func secret(_ path: String) throws(CredentialError) -> String {
        do {
            let bytes = try TextFile.read(path, limit: secretLimit)
            return String(decoding: bytes, as: UTF8.self).trimmingBlanks()
        } catch {
            throw CredentialError(words: "unable to read credentials: \(error)")
        }
    }
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        var rest = self[...]
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        return String(rest)
    }
}
