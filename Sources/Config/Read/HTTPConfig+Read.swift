// SPDX-License-Identifier: Apache-2.0

extension HTTPConfig {
    /// Reads the client settings that jobs, Alertmanagers, webhooks and remote write share.
    init(reading section: Section) {
        self.init()
        basicAuth = section.optionalSection("basic_auth", BasicAuthConfig.init(reading:))
        authorization = section.optionalSection("authorization", AuthorizationConfig.init(reading:))
        readBearerToken(section)
        let kinds = ["basic_auth", "authorization", "bearer_token", "bearer_token_file"]
        let given = kinds.filter { section.node[$0]?.isNull == false }
        if given.count > 1 {
            section.report(given[1], "at most one of \(kinds.joined(separator: ", ")) may be set")
        }
        tls = section.section("tls_config", TLSConfig.init(reading:))
        followRedirects = section.bool("follow_redirects") ?? followRedirects
        enableHTTP2 = section.bool("enable_http2") ?? enableHTTP2
        readProxy(section)
        headers = HTTPConfig.headers(section)
        section.refuse(["oauth2"], remedy: "use basic_auth or authorization")
    }

    private mutating func readProxy(_ section: Section) {
        proxyURL = section.url("proxy_url").map { Secret($0.text) }
        noProxy = section.string("no_proxy").flatMap { $0.isEmpty ? nil : $0 }
        proxyFromEnvironment = section.bool("proxy_from_environment") ?? proxyFromEnvironment
        proxyConnectHeaders = section.section("proxy_connect_header") { headers in
            (headers.node.entries ?? []).compactMap(\.key.string).flatMap { name in
                headers.strings(name).map { Header(name: name, value: Secret($0)) }
            }
        }
        if proxyFromEnvironment, proxyURL != nil {
            section.report("proxy_from_environment", "\"proxy_from_environment\" excludes \"proxy_url\"")
        }
        if proxyFromEnvironment, noProxy != nil {
            section.report(
                "no_proxy",
                "\"proxy_from_environment\" takes the environment's list; set NO_PROXY there"
            )
        } else if noProxy != nil, proxyURL == nil {
            section.report("no_proxy", "\"no_proxy\" needs a \"proxy_url\"")
        }
        if !proxyConnectHeaders.isEmpty, proxyURL == nil, !proxyFromEnvironment {
            section.report(
                "proxy_connect_header",
                "\"proxy_connect_header\" needs a \"proxy_url\" or \"proxy_from_environment\""
            )
        }
    }

    /// Prometheus' old names of `authorization`.
    private mutating func readBearerToken(_ section: Section) {
        let token = section.secret("bearer_token")
        let file = section.path("bearer_token_file")
        guard token != nil || file != nil else { return }
        var bearer = AuthorizationConfig()
        bearer.credentials = token ?? bearer.credentials
        bearer.credentialsFile = file
        authorization = bearer
    }

    /// `http_headers`, each with `values`, `secrets` and `files`.
    private static func headers(_ section: Section) -> [Header] {
        section.section("http_headers") { headers in
            let names = (headers.node.entries ?? []).compactMap(\.key.string)
            return names.flatMap { name in
                headers.section(name) { header in
                    let values = header.strings("values") + header.strings("secrets")
                    let files = header.strings("files").map(header.context.resolve)
                    return values.map { Header(name: name, value: Secret($0)) }
                        + files.map { Header(name: name, value: Secret(""), file: $0) }
                }
            }
        }
    }
}

extension BasicAuthConfig {
    fileprivate init?(reading section: Section) {
        self.init()
        username = section.string("username") ?? ""
        usernameFile = section.path("username_file")
        password = section.secret("password") ?? password
        passwordFile = section.path("password_file")
        if !username.isEmpty, usernameFile != nil {
            section.report("username_file", "at most one of \"username\" and \"username_file\" may be set")
        }
        if !password.revealed.isEmpty, passwordFile != nil {
            section.report("password_file", "at most one of \"password\" and \"password_file\" may be set")
        }
    }
}

extension AuthorizationConfig {
    fileprivate init?(reading section: Section) {
        self.init()
        type = section.string("type") ?? type
        credentials = section.secret("credentials") ?? credentials
        credentialsFile = section.path("credentials_file")
        if !credentials.revealed.isEmpty, credentialsFile != nil {
            section.report(
                "credentials_file",
                "at most one of \"credentials\" and \"credentials_file\" may be set"
            )
        }
        if type.lowercased() == "basic" {
            section.report("type", "the authorization type may not be \"basic\"", remedy: "use basic_auth")
        }
    }
}

extension TLSConfig {
    fileprivate init(reading section: Section) {
        self.init()
        caFile = section.path("ca_file")
        certFile = section.path("cert_file")
        keyFile = section.path("key_file")
        serverName = section.string("server_name")
        insecureSkipVerify = section.bool("insecure_skip_verify") ?? insecureSkipVerify
        ca = section.string("ca")
        cert = section.string("cert")
        key = section.secret("key")
        for name in ["ca", "cert", "key"]
        where section.node[name]?.isNull == false && section.node["\(name)_file"]?.isNull == false {
            section.report("\(name)_file", "at most one of \"\(name)\" and \"\(name)_file\" may be set")
        }
        let hasCertificate = cert != nil || certFile != nil
        if hasCertificate != (key != nil || keyFile != nil) {
            section.report(
                hasCertificate ? (cert == nil ? "cert_file" : "cert") : (key == nil ? "key_file" : "key"),
                "\"cert_file\" and \"key_file\" go together"
            )
        }
        minVersion = TLSConfig.version(section.choice("min_version"))
        maxVersion = TLSConfig.version(section.choice("max_version"))
        if let maxVersion, maxVersion < minVersion ?? .tls12 {
            section.report(
                "max_version",
                "\"max_version\" is below \"min_version\", which is TLS12 unless written"
            )
        }
    }

    private enum Word: String, CaseIterable {
        case tls10 = "TLS10"
        case tls11 = "TLS11"
        case tls12 = "TLS12"
        case tls13 = "TLS13"
    }

    private static func version(_ word: Word?) -> Version? {
        switch word {
        case .tls10: .tls10
        case .tls11: .tls11
        case .tls12: .tls12
        case .tls13: .tls13
        case nil: nil
        }
    }
}
