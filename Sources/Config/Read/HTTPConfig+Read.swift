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
        proxyURL = section.url("proxy_url").map { Secret($0.text) }
        headers = HTTPConfig.headers(section)
        section.refuse(["oauth2"], remedy: "use basic_auth or authorization")
        section.refuse(["proxy_connect_header"])
        section.ignore(["no_proxy", "proxy_from_environment"])
        section.accept(["enable_http2"])
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

    /// `http_headers`, each with `values` or `secrets`.
    private static func headers(_ section: Section) -> [Header] {
        section.section("http_headers") { headers in
            let names = (headers.node.entries ?? []).compactMap(\.key.string)
            return names.flatMap { name in
                headers.section(name) { header in
                    header.refuse(["files"])
                    return (header.strings("values") + header.strings("secrets"))
                        .map { Header(name: name, value: Secret($0)) }
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
        if (certFile == nil) != (keyFile == nil) {
            section.report(
                certFile == nil ? "key_file" : "cert_file",
                "\"cert_file\" and \"key_file\" go together"
            )
        }
        for key in ["ca", "cert", "key"] { section.refuse([key], remedy: "use \(key)_file") }
        section.ignore(["min_version", "max_version"])
    }
}
