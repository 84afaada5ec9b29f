// SPDX-License-Identifier: Apache-2.0

extension RemoteWriteConfig {
    init?(reading section: Section) {
        let url = section.requiredURL("url")
        self.init(name: section.string("name") ?? url?.redacted ?? "", url: url?.text ?? "")
        remoteTimeout = section.interval("remote_timeout") ?? remoteTimeout
        writeRelabelConfigs = section.relabelConfigs("write_relabel_configs")
        http = HTTPConfig(reading: section)
        http.headers += RemoteWriteConfig.headers(section)
        queue = section.section("queue_config", QueueConfig.init(reading:))
        type = section.choice("type") ?? type
        message = section.choice("protobuf_message")
        compression = section.choice("compression") ?? compression
        budget = section.section("budget", Budget.init(reading:))
        section.refuse(["sigv4", "azuread", "google_iam"], remedy: "use basic_auth or authorization")
        sendsNativeHistograms = section.bool("send_native_histograms") ?? sendsNativeHistograms
        section.ignore(["send_exemplars", "round_robin_dns"])
        section.accept(["metadata_config"])
    }

    private static func headers(_ section: Section) -> [HTTPConfig.Header] {
        let reserved = [
            "authorization", "content-encoding", "content-type", "host", "user-agent", "x-amz-date",
            "x-amz-security-token", "x-prometheus-remote-write-version",
        ]
        return section.section("headers") { headers in
            (headers.node.entries ?? []).compactMap { entry in
                guard let name = entry.key.string, let value = headers.string(name) else { return nil }
                if reserved.contains(name.lowercased()) {
                    headers.report(name, "the header \"\(name)\" is set by edgewatch")
                }
                return HTTPConfig.Header(name: name, value: Secret(value))
            }
        }
    }
}

extension RemoteWriteConfig.Budget {
    fileprivate init(reading section: Section) {
        self.init()
        // A request with a single sample has to fit, with its handshake.
        perSecond = Self.size(section, "per_second", least: 2 << 10, "2KB")
        perDay = Self.size(section, "per_day", least: 64 << 10, "64KB")
        perMonth = Self.size(section, "per_month", least: 1 << 20, "1MB")
        monthStarts = section.integer("month_starts", in: 1...28) ?? monthStarts
    }

    private static func size(_ section: Section, _ key: String, least: Int, _ words: String) -> Int? {
        guard let size = section.size(key) else { return nil }
        guard size >= Int64(least) else {
            section.report(key, "\"\(key)\" is below \(words), too little for a request")
            return nil
        }
        return Int(min(size, 1 << 50))
    }
}

extension QueueConfig {
    fileprivate init(reading section: Section) {
        self.init()
        maxSamplesPerSend = section.integer("max_samples_per_send", in: 1...1_000_000) ?? maxSamplesPerSend
        batchSendDeadline = section.interval("batch_send_deadline") ?? batchSendDeadline
        minBackoff = section.interval("min_backoff") ?? minBackoff
        maxBackoff = section.interval("max_backoff").map { max($0, minBackoff) }
        retryOnTooManyRequests = section.bool("retry_on_http_429") ?? retryOnTooManyRequests
        sampleAgeLimit = section.duration("sample_age_limit") ?? sampleAgeLimit
        section.accept(["capacity", "max_shards", "min_shards"])
    }
}

extension SyncConfig {
    /// Reads the section; rules are for destinations with these names.
    init(reading section: Section, destinations: [String]) {
        self.init()
        maxBackoff = section.interval("max_backoff") ?? maxBackoff
        catchUpBatchSamples =
            section.integer("catch_up_batch_samples", in: 1...1_000_000) ?? catchUpBatchSamples
        rules = SyncRuleConfig.list(section, destinations: destinations)
    }
}
