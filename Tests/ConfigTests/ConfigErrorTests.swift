// SPDX-License-Identifier: Apache-2.0

import Config
import Foundation
import Testing

@Suite struct ConfigErrorTests {
    private func errors(_ text: String) -> [String] {
        do {
            _ = try Configuration.parse(Array(text.utf8), file: "edgewatch.yml") { _ in nil }
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test func unknownKeysNameTheNearest() {
        #expect(
            errors("global:\n  external_labels: {}\n  scrape_intervall: 15s\n") == [
                "edgewatch.yml:3:3: unknown key \"scrape_intervall\"; did you mean \"scrape_interval\"?"
            ]
        )
        #expect(
            errors("scrape_config: []\n") == [
                "edgewatch.yml:1:1: unknown key \"scrape_config\"; did you mean \"scrape_configs\"?"
            ]
        )
        #expect(
            errors("collectors: {host: {enable: true}, modbuss: []}\n") == [
                "edgewatch.yml:1:21: unknown key \"enable\"; did you mean \"enabled\"?",
                "edgewatch.yml:1:36: unknown key \"modbuss\"; did you mean \"modbus\"?",
            ]
        )
        #expect(
            errors("sync: {maxBackoff: 1m}\n") == [
                "edgewatch.yml:1:8: unknown key \"maxBackoff\"; did you mean \"max_backoff\"?"
            ]
        )
        #expect(
            errors("sync: {zzz: 1m}\n") == [
                "edgewatch.yml:1:8: unknown key \"zzz\"; known here: catch_up_batch_samples, max_backoff, rules"
            ]
        )
    }

    @Test(arguments: [
        (
            "global: {scrape_interval: 15}",
            "1:27: \"scrape_interval\": expected a duration such as \"30s\" or \"1m30s\", found \"15\"; add a unit"
        ),
        (
            "global: {scrape_interval: fast}",
            "1:27: \"scrape_interval\": expected a duration such as \"30s\" or \"1m30s\", found \"fast\""
        ),
        (
            "global: {scrape_interval: [1s]}",
            "1:27: \"scrape_interval\": expected a duration such as \"30s\" or \"1m30s\", found a list"
        ),
        ("global: [a]", "1:9: expected a mapping, found a list"),
        ("[]", "1:1: expected a mapping, found a list"),
        ("rule_files: rules.yml", "1:13: \"rule_files\": expected a list, found \"rules.yml\""),
        ("rule_files: [{a: b}]", "1:14: \"rule_files\": expected text, found a mapping"),
        (
            "scrape_configs: [{job_name: a, honor_labels: 1}]",
            "1:46: \"honor_labels\": expected true or false, found \"1\""
        ),
        (
            "scrape_configs: [{job_name: a, sample_limit: x}]",
            "1:46: \"sample_limit\": expected a whole number, found \"x\""
        ),
        (
            "scrape_configs: [{job_name: a, sample_limit: -1}]",
            "1:46: \"sample_limit\": expected a number of at least 0, found \"-1\""
        ),
        (
            "storage: {circular_buffer: {size: 50}}",
            "1:35: \"size\": expected a size such as \"512MB\" or \"1GB\", found \"50\"; add a unit"
        ),
        (
            "storage: {circular_buffer: {size: 50Gi}}",
            "1:35: \"size\": expected a size such as \"512MB\" or \"1GB\", found \"50Gi\""
        ),
        (
            "storage: {circular_buffer: {segments: 1}}",
            "1:39: \"segments\": expected a number from 2 to 1000, found \"1\""
        ),
        (
            "storage: {circular_buffer: {size: 1MB, segments: 10}}",
            "1:11: each of the ring's 10 files would have 104857 bytes, at least 1048576 are needed; "
                + "make \"size\" larger or \"segments\" smaller"
        ),
        (
            "storage: {tiers: {warm: 7days}}",
            "1:25: \"warm\": expected a duration such as \"30s\" or \"1m30s\", found \"7days\""
        ),
        (
            "storage:\n  retention: 1d\n  tiers: {hot: 2d}",
            "3:11: \"hot\" and \"retention\" are the same; keep one"
        ),
        (
            "storage: {circular_buffer: {size: 1GB}, tiers: {hot: {size: 2GB}}}",
            "1:49: \"hot.size\" and \"circular_buffer.size\" are the same; keep one"
        ),
        (
            "storage: {tiers: {hot: 7d, warm: 1d}}",
            "1:28: \"warm\" ends after 1d, when \"hot\" still has more (1w); "
                + "a coarser tier is for the time after the finer one"
        ),
        (
            "storage: {tiers: {warm: {resolution: 7m}, cold: 30d}}",
            "1:19: the resolution of \"cold\" must be a multiple of that of \"warm\""
        ),
        (
            "storage: {tiers: {cold: {size: 1MB}}}",
            "1:26: a tier needs at least 4MB"
        ),
        (
            "storage: {tiers: {colds: 30d}}",
            "1:19: unknown key \"colds\"; did you mean \"cold\"?"
        ),
        (
            "storage:\n  encryption:\n",
            "2:3: \"encryption\" names no key; set \"key_file\", \"key_env\" or \"key_credential\""
        ),
        (
            "storage: {encryption: {accept_plaintext: true}}",
            "1:11: \"encryption\" names no key; set \"key_file\", \"key_env\" or \"key_credential\""
        ),
        (
            "storage: {encryption: {key_file: a, key_env: B}}",
            "1:37: \"key_file\" and \"key_env\" both name a key; keep one"
        ),
        (
            "storage: {encryption: {key: abc, key_file: a}}",
            "1:24: unknown key \"key\"; known here: accept_plaintext, key_credential, key_env, key_file"
        ),
        (
            "storage: {encryption: {key_env: a\(String(repeating: "0", count: 63))}}",
            "1:24: \"key_env\": expected the name of an environment variable; for example EDGEWATCH_STORE_KEY"
        ),
        (
            "storage: {encryption: {key_credential: /etc/key}}",
            "1:24: \"key_credential\": expected the name of a credential; "
                + "the part before \":\" in LoadCredentialEncrypted="
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{regex: '(', target_label: x}]}]",
            "1:58: \"regex\": invalid regular expression \"(\": missing ): ("
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: kep}]}]",
            "1:59: \"action\": expected one of replace, keep, drop, keepequal, dropequal, hashmod, labelmap, "
                + "labeldrop, labelkeep, lowercase, uppercase, found \"kep\"; did you mean \"keep\"?"
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}]",
            "1:51: a hashmod rule needs a \"modulus\""
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: keep, regex: x}, {regex: y}]}]",
            "1:76: a replace rule needs a \"target_label\""
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: labeldrop, regex: x, source_labels: [y]}]}]",
            "1:80: a labeldrop rule takes no \"source_labels\""
        ),
        (
            "remote_write: [{url: 'vm:8428/write'}]",
            "1:22: \"url\": expected a URL such as \"https://host:8080/path\", found \"vm:8428/write\""
        ),
        ("remote_write: [{url: ''}]", "1:17: \"url\" is empty"),
        ("remote_write: [{name: x}]", "1:16: \"url\" is missing"),
        (
            "remote_write: [{url: 'http://a/w'}, {url: 'http://a/w'}]",
            "1:1: two entries of remote_write are called \"http://a/w\"; give each a \"name\" of its own"
        ),
        (
            "remote_write: [{url: 'http://a/w', headers: {Content-Type: x}}]",
            "1:46: the header \"Content-Type\" is set by edgewatch"
        ),
        (
            "remote_write: [{url: 'http://a/w', basic_auth: {username: a}, authorization: {credentials: b}}]",
            "1:63: at most one of basic_auth, authorization, bearer_token, bearer_token_file may be set"
        ),
        (
            "remote_write: [{url: 'http://a/w', tls_config: {cert_file: a}}]",
            "1:49: \"cert_file\" and \"key_file\" go together"
        ),
        (
            "scrape_configs: [{job_name: a, no_proxy: x}]",
            "1:32: \"no_proxy\" needs a \"proxy_url\""
        ),
        (
            "scrape_configs: [{job_name: a, proxy_from_environment: true, proxy_url: 'http://p'}]",
            "1:32: \"proxy_from_environment\" excludes \"proxy_url\""
        ),
        (
            "scrape_configs: [{job_name: a, proxy_from_environment: true, no_proxy: x}]",
            "1:62: \"proxy_from_environment\" takes the environment's list; set NO_PROXY there"
        ),
        (
            "scrape_configs: [{job_name: a, proxy_connect_header: {A: [b]}}]",
            "1:32: \"proxy_connect_header\" needs a \"proxy_url\" or \"proxy_from_environment\""
        ),
        (
            "scrape_configs: [{job_name: a, tls_config: {ca: x, ca_file: y}}]",
            "1:52: at most one of \"ca\" and \"ca_file\" may be set"
        ),
        (
            "scrape_configs: [{job_name: a, tls_config: {key: x}}]",
            "1:45: \"cert_file\" and \"key_file\" go together"
        ),
        (
            "scrape_configs: [{job_name: a, tls_config: {max_version: TLS11}}]",
            "1:45: \"max_version\" is below \"min_version\", which is TLS12 unless written"
        ),
        (
            "remote_write: [{url: 'http://a/w', protobuf_message: io.prometheus.write.v2.Requests}]",
            "1:54: \"protobuf_message\": expected one of prometheus.WriteRequest, io.prometheus.write.v2.Request, "
                + "found \"io.prometheus.write.v2.Requests\"; did you mean \"io.prometheus.write.v2.Request\"?"
        ),
        ("scrape_configs: [null]", "1:18: an entry of \"scrape_configs\" is empty"),
        (
            "scrape_configs: [{job_name: a, static_configs: [~]}]",
            "1:49: an entry of \"static_configs\" is empty"
        ),
        ("scrape_configs: [{metrics_path: /x}]", "1:18: \"job_name\" is missing"),
        ("scrape_configs: [{job_name: ''}]", "1:19: \"job_name\" is empty"),
        (
            "scrape_configs: [{job_name: a, scrape_timeout: 2m}]",
            "1:32: the scrape timeout is longer than the scrape interval"
        ),
        (
            "global: {scrape_interval: 5s, scrape_timeout: 6s}",
            "1:31: the scrape timeout is longer than the scrape interval"
        ),
        (
            "scrape_configs: [{job_name: a, scheme: ftp}]",
            "1:40: \"scheme\": expected one of http, https, found \"ftp\""
        ),
        (
            "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://h:1/metrics']}]}]",
            "1:60: expected a target such as \"host:9100\", found \"http://h:1/metrics\"; "
                + "write \"h:1\", and put the rest into scheme and metrics_path"
        ),
        (
            "scrape_configs: [{job_name: a, static_configs: [{targets: ['h:99999']}]}]",
            "1:60: expected a target such as \"host:9100\", found \"h:99999\""
        ),
        (
            "scrape_configs: [{job_name: a, static_configs: [{targets: [h], labels: {'': x}}]}]",
            "1:73: invalid label name \"\""
        ),
        (
            "global: {metric_name_validation_scheme: legacy, external_labels: {a-b: x}}",
            "1:67: invalid label name \"a-b\""
        ),
        (
            "scrape_configs: [{job_name: a, consul_sd_configs: [{server: x}]}]",
            "1:32: \"consul_sd_configs\" is not supported yet; list the targets under static_configs"
        ),
        (
            "scrape_configs: [{job_name: a, file_sd_configs: [{files: [x.txt]}]}]",
            "1:59: a file of targets ends in .json, .yml or .yaml, not as \"x.txt\""
        ),
        (
            "scrape_configs: [{job_name: a, file_sd_configs: [{files: ['*/x.json']}]}]",
            "1:59: only the last element of a path may have one *: \"*/x.json\""
        ),
        (
            "scrape_configs: [{job_name: a, file_sd_configs: [{}]}]",
            "1:50: file discovery needs \"files\""
        ),
        (
            "scrape_configs: [{job_name: a, http_sd_configs: [{}]}]",
            "1:50: \"url\" is missing"
        ),
        (
            "scrape_configs: [{job_name: a, dns_sd_configs: [{names: [x], type: A}]}]",
            "1:49: A records have no port; write the targets' \"port\""
        ),
        (
            "sampling: {strategies: [{name: s, condition: 'bandwidth < 10Mbs', action: {type: reduce_metrics, keep_metrics: [health]}}]}",
            "1:46: \"condition\", at its column 15: unknown unit \"Mbs\"; known are us, ms, s, m, h, d, bps, kbps, "
                + "Mbps, Gbps and %"
        ),
        (
            "sampling: {strategies: [{name: s, condition: 'a > 1', action: {type: reduce_frequency}}]}",
            "1:64: reduce_frequency needs a \"new_interval\""
        ),
        (
            "sampling: {strategies: [{name: s, condition: 'a > 1', action: {type: reduce_metrics, drop_metrics: [debug], metrics: [b]}}]}",
            "1:109: reduce_metrics takes no \"metrics\""
        ),
        (
            "sampling: {strategies: [{name: s, condition: 'a > 1', action: {type: reduce_metrics, keep_metrics: [helth]}}]}",
            "1:101: unknown metric class \"helth\"; did you mean \"health\"?"
        ),
        ("sampling: {strategies: [{name: s, condition: 'a > 1'}]}", "1:25: \"action\" is missing"),
        (
            "collectors: {modbus: [{name: a, address: 'rtu:///dev/x', registers: [{metric: m, address: 1}]}]}",
            "1:42: \"address\": expected an address such as \"tcp://192.168.1.20:502\", found \"rtu:///dev/x\""
        ),
        (
            "collectors: {modbus: [{name: a, address: h, registers: [{metric: m, address: 65535, type: float32}]}]}",
            "1:69: a float32 at 65535 reaches beyond register 65535"
        ),
        (
            "collectors: {modbus: [{name: a, address: h, registers: [{metric: m-1, address: 1}]}]}",
            "1:58: invalid metric name \"m-1\"; use letters, digits, _ and :"
        ),
        (
            "collectors: {modbus: [{name: a, address: h, registers: [{metric: m, address: 1}, {metric: m, address: 2}]}]}",
            "1:45: two registers are both m; give one another metric or label"
        ),
        ("collectors: {modbus: [{name: a, address: h}]}", "1:23: the device has no \"registers\""),
        (
            "collectors: {modbus: [{name: a, address: h, registers: [{metric: m, address: 1, table: coil, type: int16}]}]}",
            "1:94: a coil is a bool"
        ),
        (
            "scrape_config_files: [/nowhere/x.yml]",
            "1:23: /nowhere/x.yml: No such file or directory"
        ),
        (
            "global: {scrape_protocols: [PrometheusText0.0.4, openMetricsText1.0.0]}",
            "1:50: unknown scrape protocol \"openMetricsText1.0.0\"; did you mean \"OpenMetricsText1.0.0\"?"
        ),
        ("scrape_configs: [{job_name: a, scrape_protocols: []}]", "1:32: \"scrape_protocols\" is empty"),
        (
            "scrape_configs: [{job_name: a, scrape_protocols: [PrometheusProto, PrometheusProto]}]",
            "1:68: \"scrape_protocols\" names \"PrometheusProto\" twice"
        ),
        (
            "global: {metric_name_validation_scheme: legacy, metric_name_escaping_scheme: allow-utf-8}",
            "1:49: \"allow-utf-8\" asks for names that \"metric_name_validation_scheme: legacy\" refuses; write "
                + "underscores, dots or values"
        ),
        (
            "global: {metric_name_escaping_scheme: dot}",
            "1:39: \"metric_name_escaping_scheme\": expected one of allow-utf-8, underscores, dots, values, found "
                + "\"dot\"; did you mean \"dots\"?"
        ),
        (
            "scrape_configs: [{job_name: a, native_histogram_bucket_limit: -1}]",
            "1:63: \"native_histogram_bucket_limit\": expected a number of at least 0, found \"-1\""
        ),
    ])
    func oneMistake(text: String, error: String) {
        #expect(errors(text) == ["edgewatch.yml:\(error)"])
    }

    @Test func aMissingURLIsNotASharedName() {
        #expect(
            errors("remote_write: [{}, {}]") == [
                "edgewatch.yml:1:16: \"url\" is missing", "edgewatch.yml:1:20: \"url\" is missing",
            ]
        )
    }

    @Test func namesAreUnique() {
        let text = """
            scrape_configs:
              - job_name: a
              - job_name: b
              - job_name: a
            """
        #expect(errors(text) == ["edgewatch.yml:4:15: job_name \"a\" is already used at line 2"])
    }

    @Test func mistakesComeTogetherInOrder() {
        let text = """
            remote_write:
              - url: nowhere
            global:
              scrape_interval: 1
              foo_bar_baz: 2
            """
        #expect(
            errors(text).map { $0.prefix(18) } == [
                "edgewatch.yml:2:10", "edgewatch.yml:4:20", "edgewatch.yml:5:3:",
            ]
        )
    }

    @Test func atMostTwentyAreListed() throws {
        let text = (1...30).map { "unknown_key_\($0): 1\n" }.joined()
        let errors = #expect(throws: ConfigErrors.self) {
            try Configuration.parse(Array(text.utf8), file: "f.yml") { _ in nil }
        }
        #expect(errors?.errors.count == 20)
        #expect(errors?.omitted == 10)
        #expect(errors?.errors.map(\.line) == Array(1...20))
        #expect(errors?.description.hasSuffix("\nand 10 more") == true)
    }

    @Test func missingFile() {
        let errors = #expect(throws: ConfigErrors.self) {
            try Configuration.load(path: "/nonexistent/edgewatch.yml")
        }
        #expect(errors?.description == "/nonexistent/edgewatch.yml: No such file or directory")
    }

    @Test func keysWithoutEffectWarn() throws {
        let config = try configuration(
            "remote_read: [{url: 'http://x'}]\nglobal: {query_log_file: q, scrape_native_histograms: false}\n"
        )
        #expect(
            config.warnings.map(\.description) == [
                "/etc/edgewatch/edgewatch.yml:2:10: \"query_log_file\" has no effect in edgewatch yet",
                "/etc/edgewatch/edgewatch.yml:1:1: \"remote_read\" has no effect in edgewatch yet",
            ]
        )
    }

    /// The ConfigMap of the shared conformance material: all of it is understood.
    @Test func conformancePrometheusEdge() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "../shared/conformance/prometheus-edge.yaml")
        guard let data = try? Data(contentsOf: file) else {
            print("SKIPPED: \(file.standardized.path) is missing, its configuration was not read")
            return
        }
        let map = try YAMLReader.parse([UInt8](data), file: "prometheus-edge.yaml")
        let inner = try #require(map["data"]?["prometheus.yml"]?.string)
        #expect(errors(inner) == [])
        let jobs = try configuration(inner).scrapeConfigs
        #expect(jobs.map(\.discovery.kubernetes.count).contains(1))
    }
}
