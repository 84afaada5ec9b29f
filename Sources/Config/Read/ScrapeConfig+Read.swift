// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// Prometheus' kinds of service discovery, known by name so that a file using one gets a plain answer.
enum ServiceDiscovery {
    static let keys = [
        "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "file",
        "gce",
        "hetzner", "http", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad",
        "oci",
        "openstack", "outscale", "ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton",
        "uyuni",
        "vultr",
    ].map { "\($0)_sd_configs" }
    static let remedy = "list the targets under static_configs"
}

extension ScrapeConfig {
    init?(reading section: Section, _ global: GlobalConfig) {
        self.init(jobName: section.required("job_name") ?? "", global: global)
        let hasLegacyNames = section.context.hasLegacyNames
        defer { section.context.hasLegacyNames = hasLegacyNames }
        formats = ScrapeFormats(reading: section, inheriting: global.formats)
        readTimes(section, global)
        metricsPath = section.string("metrics_path") ?? metricsPath
        if !metricsPath.hasPrefix("/") { metricsPath = "/\(metricsPath)" }
        scheme = section.webScheme() ?? scheme
        params = ScrapeConfig.params(section)
        honorLabels = section.bool("honor_labels") ?? honorLabels
        honorTimestamps = section.bool("honor_timestamps") ?? honorTimestamps
        trackTimestampsStaleness = section.bool("track_timestamps_staleness") ?? trackTimestampsStaleness
        enableCompression = section.bool("enable_compression") ?? enableCompression
        fallbackScrapeProtocol = section.choice("fallback_scrape_protocol")
        relabelConfigs = section.relabelConfigs("relabel_configs")
        staticConfigs = section.targetGroups(areRelabeled: !relabelConfigs.isEmpty)
        metricRelabelConfigs = section.relabelConfigs("metric_relabel_configs")
        validation = section.validations()
        http = HTTPConfig(reading: section)
        limits = ScrapeLimits(reading: section, inheriting: global.limits)
        nativeHistogramBuckets = section.integer("native_histogram_bucket_limit", in: 0...(.max)) ?? 0
        nativeHistogramFactor = section.number("native_histogram_min_bucket_factor") ?? 0
        discovery = DiscoveryConfig(reading: section)
        section.ignore(["scrape_failure_log_file"])
    }

    private mutating func readTimes(_ section: Section, _ global: GlobalConfig) {
        scrapeInterval = section.interval("scrape_interval") ?? scrapeInterval
        let timeout = section.interval("scrape_timeout")
        if let timeout, timeout > scrapeInterval {
            section.report("scrape_timeout", "the scrape timeout is longer than the scrape interval")
        }
        scrapeTimeout = min(timeout ?? global.scrapeTimeout, scrapeInterval)
    }

    private static func params(_ section: Section) -> [Parameter] {
        section.section("params") { params in
            let names = (params.node.entries ?? []).compactMap(\.key.string).sorted()
            return names.map { Parameter(name: $0, values: params.strings($0)) }
        }
    }
}

extension RelabelConfig {
    init?(reading section: Section) {
        guard let standard = try? Pattern("(.*)") else { return nil }
        let names = section.labelNames("source_labels")
        let written: Action? = section.choice("action")
        let action = written ?? .replace
        let pattern = section.pattern("regex")
        self.init(action: action, regex: pattern ?? standard)
        nameScheme = section.context.hasLegacyNames ? .legacy : .utf8
        sourceLabels = names
        separator = section.string("separator") ?? separator
        targetLabel = section.string("target_label") ?? targetLabel
        modulus = section.integer("modulus", in: 1...(.max)).map(UInt64.init) ?? 0
        replacement = section.string("replacement") ?? replacement
        // A misspelt action is reported; what it would need is not known.
        if written != nil || section.node["action"] == nil { check(section) }
    }

    private func check(_ section: Section) {
        let name = action.rawValue
        switch action {
        case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
            if targetLabel.isEmpty {
                section.report("action", "a \(name) rule needs a \"target_label\"")
            } else if action != .replace, !section.isLabelName(targetLabel) {
                section.report("target_label", "invalid label name \"\(targetLabel)\"")
            }
        case .keep, .drop, .labelmap, .labeldrop, .labelkeep: break
        }
        if action == .hashmod, modulus == 0 { section.report("action", "a hashmod rule needs a \"modulus\"") }
        let unwanted: [String]
        switch action {
        case .keepequal, .dropequal: unwanted = ["separator", "regex", "modulus", "replacement"]
        case .labeldrop, .labelkeep:
            unwanted = ["source_labels", "separator", "target_label", "modulus", "replacement"]
        default: unwanted = []
        }
        for key in unwanted where !isDefault(key) {
            section.report(key, "a \(name) rule takes no \"\(key)\"")
        }
    }

    /// Whether a key has the value it has when it is not written.
    private func isDefault(_ key: String) -> Bool {
        switch key {
        case "source_labels": sourceLabels.isEmpty
        case "separator": separator == ";"
        case "target_label": targetLabel.isEmpty
        case "regex": regex.source == "(.*)"
        case "modulus": modulus == 0
        default: replacement == "$1"
        }
    }
}

extension Section {
    /// Relabeling rules under a key.
    func relabelConfigs(_ key: String) -> [RelabelConfig] { sections(key, RelabelConfig.init(reading:)) }

    /// `http` or `https` under `scheme`.
    func webScheme() -> String? {
        enum Scheme: String, CaseIterable { case http, https }
        let scheme: Scheme? = choice("scheme")
        return scheme?.rawValue
    }

    /// The groups under `static_configs`.
    ///
    /// Relabeling may turn anything into an address (the URLs a blackbox exporter is to probe), so targets that are
    /// relabeled are checked only then.
    func targetGroups(areRelabeled: Bool) -> [TargetGroup] {
        sections("static_configs") { section in
            let targets = section.list("targets").compactMap { node in
                areRelabeled ? section.string(node, "targets") : section.target(node)
            }
            return TargetGroup(targets: targets, labels: section.labels("labels"))
        }
    }

    private func target(_ node: YAMLNode) -> String? {
        guard let text = string(node, "targets") else { return nil }
        if HostPort(text) != nil { return text }
        let remedy =
            if let url = URLText(text) {
                "write \"\(url.authority)\", and put the rest into scheme and metrics_path"
            } else if text.contains("/") {
                "put the path into metrics_path"
            } else {
                ""
            }
        problems.add(
            node.error("expected a target such as \"host:9100\", found \(node.words)", remedy: remedy)
        )
        return nil
    }
}
