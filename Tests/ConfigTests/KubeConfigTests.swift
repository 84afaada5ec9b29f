// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@Suite struct KubeConfigTests {
    private static let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
    private static let data =
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

    private func read(
        cluster: String = "{server: 'https://10.0.0.1:6443'}",
        user: String = "{token: abc}",
        context: String = "{cluster: edge, user: me, namespace: shop}",
        current: String = "current-context: main"
    ) throws -> KubeConfig {
        let text = """
            apiVersion: v1
            kind: Config
            \(current)
            contexts: [{name: other, context: {}}, {name: main, context: \(context)}]
            clusters: [{name: edge, cluster: \(cluster)}]
            users: [{name: me, user: \(user)}]
            """
        return try KubeConfig(Array(text.utf8), file: "/etc/k3s/kube.yml")
    }

    private func words(_ body: () throws -> KubeConfig) -> String {
        do {
            return "\(try body())"
        } catch {
            return "\(error)"
        }
    }

    @Test func tokenAndSystemTrust() throws {
        let config = try read()
        var http = HTTPConfig()
        http.authorization = AuthorizationConfig()
        http.authorization?.credentials = Secret("abc")
        #expect(config.server == "https://10.0.0.1:6443" && config.http == http)
    }

    @Test func certificatesInTheFile() throws {
        let config = try read(
            cluster:
                "{server: 'https://k:6443', certificate-authority-data: \(Self.data), tls-server-name: api}",
            user: "{client-certificate-data: \(Self.data), client-key-data: \"\(Self.data)\"}"
        )
        var http = HTTPConfig()
        http.tls.ca = Self.pem
        http.tls.cert = Self.pem
        http.tls.key = Secret(Self.pem)
        http.tls.serverName = "api"
        #expect(config.http == http)
    }

    @Test func filesBesideTheFile() throws {
        let config = try read(
            cluster: "{server: 'https://k', certificate-authority: ca.crt, insecure-skip-tls-verify: true}",
            user: "{client-certificate: /pki/c.crt, client-key: pki/c.key, tokenFile: token, token: old}"
        )
        var http = HTTPConfig()
        http.tls.caFile = "/etc/k3s/ca.crt"
        http.tls.certFile = "/pki/c.crt"
        http.tls.keyFile = "/etc/k3s/pki/c.key"
        http.tls.insecureSkipVerify = true
        http.authorization = AuthorizationConfig()
        http.authorization?.credentialsFile = "/etc/k3s/token"
        #expect(config.http == http)
    }

    @Test func userNameAndNobody() throws {
        let config = try read(user: "{username: u, password: p}")
        #expect(config.http.basicAuth?.username == "u" && config.http.basicAuth?.password == Secret("p"))
        #expect(try read(context: "{cluster: edge}").http == HTTPConfig())
    }

    @Test func jsonIsReadAsWell() throws {
        let text = """
            {"current-context":"m","contexts":[{"name":"m","context":{"cluster":"c","user":"u"}}],
             "clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001"}}],"users":[{"name":"u","user":{}}]}
            """
        let config = try KubeConfig(Array(text.utf8), file: "kube.json")
        #expect(config.server == "http://127.0.0.1:8001" && config.http == HTTPConfig())
    }

    @Test func mistakesHaveAPlace() {
        #expect(words { try read(current: "kind: x") }.hasPrefix("/etc/k3s/kube.yml:"))
        #expect(
            words { try read(current: "x: y") } == "/etc/k3s/kube.yml:1:1: \"current-context\" is missing"
        )
        #expect(
            words { try read(context: "{cluster: none}") }
                == "/etc/k3s/kube.yml:1:1: no cluster \"none\" under \"clusters\""
        )
        #expect(
            words { try read(cluster: "{server: 'edge:6443'}") }
                == "/etc/k3s/kube.yml:5:34: \"server\": expected a URL such as \"https://host:6443\", found \"edge:6443\""
        )
        #expect(
            words { try read(user: "{exec: {command: aws}}") }
                == "/etc/k3s/kube.yml:6:33: \"exec\" runs another program for credentials, which edgewatch does not; "
                + "use a token, a tokenFile or a client certificate"
        )
        #expect(
            words { try read(user: "{client-key-data: '%%'}") }
                == "/etc/k3s/kube.yml:6:44: \"client-key-data\": expected base64 of PEM"
        )
    }
}
