// SPDX-License-Identifier: Apache-2.0
//
// One URL that is posted to, with the way to get there. Credential files are read on every use, so that rotating a
// secret needs no reload.

internal import Config
internal import HTTPClient
internal import Platform

/// Where and how to post.
struct NotificationEndpoint: Sendable {
    /// Answers are looked at for messages only.
    private static let responseLimit = 16 << 10

    let url: String
    let timeout: Duration
    let http: HTTPConfig
    let client: HTTPClient

    /// What became of a request.
    enum Outcome: Equatable {
        case accepted
        /// Trying again later may help: the server is overloaded, broken, or not reached.
        case retry(String)
        /// The server will never take it.
        case refused(String)
    }

    /// Posts JSON once.
    func post(_ body: [UInt8]) async -> Outcome {
        let request: HTTPClientRequest
        do {
            request = try self.request(body)
        } catch {
            return .retry("\(error)")
        }
        do {
            let response = try await client.send(request)
            if (200..<300).contains(response.status) { return .accepted }
            let words = String(decoding: response.body.prefix(200), as: UTF8.self)
            let message = "status \(response.status)\(words.isEmpty ? "" : ": \(words)")"
            let mayPass = response.status >= 500 || response.status == 429 || response.status == 408
            return mayPass ? .retry(message) : .refused(message)
        } catch {
            switch error.kind {
            case .badURL, .badRequest: return .refused(error.message)
            default: return .retry(error.message)
            }
        }
    }

    private func request(_ body: [UInt8]) throws(FileError) -> HTTPClientRequest {
        var request = HTTPClientRequest(
            method: "POST",
            url: url,
            headers: [("Content-Type", "application/json")],
            body: body,
            timeout: timeout,
            responseLimit: Self.responseLimit,
            followRedirects: http.followRedirects
        )
        request.truncatesResponse = true
        for header in http.headers {
            request.headers.append(
                (header.name, try Self.text(header.value.revealed, orFile: header.file))
            )
        }
        if let basic = http.basicAuth {
            request.basicAuth = HTTPClientRequest.BasicAuth(
                username: try Self.text(basic.username, orFile: basic.usernameFile),
                password: try Self.text(basic.password.revealed, orFile: basic.passwordFile)
            )
        }
        if let authorization = http.authorization {
            let token = try Self.text(
                authorization.credentials.revealed,
                orFile: authorization.credentialsFile
            )
            request.headers.append(("Authorization", "\(authorization.type) \(token)"))
        }
        request.caFile = http.tls.caFile
        request.certFile = http.tls.certFile
        request.keyFile = http.tls.keyFile
        request.serverName = http.tls.serverName
        request.insecureSkipVerify = http.tls.insecureSkipVerify
        request.caPEM = http.tls.ca
        request.certPEM = http.tls.cert
        request.keyPEM = http.tls.key?.revealed
        request.minimumTLS = http.tls.minVersion.flatMap { .init(rawValue: $0.rawValue) }
        request.maximumTLS = http.tls.maxVersion.flatMap { .init(rawValue: $0.rawValue) }
        request.proxyURL = http.proxyURL?.revealed
        request.noProxy = http.noProxy
        request.usesEnvironmentProxy = http.proxyFromEnvironment
        request.proxyHeaders = http.proxyConnectHeaders.map { ($0.name, $0.value.revealed) }
        request.allowsHTTP2 = http.enableHTTP2
        return request
    }

    private static func text(_ text: String, orFile path: String?) throws(FileError) -> String {
        guard let path else { return text }
        var bytes = try TextFile.read(path, limit: 64 << 10)
        while let last = bytes.last, last == 0x0a || last == 0x0d || last == 0x20 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
