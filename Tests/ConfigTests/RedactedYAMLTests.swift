// SPDX-License-Identifier: Apache-2.0

import Config
import Testing

@Suite struct RedactedYAMLTests {
    @Test func secretsAreReplaced() throws {
        let config = try configuration(
            """
            global: {external_labels: {a: "${SECRET_FROM_ENV}"}}
            scrape_configs:
              - job_name: 'a b'   # a comment
                basic_auth: {username: u, password: hunter2}
                proxy_url: http://me:hunter2@proxy:3128/x
                proxy_connect_header: {X-Proxy: [hunter2]}
                http_headers: {X-Token: {secrets: [hunter2]}}
                tls_config: {cert: public, key: hunter2}
                static_configs:
                  - targets: [ 'h:1', "h:2" ]
              - job_name: c
                authorization: {credentials: hunter2}
                static_configs: []
            alerting:
              webhooks: [{url: 'https://hooks.example.org/hunter2'}]
            remote_write:
              - url: https://u:hunter2@vm/api/v1/write?token=hunter2
                headers: {X-Key: hunter2}
                queue_config: {}
            rule_files:
            """,
            environment: ["SECRET_FROM_ENV": "hunter2"]
        )
        #expect(
            config.redactedYAML == """
                global:
                  external_labels:
                    a: "${SECRET_FROM_ENV}"
                scrape_configs:
                  - job_name: "a b"
                    basic_auth:
                      username: u
                      password: <secret>
                    proxy_url: http://<secret>@proxy:3128/x
                    proxy_connect_header:
                      X-Proxy:
                        - <secret>
                    http_headers:
                      X-Token:
                        secrets:
                          - <secret>
                    tls_config:
                      cert: public
                      key: <secret>
                    static_configs:
                      - targets:
                          - "h:1"
                          - "h:2"
                  - job_name: c
                    authorization:
                      credentials: <secret>
                    static_configs: []
                alerting:
                  webhooks:
                    - url: <secret>
                remote_write:
                  - url: https://<secret>@vm/api/v1/write?<secret>
                    headers:
                      X-Key: <secret>
                    queue_config: {}
                rule_files: null

                """
        )
    }

    @Test func secretsDoNotPrint() {
        let secret = Secret("hunter2")
        #expect("\(secret)" == "<secret>")
        #expect(String(reflecting: secret) == "<secret>")
        #expect(secret.revealed == "hunter2")
        var text = ""
        dump(HTTPConfig.Header(name: "a", value: secret), to: &text)
        #expect(!text.contains("hunter2"))
        var http = HTTPConfig()
        http.proxyURL = secret
        #expect(!"\(http)".contains("hunter2"))
        #expect(!String(reflecting: WebhookConfig(name: "n", url: secret)).contains("hunter2"))
    }

    /// What is shown can be read again and means the same.
    @Test func whatIsShownIsTheSameYAML() throws {
        let texts = [
            "a: 'yes'\nb: yes\nc: ''\nd: ~\ne: '5'\nf: 5\ng: \"x: y # z\"\nh: |\n  two\n  lines\n",
            "- - a\n  - []\n- {}\n- b:\n    - c: d\n      e: 'null'\n", "a: \"\\x01\\t\\\"é\\u200b\"\n",
            "'a: b': '- c'\n",
            "a: !!str 5\nb: '-1'\nc: '.5'\nd: '~'\ne: 'true'\n",
        ]
        for text in texts {
            let root = try YAMLReader.parse(Array(text.utf8), file: "t")
            let again = try YAMLReader.parse(Array(YAMLText.redacted(root).utf8), file: "t")
            #expect(meaning(of: again) == meaning(of: root), "\(text)")
        }
    }

    private func meaning(of node: YAMLNode) -> String {
        if let items = node.items { return "[\(items.map(meaning).joined(separator: ","))]" }
        if let entries = node.entries {
            return
                "{\(entries.map { "\(meaning(of: $0.key)):\(meaning(of: $0.value))" }.joined(separator: ","))}"
        }
        let integer = node.integer.map { "int \($0)" }
        let bool = node.bool.map { "bool \($0)" }
        return integer ?? bool ?? (node.isNull ? "null" : "text \(node.string ?? "")")
    }
}

@Suite struct ByteSizeTests {
    @Test(
        arguments: [
            ("0", 0), ("1B", 1), ("512MB", 512 << 20), ("1GB", 1 << 30), ("50GiB", 50 << 30), ("1.5KB", 1536),
            ("7EB", 7 << 60),
            ("2TB", 2 << 40), ("0.5GB", 1 << 29), ("1GB512MB", 1536 << 20),
        ] as [(String, Int64)]
    )
    func reads(text: String, size: Int64) {
        #expect(ByteSize.parse(text) == size)
    }

    @Test(arguments: [
        "", "1", "MB", "-1MB", "1 MB", "1mb", "1Mi", "8EB", "1.2.3MB", "1e3MB", "1GB512", "4EB4EB", "٣MB",
        "1iB", ".5MB",
    ])
    func refuses(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test func writes() {
        #expect(ByteSize.format(0) == "0B")
        #expect(ByteSize.format(1536) == "1536B")
        #expect(ByteSize.format(512 << 20) == "512MB")
        #expect(ByteSize.format(1 << 60) == "1EB")
    }
}

@Suite struct URLTextTests {
    @Test func partsOfURLs() throws {
        let url = try #require(URLText("HTTPS://user:pa@ss@[::1]:8080/a/b?c=d#e"))
        #expect(url.scheme == "https")
        #expect(url.userInfo == "user:pa@ss")
        #expect(url.authority == "[::1]:8080")
        #expect(url.path == "/a/b")
        #expect(url.hasQuery)
        #expect(url.redacted == "https://[::1]:8080/a/b")
        #expect(URLText("http://host")?.path == "")
        #expect(URLText("http://host?q")?.hasQuery == true)
    }

    @Test(arguments: [
        "", "host", "host:80/x", "ftp://host", "http://", "http:///x", "http://:80", "http://h:0",
        "http://h:65536",
        "http://h:x", "http://a b/", "http://h/\n", "http://[::1", "http://@/x", "http:/h",
    ])
    func refuses(text: String) {
        #expect(URLText(text) == nil)
    }

    @Test func hostsAndPorts() {
        #expect(HostPort("a.b-c:1")?.port == 1)
        #expect(HostPort("a")?.port == nil)
        #expect(HostPort("[fe80::1%eth0]:502")?.host == "fe80::1%eth0")
        for text in ["", ":1", "a:", "a:b", "a:1:2", "a/b", "[::1]x", "a b"] {
            #expect(HostPort(text) == nil, "\(text)")
        }
    }
}
