// SPDX-License-Identifier: Apache-2.0

/// Everything that can be asked, by its path.
enum Endpoint: String, Sendable, CaseIterable {
    case query = "/api/v1/query"
    case queryRange = "/api/v1/query_range"
    case queryExemplars = "/api/v1/query_exemplars"
    case formatQuery = "/api/v1/format_query"
    case parseQuery = "/api/v1/parse_query"
    case series = "/api/v1/series"
    case labels = "/api/v1/labels"
    case labelValues = "/api/v1/label/:name/values"
    case metadata = "/api/v1/metadata"
    case targets = "/api/v1/targets"
    case targetMetadata = "/api/v1/targets/metadata"
    case relabelSteps = "/api/v1/targets/relabel_steps"
    case scrapePools = "/api/v1/scrape_pools"
    case scrapePoolConfiguration = "/api/v1/scrape_pools/config"
    case rules = "/api/v1/rules"
    case alerts = "/api/v1/alerts"
    case alertmanagers = "/api/v1/alertmanagers"
    case buildInfo = "/api/v1/status/buildinfo"
    case runtimeInfo = "/api/v1/status/runtimeinfo"
    case configuration = "/api/v1/status/config"
    case flags = "/api/v1/status/flags"
    case storeStatus = "/api/v1/status/tsdb"
    case blocks = "/api/v1/status/tsdb/blocks"
    case logReplay = "/api/v1/status/walreplay"
    case selfMetrics = "/api/v1/status/self_metrics"
    case features = "/api/v1/features"
    case notifications = "/api/v1/notifications"
    case liveNotifications = "/api/v1/notifications/live"
    case edgewatchStatus = "/api/v1/edgewatch/status"
    case remoteRead = "/api/v1/read"
    case remoteWrite = "/api/v1/write"
    case otlp = "/api/v1/otlp/v1/metrics"
    case textImport = "/api/v1/import/prometheus"
    case pushGateway = "/metrics/job"
    case deleteSeries = "/api/v1/admin/tsdb/delete_series"
    case cleanTombstones = "/api/v1/admin/tsdb/clean_tombstones"
    case snapshot = "/api/v1/admin/tsdb/snapshot"
    case federate = "/federate"
    case healthy = "/-/healthy"
    case ready = "/-/ready"
    case reload = "/-/reload"
    case quit = "/-/quit"
    case metrics = "/metrics"
    case version = "/version"

    /// Where the API begins.
    static let prefix = "/api/v1/"

    private static let labelPrefix = "/api/v1/label/"
    private static let labelSuffix = "/values"
    /// Behind these come the labels of a group.
    private static let groupPrefixes: [(prefix: String, endpoint: Endpoint)] = [
        ("/metrics/job/", .pushGateway), ("/metrics/job@base64/", .pushGateway),
        ("/api/v1/import/prometheus/metrics/job/", .textImport),
        ("/api/v1/import/prometheus/metrics/job@base64/", .textImport),
    ]

    /// The endpoint of a path, with the label's name or the group's labels still percent-encoded; nil when there is none.
    static func find(_ path: Substring) -> (endpoint: Endpoint, labelName: Substring)? {
        if path.hasPrefix(labelPrefix), path.hasSuffix(labelSuffix),
            path.utf8.count > labelPrefix.utf8.count + labelSuffix.utf8.count
        {
            let name = path.dropFirst(labelPrefix.count).dropLast(labelSuffix.count)
            return name.contains("/") ? nil : (.labelValues, name)
        }
        for (prefix, endpoint) in groupPrefixes where path.hasPrefix(prefix) {
            let start = prefix.utf8.count - (prefix.hasSuffix("@base64/") ? 11 : 4)
            return (endpoint, path.dropFirst(start))
        }
        guard let endpoint = Endpoint(rawValue: String(path)), endpoint != .labelValues else { return nil }
        return (endpoint, "")
    }

    /// The methods answered; all others are 405.
    var methods: [String] {
        switch self {
        case .query, .queryRange, .queryExemplars, .formatQuery, .parseQuery, .series, .labels:
            ["GET", "POST"]
        case .healthy, .ready: ["GET", "HEAD"]
        case .reload, .quit, .deleteSeries, .cleanTombstones, .snapshot: ["POST", "PUT"]
        case .remoteWrite, .remoteRead, .otlp: ["POST"]
        case .textImport: ["POST", "PUT"]
        case .pushGateway: ["PUT", "POST", "DELETE"]
        default: ["GET"]
        }
    }

    /// Whether it is answered only once the store has been read.
    var needsReadiness: Bool {
        switch self {
        case .healthy, .metrics, .version, .reload, .quit, .logReplay, .notifications, .liveNotifications:
            false
        default: true
        }
    }

    /// Where an answer is made.
    enum Place {
        /// On the connection's event loop: what takes microseconds and neither waits nor reads samples.
        case loop
        /// On the cooperative pool.
        case pool
        /// On a thread of the query engine; it is stopped when the client goes away.
        case queryThread
    }

    /// Where its answer to a request with these parameters is made.
    func place(_ parameters: Parameters) -> Place {
        switch self {
        case .query, .queryRange: .queryThread
        case .healthy, .ready, .version, .buildInfo, .features, .flags: .loop
        // They are kept sorted; matchers may run expressions over every value of a label.
        case .labelValues: parameters["match[]"].isEmpty ? .loop : .pool
        default: .pool
        }
    }

    /// Whether answers may be compressed: those for programs that read text, not the bodies that are already compressed.
    var isCompressible: Bool {
        switch self {
        case .remoteRead, .remoteWrite, .otlp, .textImport, .pushGateway, .liveNotifications, .healthy,
            .ready, .reload, .quit, .version:
            false
        default: true
        }
    }

    /// Whether pages of other sites may read it.
    var isCrossOrigin: Bool { rawValue.hasPrefix(Endpoint.prefix) && self != .remoteRead }
}
