// SPDX-License-Identifier: Apache-2.0
//
// A destination's requests (Prometheus remote write). Credential files are read again for every request, so that a
// rotated token needs no reload. Redirects are not followed: they would turn the POST into a GET (301, 302) or carry the
// samples to a place nobody configured.

internal import Config
internal import HTTPClient
internal import Platform
internal import Samples

struct Endpoint: Sendable {
    /// Response bytes read: a receiver may name every series it objects to, a whole page is of no use.
    static let responseLimit = 64 << 10
    /// The largest credential file.
    static let credentialLimit = 64 << 10

    private static let reserved: Set<String> = [
        "content-encoding", "content-type", "content-length", "x-prometheus-remote-write-version",
        "x-victoriametrics-remote-write-version",
        "retry-attempt",
        "host", "transfer-encoding",
    ]

    let config: RemoteWriteConfig

    /// The URL without credentials and query, for people.
    var displayURL: String { Self.redacted(config.url) }

    /// The request for one body.
    ///
    /// - Parameters:
    ///   - body: what is sent.
    ///   - way: how it is written.
    ///   - attempt: 0 for the first.
    /// - Returns: the request with the protocol's headers and the credentials.
    /// - Throws: `FileError` when a credential file cannot be read.
    func request(_ body: [UInt8], _ way: MessageWay, attempt: Int) throws(FileError) -> HTTPClientRequest {
        var headers = MessageCoding.headers(way)
        if attempt > 0 { headers.append(("Retry-Attempt", "\(attempt)")) }
        for header in config.http.headers where !Self.reserved.contains(header.name.lowercased()) {
            headers.append((header.name, try Self.secret(header.value, header.file)))
        }
        if let authorization = config.http.authorization {
            let credentials = try Self.secret(authorization.credentials, authorization.credentialsFile)
            headers.append(("Authorization", "\(authorization.type) \(credentials)"))
        }
        var request = HTTPClientRequest(
            method: "POST",
            url: config.url,
            headers: headers,
            body: body,
            timeout: config.remoteTimeout,
            responseLimit: Self.responseLimit
        )
        request.truncatesResponse = true
        if let basic = config.http.basicAuth {
            request.basicAuth = HTTPClientRequest.BasicAuth(
                username: try basic.usernameFile.map(Self.text) ?? basic.username,
                password: try Self.secret(basic.password, basic.passwordFile)
            )
        }
        request.caFile = config.http.tls.caFile
        request.certFile = config.http.tls.certFile
        request.keyFile = config.http.tls.keyFile
        request.serverName = config.http.tls.serverName
        request.insecureSkipVerify = config.http.tls.insecureSkipVerify
        request.caPEM = config.http.tls.ca
        request.certPEM = config.http.tls.cert
        request.keyPEM = config.http.tls.key?.revealed
        request.minimumTLS = config.http.tls.minVersion.flatMap { .init(rawValue: $0.rawValue) }
        request.maximumTLS = config.http.tls.maxVersion.flatMap { .init(rawValue: $0.rawValue) }
        request.proxyURL = config.http.proxyURL?.revealed
        request.noProxy = config.http.noProxy
        request.usesEnvironmentProxy = config.http.proxyFromEnvironment
        request.proxyHeaders = config.http.proxyConnectHeaders.map { ($0.name, $0.value.revealed) }
        request.allowsHTTP2 = config.http.enableHTTP2
        return request
    }

    private static func secret(_ value: Secret, _ file: String?) throws(FileError) -> String {
        guard let file else { return value.revealed }
        return try text(file)
    }

    /// A file's text without the line end editors add.
    private static func text(_ path: String) throws(FileError) -> String {
        var bytes = try TextFile.read(path, limit: credentialLimit)
        while let last = bytes.last, last == 0x0a || last == 0x0d || last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A URL without user information, query and fragment.
    static func redacted(_ url: String) -> String {
        let end = url.firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
        let kept = url[..<end]
        guard let slashes = kept.firstRange(of: "://") else { return String(kept) }
        let rest = kept[slashes.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return String(kept) }
        return String(kept[..<slashes.upperBound]) + rest[rest.index(after: at)...]
    }
}
