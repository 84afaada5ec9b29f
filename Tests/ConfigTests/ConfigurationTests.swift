// SPDX-License-Identifier: Apache-2.0

import Conditions
import Config
import Samples
import Testing

/// Reads text as the file /etc/edgewatch/edgewatch.yml.
func configuration(_ text: String, environment: [String: String] = [:]) throws -> Configuration {
    try Configuration.parse(Array(text.utf8), file: "/etc/edgewatch/edgewatch.yml") { environment[$0] }
}

/// A label set of pairs.
func labels(_ pairs: (name: String, value: String)...) -> Labels { Labels(pairs) }

@Suite struct ConfigurationTests {
    @Test(arguments: ["", "# nothing\n", "global:\nscrape_configs:\nrule_files:\n", "{}"])
    func nothingGivesPrometheusDefaults(text: String) throws {
        let config = try configuration(text)
        #expect(config.global == GlobalConfig())
        #expect(config.global.scrapeInterval == .seconds(60))
        #expect(config.global.scrapeTimeout == .seconds(10))
        #expect(config.global.evaluationInterval == .seconds(60))
        #expect(config.scrapeConfigs.isEmpty)
        #expect(config.ruleFiles.isEmpty)
        #expect(config.storage == StorageConfig())
        #expect(config.storage.circularBuffer.size == 1_073_741_824)
        #expect(config.storage.wal.size == 33_554_432)
        #expect(config.collectors.host.enabled)
        #expect(config.collectors.host.interval == .seconds(60))
        #expect(config.sampling == SamplingConfig())
        #expect(config.warnings.isEmpty)
    }

    /// The file Prometheus ships as documentation/examples/prometheus.yml.
    @Test func prometheusOwnExample() throws {
        let config = try configuration(
            """
            # my global config
            global:
              scrape_interval: 15s # Set the scrape interval to every 15 seconds. Default is every 1 minute.
              evaluation_interval: 15s # Evaluate rules every 15 seconds. The default is every 1 minute.
              # scrape_timeout is set to the global default (10s).

            # Alertmanager configuration
            alerting:
              alertmanagers:
                - static_configs:
                    - targets:
                      # - alertmanager:9093

            # Load rules once and periodically evaluate them according to the global 'evaluation_interval'.
            rule_files:
              # - "first_rules.yml"
              # - "second_rules.yml"

            scrape_configs:
              - job_name: "prometheus"
                # metrics_path defaults to '/metrics'
                # scheme defaults to 'http'.
                static_configs:
                  - targets: ["localhost:9090"]
                    labels:
                      app: "prometheus"
            """
        )
        #expect(config.global.scrapeInterval == .seconds(15))
        #expect(config.collectors.host.interval == .seconds(15))
        #expect(config.alerting.alertmanagers.count == 1)
        #expect(config.alerting.alertmanagers[0].urls == [])
        let job = try #require(config.scrapeConfigs.first)
        #expect(job.jobName == "prometheus")
        #expect(job.metricsPath == "/metrics")
        #expect(job.scheme == "http")
        #expect(job.scrapeInterval == .seconds(15))
        #expect(job.scrapeTimeout == .seconds(10))
        #expect(
            job.staticConfigs == [
                TargetGroup(targets: ["localhost:9090"], labels: labels(("app", "prometheus")))
            ]
        )
        #expect(config.warnings.isEmpty)
    }

    @Test func everyKeyOfAScrapeJob() throws {
        let config = try configuration(
            """
            global: {scrape_interval: 5s, sample_limit: 9.0}
            scrape_configs:
              - job_name: full
                scrape_interval: 1m30s
                scrape_timeout: 20s
                metrics_path: probe
                scheme: https
                params: {module: [http_2xx], a: [x, 1]}
                honor_labels: true
                honor_timestamps: false
                track_timestamps_staleness: true
                enable_compression: false
                fallback_scrape_protocol: PrometheusText0.0.4
                follow_redirects: false
                sample_limit: 1e3
                body_size_limit: 10MB
                label_limit: 30
                basic_auth: {username: u, password_file: pw}
                tls_config: {ca_file: /ca.pem, cert_file: c.pem, key_file: k.pem, server_name: n, insecure_skip_verify: true}
                proxy_url: http://user:pw@proxy:3128
                http_headers: {X-Scope: {values: [a]}, X-Token: {secrets: [t]}}
                static_configs: [{targets: ['a:1', '[::1]:2', host]}]
                relabel_configs:
                  - {source_labels: [__address__, x], separator: '-', regex: '(.*):\\d+', target_label: host, replacement: '${1}'}
                metric_relabel_configs:
                  - {action: hashmod, source_labels: [a], modulus: 8, target_label: shard}
                  - {action: LabelDrop, regex: tmp_.*, separator: ';'}
            """
        )
        let job = try #require(config.scrapeConfigs.first)
        #expect(job.scrapeInterval == .seconds(90))
        #expect(job.scrapeTimeout == .seconds(20))
        #expect(job.metricsPath == "/probe")
        #expect(job.scheme == "https")
        #expect(
            job.params == [
                .init(name: "a", values: ["x", "1"]), .init(name: "module", values: ["http_2xx"]),
            ]
        )
        #expect(
            job.honorLabels && !job.honorTimestamps && job.trackTimestampsStaleness && !job.enableCompression
        )
        #expect(job.fallbackScrapeProtocol == .text0)
        #expect(!job.http.followRedirects)
        #expect(job.limits.samples == 1000)
        #expect(job.limits.bodySize == 10_485_760)
        #expect(job.limits.labels == 30)
        #expect(job.http.basicAuth?.username == "u")
        #expect(job.http.basicAuth?.passwordFile == "/etc/edgewatch/pw")
        #expect(job.http.tls.caFile == "/ca.pem")
        #expect(job.http.tls.certFile == "/etc/edgewatch/c.pem")
        #expect(job.http.tls.serverName == "n")
        #expect(job.http.tls.insecureSkipVerify)
        #expect(job.http.proxyURL?.revealed == "http://user:pw@proxy:3128")
        #expect(job.http.headers.map(\.name) == ["X-Scope", "X-Token"])
        #expect(job.staticConfigs[0].targets == ["a:1", "[::1]:2", "host"])
        let rule = job.relabelConfigs[0]
        #expect(rule.sourceLabels == ["__address__", "x"])
        #expect(rule.separator == "-")
        #expect(rule.regex.source == "(.*):\\d+")
        #expect(rule.replacement == "${1}")
        #expect(rule.action == .replace)
        #expect(job.metricRelabelConfigs.map(\.action) == [.hashmod, .labeldrop])
        #expect(job.metricRelabelConfigs[0].modulus == 8)
    }

    @Test func everyKeyOfAWay() throws {
        let config = try configuration(
            """
            scrape_configs:
              - job_name: a
                proxy_url: http://proxy:3128
                no_proxy: 10.0.0.0/8,example.com
                proxy_connect_header: {X-A: [b, c]}
                enable_http2: true
                http_headers: {X-Token: {values: [v], files: [token]}}
                tls_config: {ca: CA, cert: CERT, key: KEY, min_version: TLS13, max_version: TLS13}
              - {job_name: b, proxy_from_environment: true}
            """
        )
        #expect(config.warnings.isEmpty)
        let http = config.scrapeConfigs[0].http
        #expect(http.noProxy == "10.0.0.0/8,example.com")
        #expect(http.proxyConnectHeaders.map { "\($0.name): \($0.value.revealed)" } == ["X-A: b", "X-A: c"])
        #expect(http.enableHTTP2)
        #expect(http.headers.map(\.value.revealed) == ["v", ""])
        #expect(http.headers.map(\.file) == [nil, "/etc/edgewatch/token"])
        #expect(http.tls.ca == "CA" && http.tls.cert == "CERT" && http.tls.key?.revealed == "KEY")
        #expect(http.tls.minVersion == .tls13 && http.tls.maxVersion == .tls13)
        #expect(config.scrapeConfigs[1].http.proxyFromEnvironment)
        #expect(!config.scrapeConfigs[1].http.enableHTTP2)
    }

    @Test func discovery() throws {
        let config = try configuration(
            """
            global: {keep_dropped_targets: 5, target_limit: 7}
            scrape_configs:
              - job_name: a
                file_sd_configs: [{files: ['t/*.json', /abs.yml]}]
                http_sd_configs: [{url: 'http://sd/x', bearer_token: t}]
                dns_sd_configs: [{names: [a, b]}, {names: [c], type: mx, port: 25, refresh_interval: 1m}]
              - {job_name: b, keep_dropped_targets: 1, target_limit: 2}
            """
        )
        #expect(config.warnings.isEmpty)
        let (first, second) = (config.scrapeConfigs[0], config.scrapeConfigs[1])
        #expect(first.discovery.file.map(\.files) == [["/etc/edgewatch/t/*.json", "/abs.yml"]])
        #expect(first.discovery.file[0].refreshInterval == .seconds(300))
        #expect(first.discovery.http[0].url == "http://sd/x")
        #expect(first.discovery.http[0].refreshInterval == .seconds(60))
        #expect(first.discovery.http[0].http.authorization?.credentials.revealed == "t")
        #expect(first.discovery.dns.map(\.type) == [.srv, .mx])
        #expect(first.discovery.dns.map(\.port) == [0, 25])
        #expect(first.discovery.dns.map(\.refreshInterval) == [.seconds(30), .seconds(60)])
        #expect(!first.discovery.isEmpty && second.discovery.isEmpty)
        #expect([first.limits.keptDroppedTargets, second.limits.keptDroppedTargets] == [5, 1])
        #expect([first.limits.targets, second.limits.targets] == [7, 2])
    }

    /// The blackbox exporter's recipe: what is probed stands among the targets, relabeling makes it a parameter.
    @Test func relabeledTargetsMayBeAnything() throws {
        let config = try configuration(
            """
            scrape_configs:
              - job_name: blackbox
                metrics_path: /probe
                bearer_token_file: token
                static_configs: [{targets: ["http://prometheus.io", "https://prometheus.io/a b"]}]
                relabel_configs:
                  - {source_labels: [__address__], target_label: __param_target}
                  - {source_labels: [__param_target], target_label: instance}
                  - {target_label: __address__, replacement: "127.0.0.1:9115"}
            """
        )
        let job = config.scrapeConfigs[0]
        #expect(job.staticConfigs[0].targets == ["http://prometheus.io", "https://prometheus.io/a b"])
        #expect(job.http.authorization?.credentialsFile == "/etc/edgewatch/token")
        #expect(job.http.authorization?.type == "Bearer")
        #expect(job.relabelConfigs[2].replacement == "127.0.0.1:9115")
    }

    @Test func timeoutsShrinkToTheInterval() throws {
        let config = try configuration(
            "global: {scrape_interval: 5s}\nscrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 1m}]"
        )
        #expect(config.global.scrapeTimeout == .seconds(5))
        #expect(config.scrapeConfigs.map(\.scrapeTimeout) == [.seconds(5), .seconds(5)])
    }

    @Test func externalLabelsExpandTheEnvironment() throws {
        let config = try configuration(
            """
            global:
              external_labels: {site: '${SITE}', node: "$NODE-1", price: "5$$", gone: '${GONE}', odd: 'a$ b${', n: 7}
            """,
            environment: ["SITE": "berlin", "NODE": "gw"]
        )
        #expect(
            config.global.externalLabels
                == labels(
                    ("node", "gw-1"),
                    ("price", "5$"),
                    ("site", "berlin"),
                    ("odd", "a$ b${"),
                    ("n", "7")
                )
        )
        #expect(
            config.warnings.map(\.description) == [
                "/etc/edgewatch/edgewatch.yml:2:75: the environment variable \"GONE\" is not set"
            ]
        )
    }

    @Test func pathsAreRelativeToTheFile() throws {
        let text = "rule_files: [none-here/*.yml, /abs.yml]\nstorage: {path: data}\n"
        #expect(try configuration(text).ruleFiles == ["/etc/edgewatch/none-here/*.yml", "/abs.yml"])
        #expect(try configuration(text).storage.path == "/etc/edgewatch/data")
        let bare = try Configuration.parse(Array(text.utf8), file: "edgewatch.yml")
        #expect(bare.ruleFiles == ["none-here/*.yml", "/abs.yml"])
        #expect(bare.ruleFilePaths() == ["/abs.yml"])
    }

    @Test func alerting() throws {
        let config = try configuration(
            """
            alerting:
              alert_relabel_configs: [{action: labeldrop, regex: replica}]
              alertmanagers:
                - scheme: https
                  path_prefix: /am/
                  timeout: 3s
                  api_version: v2
                  authorization: {credentials: tok}
                  static_configs: [{targets: ['am1:9093', am2]}]
              webhooks:
                - url: http://127.0.0.1:8080/hook?token=t
                  send_resolved: false
                  max_alerts: 5
                - {name: second, url: 'https://example.org/x', repeat_interval: 1h, timeout: 2s}
            """
        )
        let manager = config.alerting.alertmanagers[0]
        #expect(manager.urls == ["https://am1:9093/am/api/v2/alerts", "https://am2/am/api/v2/alerts"])
        #expect(manager.timeout == .seconds(3))
        #expect(manager.http.authorization?.type == "Bearer")
        #expect(manager.http.authorization?.credentials.revealed == "tok")
        #expect(config.alerting.alertRelabelConfigs.map(\.action) == [.labeldrop])
        #expect(config.alerting.webhooks.map(\.name) == ["http://127.0.0.1:8080/hook", "second"])
        #expect(config.alerting.webhooks[0].url.revealed == "http://127.0.0.1:8080/hook?token=t")
        #expect(!config.alerting.webhooks[0].sendResolved)
        #expect(config.alerting.webhooks[0].maxAlerts == 5)
        #expect(config.alerting.webhooks[0].repeatInterval == .seconds(14_400))
        #expect(config.alerting.webhooks[1].repeatInterval == .seconds(3600))
    }

    @Test func remoteWrite() throws {
        let config = try configuration(
            """
            remote_write:
              - url: https://u:p@vm.example.org/api/v1/write
                headers: {X-Scope-OrgID: edge}
              - name: second
                url: http://prom:9090/api/v1/write
                remote_timeout: 5s
                protobuf_message: prometheus.WriteRequest
                write_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: drop}]
                queue_config: {max_samples_per_send: 500, capacity: 10, max_shards: 1, min_shards: 1, min_backoff: 1s,
                  max_backoff: 30s, batch_send_deadline: 2s, retry_on_http_429: false, sample_age_limit: 1d}
                metadata_config: {send: false}
                send_exemplars: false
            sync: {max_backoff: 2m, catch_up_batch_samples: 5000}
            """
        )
        let (first, second) = (config.remoteWrite[0], config.remoteWrite[1])
        #expect(first.name == "https://vm.example.org/api/v1/write")
        #expect(first.url == "https://u:p@vm.example.org/api/v1/write")
        #expect(first.remoteTimeout == .seconds(30))
        #expect(first.http.headers == [.init(name: "X-Scope-OrgID", value: Secret("edge"))])
        #expect(first.queue == QueueConfig())
        #expect(second.name == "second")
        #expect(second.queue.maxSamplesPerSend == 500)
        #expect(second.queue.minBackoff == .seconds(1))
        #expect(second.queue.maxBackoff == .seconds(30))
        #expect(!second.queue.retryOnTooManyRequests)
        #expect(second.queue.sampleAgeLimit == .seconds(86_400))
        #expect(second.writeRelabelConfigs.count == 1)
        #expect(config.sync.maxBackoff == .seconds(120))
        #expect(config.sync.catchUpBatchSamples == 5000)
        #expect(config.warnings.isEmpty)
    }

    @Test func storage() throws {
        let config = try configuration(
            """
            storage:
              circular_buffer: {size: 50GB, segments: 20}
              wal: {size: 8MiB, sync_interval: 0s}
              max_series: 5000
              retention: 7d
              tsdb: {out_of_order_time_window: 30m, retention: {time: 15d, size: 1GB}}
            """
        )
        #expect(config.storage.circularBuffer.size == 50 << 30)
        #expect(config.storage.circularBuffer.segments == 20)
        #expect(config.storage.wal.size == 8 << 20)
        #expect(config.storage.wal.syncInterval == .zero)
        #expect(config.storage.maxSeries == 5000)
        #expect(config.storage.retention == .seconds(7 * 86_400))
        #expect(config.storage.outOfOrderWindow == .seconds(1800))
        let prometheus = try configuration("storage: {tsdb: {retention: {time: 15d, size: 2GB}}}")
        #expect(prometheus.storage.retention == .seconds(15 * 86_400))
        #expect(prometheus.storage.circularBuffer.size == 2 << 30)
    }

    @Test func encryption() throws {
        #expect(try configuration("storage: {}").storage.encryption == nil)
        let cases: [(String, EncryptionConfig)] = [
            ("{key_file: store.key}", EncryptionConfig(key: .file("/etc/edgewatch/store.key"))),
            ("{key_env: STORE_KEY}", EncryptionConfig(key: .environment("STORE_KEY"))),
            (
                "{key_credential: store-key, accept_plaintext: true}",
                EncryptionConfig(key: .credential("store-key"), acceptsPlaintext: true)
            ),
        ]
        for (text, wanted) in cases {
            #expect(try configuration("storage: {encryption: \(text)}").storage.encryption == wanted)
        }
    }

    @Test func tiers() throws {
        let standard = try configuration("storage: {circular_buffer: {size: 8GB}}").storage.tiers
        #expect(standard.warm == nil)
        #expect(standard.cold == TiersConfig.Tier(resolution: .seconds(3600), size: 1 << 30))
        let short = try configuration("storage: {tiers: {hot: 24h, warm: 7d, cold: 30d}}").storage
        #expect(short.retention == .seconds(86_400))
        let week = Duration.seconds(7 * 86_400)
        let month = Duration.seconds(30 * 86_400)
        #expect(
            short.tiers.warm
                == TiersConfig.Tier(resolution: .seconds(300), retention: week, size: 512 << 20)
        )
        #expect(
            short.tiers.cold
                == TiersConfig.Tier(resolution: .seconds(3600), retention: month, size: 128 << 20)
        )
        let long = try configuration(
            """
            storage:
              tiers:
                hot: {retention: 2d, size: 64MB}
                warm: {retention: 7d, size: 16MB, resolution: 10m}
                cold: {size: 8MB}
            """
        ).storage
        #expect(long.circularBuffer.size == 64 << 20)
        #expect(long.retention == .seconds(2 * 86_400))
        #expect(
            long.tiers.warm == TiersConfig.Tier(resolution: .seconds(600), retention: week, size: 16 << 20)
        )
        #expect(long.tiers.cold == TiersConfig.Tier(resolution: .seconds(3600), size: 8 << 20))
        let off = try configuration("storage: {tiers: {warm: on, cold: off}}").storage.tiers
        #expect(off.warm == TiersConfig.Tier(resolution: .seconds(300), size: 512 << 20))
        #expect(off.cold == nil)
    }

    @Test func sampling() throws {
        let config = try configuration(
            """
            sampling:
              strategies:
                - name: network_quality_based
                  condition: "network_latency > 100ms OR bandwidth < 10Mbps"
                  action: {type: reduce_frequency, new_interval: 60s, metrics: [node]}
                - name: battery_power
                  condition: power_source == 'battery' AND battery_level < 30%
                  enter_after: 2
                  leave_after: 1m
                  action: {type: reduce_metrics, keep_metrics: [health], drop_metrics: [debug]}
                - name: anomaly_detected
                  condition: anomaly_score > 0.8
                  action: {type: increase_frequency, new_interval: 1s, duration: 5m, metrics: [affected_service]}
            """
        )
        let strategies = config.sampling.strategies
        #expect(config.sampling.enabled)
        #expect(strategies.map(\.name) == ["network_quality_based", "battery_power", "anomaly_detected"])
        #expect(strategies[0].condition.signals == ["bandwidth", "network_latency"])
        #expect(strategies[0].enterAfter == 1)
        #expect(strategies[0].leaveAfter == .seconds(300))
        #expect(strategies[0].action.newInterval == .seconds(60))
        #expect(strategies[1].enterAfter == 2)
        #expect(strategies[1].leaveAfter == .seconds(60))
        #expect(strategies[1].action.kind == .reduceMetrics)
        #expect(strategies[1].action.keepMetrics == ["health"])
        #expect(strategies[1].action.dropMetrics == ["debug"])
        #expect(strategies[2].action.kind == .increaseFrequency)
        #expect(strategies[2].action.duration == .seconds(300))
        #expect(strategies[2].action.metrics == ["affected_service"])
    }

    @Test func collectors() throws {
        let config = try configuration(
            """
            global: {scrape_interval: 20s}
            collectors:
              host: {interval: 5s, instance: gw-7, labels: {site: a}, proc_path: /host/proc, rootfs_path: /host}
              modbus:
                - name: plc-1
                  address: tcp://192.168.1.20:1502
                  unit: 3
                  byte_order: cdab
                  max_gap: 0
                  labels: {line: A}
                  registers:
                    - {metric: boiler_temperature_celsius, help: Boiler., table: input, address: 10, type: int16, scale: 0.1}
                    - {metric: energy_joules_total, address: 0x20, type: uint32, byte_order: ABCD, offset: -5, labels: {m: x}}
                    - {metric: door_open, table: coil, address: 0}
                - {name: plc-2, address: plc-2, registers: [{metric: m, address: 65534, type: float32}]}
            """
        )
        let host = config.collectors.host
        #expect(host.interval == .seconds(5))
        #expect(host.instance == "gw-7")
        #expect(host.labels == labels(("site", "a")))
        #expect(host.procPath == "/host/proc")
        #expect(host.sysPath == "/sys")
        #expect(host.rootfsPath == "/host")
        let device = config.collectors.modbus[0]
        #expect(device.host == "192.168.1.20")
        #expect(device.port == 1502)
        #expect(device.unit == 3)
        #expect(device.interval == .seconds(20))
        #expect(device.timeout == .seconds(1))
        #expect(device.maxGap == 0)
        #expect(device.registers.map(\.address) == [10, 32, 0])
        #expect(device.registers.map(\.byteOrder) == [.cdab, .abcd, .cdab])
        #expect(device.registers.map(\.table) == [.input, .holding, .coil])
        #expect(device.registers.map(\.type) == [.int16, .uint32, .bool])
        #expect(device.registers[0].scale == 0.1)
        #expect(device.registers[1].offset == -5)
        #expect(device.registers[1].labels == labels(("m", "x")))
        #expect(config.collectors.modbus[1].host == "plc-2")
        #expect(config.collectors.modbus[1].port == 502)
        #expect(try !configuration("collectors: {host: {enabled: false}}").collectors.host.enabled)
    }

    @Test func embeddedDefault() throws {
        let config = try Configuration.loadEmbeddedDefault()
        #expect(config.file == nil)
        #expect(config.warnings.isEmpty)
        #expect(config.collectors.host.enabled)
        #expect(config.collectors.host.interval == .seconds(15))
        #expect(config.global.evaluationInterval == .seconds(15))
        #expect(config.storage.path == "data")
        #expect(config.ruleFiles.isEmpty)
        #expect(config.scrapeConfigs.isEmpty)
        #expect(config.sampling.strategies.map(\.name) == ["network_quality_based", "battery_power"])
        #expect(
            config.sampling.strategies.map(\.condition.description) == [
                "network_latency > 100ms OR bandwidth < 10Mbps",
                "power_source == 'battery' AND battery_level < 30%",
            ]
        )
    }
}
