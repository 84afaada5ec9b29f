// SPDX-License-Identifier: Apache-2.0
//
// The file in which kubectl and k3s keep where a cluster is and who asks it. Only the current context is read:
//
//     current-context: NAME -> contexts[NAME] -> clusters[…]: server, trust; users[…]: credentials
//
// Certificates and keys stand in the file as base64 of PEM, or are paths beside it. What runs another program for
// credentials is refused in words.

/// Where an API server is and how it is talked to.
public struct KubeConfig: Sendable, Equatable {
    /// The server's URL.
    public var server: String
    /// Credentials and trust.
    public var http: HTTPConfig

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: the contents, YAML or JSON.
    ///   - file: its path; others in it are relative to its directory.
    /// - Throws: `ConfigErrors` with the place of what is missing or cannot be used.
    public init(_ bytes: [UInt8], file: String) throws(ConfigErrors) {
        let root = try YAMLReader.parse(bytes, file: file)
        do throws(ConfigError) {
            let reader = Reader(
                root: root,
                directory: file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
                    separator: "/"
                )
            )
            let context = try reader.entry(
                "contexts",
                "context",
                named: try reader.text(root, "current-context")
            )
            let cluster = try reader.entry("clusters", "cluster", named: try reader.text(context, "cluster"))
            let written = try reader.text(cluster, "server")
            guard let url = URLText(written) else {
                throw cluster.error(
                    "\"server\": expected a URL such as \"https://host:6443\", found \"\(written)\""
                )
            }
            server = url.text
            http = HTTPConfig()
            try reader.trust(cluster, &http)
            if let user = context["user"]?.string {
                try reader.credentials(try reader.entry("users", "user", named: user), &http)
            }
        } catch {
            throw ConfigErrors([error])
        }
    }
}

/// Finds its way through the file.
private struct Reader {
    let root: YAMLNode
    let directory: String

    func text(_ node: YAMLNode, _ key: String) throws(ConfigError) -> String {
        guard let text = node[key]?.string, !text.isEmpty else { throw node.error("\"\(key)\" is missing") }
        return text
    }

    /// The mapping `what` of the entry with a name in a list.
    func entry(_ list: String, _ what: String, named name: String) throws(ConfigError) -> YAMLNode {
        guard let found = root[list]?.items?.first(where: { $0["name"]?.string == name })?[what],
            found.entries != nil
        else { throw root.error("no \(what) \"\(name)\" under \"\(list)\"") }
        return found
    }

    func trust(_ cluster: YAMLNode, _ http: inout HTTPConfig) throws(ConfigError) {
        if let pem = try data(cluster, "certificate-authority-data") {
            http.tls.ca = pem
        } else {
            http.tls.caFile = path(cluster, "certificate-authority")
        }
        http.tls.insecureSkipVerify = cluster["insecure-skip-tls-verify"]?.bool ?? false
        http.tls.serverName = cluster["tls-server-name"]?.string
        if let proxy = cluster["proxy-url"]?.string, !proxy.isEmpty { http.proxyURL = Secret(proxy) }
    }

    func credentials(_ user: YAMLNode, _ http: inout HTTPConfig) throws(ConfigError) {
        for key in ["exec", "auth-provider"] {
            guard let node = user[key], !node.isNull else { continue }
            throw node.error(
                "\"\(key)\" runs another program for credentials, which edgewatch does not",
                remedy: "use a token, a tokenFile or a client certificate"
            )
        }
        if let pem = try data(user, "client-certificate-data") {
            http.tls.cert = pem
        } else {
            http.tls.certFile = path(user, "client-certificate")
        }
        if let pem = try data(user, "client-key-data") {
            http.tls.key = Secret(pem)
        } else {
            http.tls.keyFile = path(user, "client-key")
        }
        var bearer = AuthorizationConfig()
        if let file = path(user, "tokenFile") {
            bearer.credentialsFile = file
            http.authorization = bearer
        } else if let token = user["token"]?.string, !token.isEmpty {
            bearer.credentials = Secret(token)
            http.authorization = bearer
        } else if let name = user["username"]?.string, !name.isEmpty {
            var basic = BasicAuthConfig()
            basic.username = name
            basic.password = Secret(user["password"]?.string ?? "")
            http.basicAuth = basic
        }
    }

    private func path(_ node: YAMLNode, _ key: String) -> String? {
        guard let text = node[key]?.string, !text.isEmpty else { return nil }
        return text.hasPrefix("/") || directory.isEmpty ? text : "\(directory)/\(text)"
    }

    /// PEM text that stands in the file as base64.
    private func data(_ node: YAMLNode, _ key: String) throws(ConfigError) -> String? {
        guard let value = node[key], let text = value.string, !text.isEmpty else { return nil }
        guard let bytes = Base64Text.decode(text), let pem = String(validating: bytes, as: UTF8.self),
            pem.contains("-----BEGIN ")
        else { throw value.error("\"\(key)\": expected base64 of PEM") }
        return pem
    }
}
