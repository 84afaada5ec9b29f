// SPDX-License-Identifier: Apache-2.0

/// Everything that can be asked, by its path.
enum Endpoint: String, Sendable, CaseIterable {
    case query = "/api/v1/query"
    case queryRange = "/api/v1/query_range"
    case queryExemplars = "/api/v1/query_exemplars"
    case formatQuery = "/api/v1/format_query"
    case series = "/api/v1/series"
    case labels = "/api/v1/labels"
    case labelValues = "/api/v1/label/:name/values"
    case metadata = "/api/v1/metadata"
    case targets = "/api/v1/targets"
    case scrapePools = "/api/v1/scrape_pools"
    case rules = "/api/v1/rules"
    case alerts = "/api/v1/alerts"
    case alertmanagers = "/api/v1/alertmanagers"
    case buildInfo = "/api/v1/status/buildinfo"
    case runtimeInfo = "/api/v1/status/runtimeinfo"
    case configuration = "/api/v1/status/config"
    case flags = "/api/v1/status/flags"
    case storeStatus = "/api/v1/status/tsdb"
    case edgewatchStatus = "/api/v1/edgewatch/status"
    case remoteWrite = "/api/v1/write"
    case healthy = "/-/healthy"
    case ready = "/-/ready"
    case reload = "/-/reload"
    case metrics = "/metrics"
    case version = "/version"

    /// Where the API begins.
    static let prefix = "/api/v1/"

    private static let labelPrefix = "/api/v1/label/"
    private static let labelSuffix = "/values"

    /// The endpoint of a path, with the label's name still percent-encoded; nil when there is none.
    static func find(_ path: Substring) -> (endpoint: Endpoint, labelName: Substring)? {
        if path.hasPrefix(labelPrefix), path.hasSuffix(labelSuffix),
            path.utf8.count > labelPrefix.utf8.count + labelSuffix.utf8.count
        {
            let name = path.dropFirst(labelPrefix.count).dropLast(labelSuffix.count)
            return name.contains("/") ? nil : (.labelValues, name)
        }
        guard let endpoint = Endpoint(rawValue: String(path)), endpoint != .labelValues else { return nil }
        return (endpoint, "")
    }

    /// The methods answered; all others are 405.
    var methods: [String] {
        switch self {
        case .query, .queryRange, .queryExemplars, .formatQuery, .series, .labels: ["GET", "POST"]
        case .healthy, .ready: ["GET", "HEAD"]
        case .reload: ["POST", "PUT"]
        case .remoteWrite: ["POST"]
        default: ["GET"]
        }
    }

    /// Whether it is answered only once the store has been read.
    var needsReadiness: Bool {
        switch self {
        case .healthy, .metrics, .version, .reload: false
        default: true
        }
    }

    /// Whether it is worth stopping the work when the client goes away.
    var isExpensive: Bool { self == .query || self == .queryRange }
}
