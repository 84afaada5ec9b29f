// SPDX-License-Identifier: Apache-2.0
//
// A request told to libcurl. What cannot be sent as asked is refused here, before anything leaves the box: a header
// field with a line break would smuggle another one.

internal import CCurl
internal import Glibc

struct TransferOptions {
    let easy: UnsafeMutableRawPointer
    /// The header fields; freed by the transfer, after the handle.
    private(set) var headerList: UnsafeMutablePointer<curl_slist>?
    /// Where to connect instead of the URL's host, if set; freed like the other.
    private(set) var connectList: UnsafeMutablePointer<curl_slist>?
    /// Header fields for a proxy that makes a tunnel; freed like the others.
    private(set) var proxyList: UnsafeMutablePointer<curl_slist>?

    init(easy: UnsafeMutableRawPointer) {
        self.easy = easy
    }

    mutating func apply(
        _ request: HTTPClientRequest,
        timeout: Duration?,
        userAgent: String,
        certificateAge: Duration? = nil
    ) throws(HTTPClientError) {
        do {
            try target(request)
            try limits(request, timeout: timeout)
            connections(request, certificateAge: certificateAge)
            try method(request)
            try credentials(request)
            try headers(request, userAgent: userAgent)
        } catch {
            ccurl_slist_free(headerList)
            ccurl_slist_free(connectList)
            ccurl_slist_free(proxyList)
            throw error
        }
    }

    // MARK: - Parts

    private mutating func target(_ request: HTTPClientRequest) throws(HTTPClientError) {
        let scheme = URLParts.part(request.url, CURLUPART_SCHEME)
        guard scheme == "http" || scheme == "https", let host = URLParts.part(request.url, CURLUPART_HOST),
            let port = URLParts.part(request.url, CURLUPART_PORT), !request.url.utf8.contains(0)
        else { throw HTTPClientError(.badURL, "not an absolute http or https URL") }
        if let serverName = request.serverName, scheme == "https", serverName != host {
            // libcurl takes the name for TLS from the URL: so the URL gets it, and the connection and the Host field
            // are pointed back at the real host.
            guard let url = URLParts.replacingHost(request.url, serverName) else {
                throw HTTPClientError(.badURL, "the server name is not a host name")
            }
            try set(CURLOPT_URL, url)
            connectList = ccurl_slist_append(nil, "\(serverName):\(port):\(host):\(port)")
            _ = ccurl_setopt_pointer(easy, CURLOPT_CONNECT_TO, connectList)
            try append("Host: \(port == "443" ? host : "\(host):\(port)")")
        } else {
            try set(CURLOPT_URL, request.url)
        }
        let code = ccurl_allow_only_http(easy)
        guard code == CURLE_OK else { throw HTTPClientError(code: code, detail: "") }
        try proxy(request, host: host, port: port, isTunnelled: scheme == "https")
        // What a proxy says about its tunnel is not the answer.
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if request.followRedirects {
            set(CURLOPT_FOLLOWLOCATION, 1)
            set(CURLOPT_MAXREDIRS, 10)
        }
    }

    private mutating func proxy(
        _ request: HTTPClientRequest,
        host: String,
        port: String,
        isTunnelled: Bool
    ) throws(HTTPClientError) {
        var url = request.proxyURL
        var except = request.noProxy
        if request.usesEnvironmentProxy {
            url = Environment.first(
                isTunnelled ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"]
            )
            except = Environment.first(["NO_PROXY", "no_proxy"]) ?? ""
        }
        // An empty text, not none: without it libcurl looks into the environment itself.
        try set(CURLOPT_PROXY, url ?? "")
        // The same: a list, also an empty one, keeps libcurl from the environment's.
        let list = except.map { ProxyExceptions.forLibcurl($0, host: host, port: port) }
        try set(CURLOPT_NOPROXY, list ?? "")
        guard isTunnelled else { return }
        for (name, value) in request.proxyHeaders {
            let line = try Self.line(name, value)
            guard let list = ccurl_slist_append(proxyList, line) else {
                throw HTTPClientError(.unavailable, "libcurl has no memory for a header field")
            }
            proxyList = list
        }
        _ = ccurl_setopt_pointer(easy, CURLOPT_PROXYHEADER, proxyList)
    }

    private func limits(_ request: HTTPClientRequest, timeout: Duration?) throws(HTTPClientError) {
        func milliseconds(_ duration: Duration) -> Int {
            let parts = duration.components
            return max(1, Int(min(parts.seconds, 1 << 31) * 1000 + parts.attoseconds / 1_000_000_000_000_000))
        }
        // Without an end of its own a stream goes on for as long as something comes; the loop sees to that.
        set(CURLOPT_TIMEOUT_MS, timeout.map(milliseconds) ?? 0)
        set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(min(request.connectTimeout, timeout ?? request.timeout)))
        // No signals for timeouts, and no waiting for a name lookup that was given up: both would hurt the others.
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_QUICK_EXIT, 1)
        // HTTP/1.1 unless asked otherwise: one request per connection at a time is all that is needed, and its bytes
        // can be counted.
        set(CURLOPT_HTTP_VERSION, request.allowsHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)
    }

    /// Which kept connections may be used, and whether this one is kept.
    private func connections(_ request: HTTPClientRequest, certificateAge: Duration?) {
        // A kept connection is checked by the kernel, and replaced every hour so that a changed address is noticed.
        set(CURLOPT_TCP_KEEPALIVE, 1)
        // In whole seconds, and 0 is no limit: rounded so that what is older than the certificates is never used.
        let certificates = certificateAge.map { Int(clamping: $0.components.seconds) - 1 } ?? 3600
        set(CURLOPT_MAXLIFETIME_CONN, max(1, min(3600, certificates)))
        set(CURLOPT_CA_CACHE_TIMEOUT, max(0, min(300, certificates)))
        if certificates < 1 { set(CURLOPT_FRESH_CONNECT, 1) }
        // A resumed session would be of the one who began it.
        if certificateAge != nil { set(CURLOPT_SSL_SESSIONID_CACHE, 0) }
        if let idle = request.idleLimit {
            set(CURLOPT_MAXAGE_CONN, max(1, Int(clamping: idle.components.seconds)))
        }
        if !request.keepsConnection { set(CURLOPT_FORBID_REUSE, 1) }
    }

    private func method(_ request: HTTPClientRequest) throws(HTTPClientError) {
        guard !request.method.isEmpty, request.method.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw HTTPClientError(.badRequest, "not an HTTP method: \(request.method)")
        }
        let hasBody = !request.body.isEmpty || request.method == "POST" || request.method == "PUT"
        if hasBody {
            set(CURLOPT_POST, 1)
            _ = ccurl_setopt_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            if request.method != "POST" { try set(CURLOPT_CUSTOMREQUEST, request.method) }
        } else if request.method == "HEAD" {
            set(CURLOPT_NOBODY, 1)
        } else if request.method != "GET" {
            try set(CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    private func credentials(_ request: HTTPClientRequest) throws(HTTPClientError) {
        if let basic = request.basicAuth {
            // CURLAUTH_BASIC, whose macro has a cast Swift does not import: sent at once, no challenge awaited.
            set(CURLOPT_HTTPAUTH, 1)
            try set(CURLOPT_USERNAME, basic.username)
            try set(CURLOPT_PASSWORD, basic.password)
        }
        try set(request.caFile, CURLOPT_CAINFO, orPEM: request.caPEM, CURLOPT_CAINFO_BLOB)
        try set(request.certFile, CURLOPT_SSLCERT, orPEM: request.certPEM, CURLOPT_SSLCERT_BLOB)
        try set(request.keyFile, CURLOPT_SSLKEY, orPEM: request.keyPEM, CURLOPT_SSLKEY_BLOB)
        // The newest version is in the upper half of the option (CURL_SSLVERSION_MAX_…), 0 for no limit.
        let oldest = request.minimumTLS ?? .tls12
        set(CURLOPT_SSLVERSION, oldest.rawValue | (request.maximumTLS?.rawValue ?? 0) << 16)
        if request.insecureSkipVerify {
            set(CURLOPT_SSL_VERIFYPEER, 0)
            set(CURLOPT_SSL_VERIFYHOST, 0)
        }
    }

    private mutating func headers(
        _ request: HTTPClientRequest,
        userAgent: String
    ) throws(HTTPClientError) {
        try set(CURLOPT_USERAGENT, userAgent)
        var hasContentType = false
        for (name, value) in request.headers {
            if name.lowercased() == "content-type" { hasContentType = true }
            try append(Self.line(name, value))
        }
        // Not CURLOPT_ACCEPT_ENCODING: libcurl takes a gzip body that was cut off for a whole one.
        if request.acceptsCompression { try append("Accept-Encoding: gzip") }
        if let token = request.bearerToken { try append("Authorization: Bearer \(token)") }
        // Without these libcurl waits for a `100 Continue` and calls every body a form.
        try append("Expect:")
        if !hasContentType { try append("Content-Type:") }
        _ = ccurl_setopt_pointer(easy, CURLOPT_HTTPHEADER, headerList)
    }

    // MARK: - Setting

    /// A header field as libcurl takes it.
    private static func line(_ name: String, _ value: String) throws(HTTPClientError) -> String {
        let isToken =
            !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
        guard isToken else { throw HTTPClientError(.badRequest, "not a header field name: \(name)") }
        guard !hasBreak(value) else {
            throw HTTPClientError(.badRequest, "a header field contains a line break")
        }
        // libcurl's own spelling of a field without a value.
        return value.isEmpty ? "\(name);" : "\(name): \(value)"
    }

    private static func hasBreak(_ text: String) -> Bool {
        text.utf8.contains { $0 == 0x0a || $0 == 0x0d || $0 == 0 }
    }

    private mutating func append(_ line: String) throws(HTTPClientError) {
        guard !Self.hasBreak(line) else {
            throw HTTPClientError(.badRequest, "a header field contains a line break")
        }
        guard let list = ccurl_slist_append(headerList, line) else {
            throw HTTPClientError(.unavailable, "libcurl has no memory for a header field")
        }
        headerList = list
    }

    private func set(_ option: CURLoption, _ value: Int) {
        // Fails for an option this libcurl does not know; those set by number only improve the defaults.
        _ = ccurl_setopt_long(easy, option, value)
    }

    /// What a file has, or what stands in the configuration itself.
    private func set(
        _ file: String?,
        _ option: CURLoption,
        orPEM pem: String?,
        _ blob: CURLoption
    ) throws(HTTPClientError) {
        guard let pem else {
            if let file { try set(option, file) }
            return
        }
        let code = Array(pem.utf8).withUnsafeBytes {
            ccurl_setopt_blob(easy, blob, $0.baseAddress, $0.count)
        }
        guard code == CURLE_OK else { throw HTTPClientError(code: code, detail: "") }
    }

    private func set(_ option: CURLoption, _ value: String) throws(HTTPClientError) {
        let code = ccurl_setopt_string(easy, option, value)
        guard code == CURLE_OK else { throw HTTPClientError(code: code, detail: "") }
    }
}

/// The process' environment, which nothing changes once the process runs.
private enum Environment {
    /// The first of these variables that has a value.
    static func first(_ names: [String]) -> String? {
        names.lazy.compactMap { getenv($0).map { String(cString: $0) } }.first { !$0.isEmpty }
    }
}

/// Parts of URLs as libcurl reads them, so that what is checked is what is used.
enum URLParts {
    static func part(_ url: String, _ part: CURLUPart) -> String? {
        take(ccurl_url_part(url, part))
    }

    static func replacingHost(_ url: String, _ host: String) -> String? {
        take(ccurl_url_with_host(url, host))
    }

    private static func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
        guard let text else { return nil }
        defer { ccurl_free(text) }
        return String(cString: text)
    }
}
