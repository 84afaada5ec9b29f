// SPDX-License-Identifier: Apache-2.0
//
// What finds targets: one long task for each discovery that is configured. It hands over everything it knows whenever
// that changed; what becomes of it (targets, their limits, when they are taken over) is DiscoveryManager's.

internal import Config
internal import HTTPClient
internal import Platform
internal import Samples
internal import Wire

/// Targets that were found together.
struct DiscoveredGroup: Sendable, Equatable {
    /// Which file, URL, name or object; unique within a discoverer.
    var source: String
    /// The labels of each target, `__address__` among them; they win over the group's.
    var targets: [PackedLabels]
    /// Labels of all of them.
    var labels: PackedLabels
}

extension DiscoveredGroup {
    init(source: String, targets: [Labels], labels: Labels = Labels()) {
        self.init(source: source, targets: targets.map { PackedLabels($0) }, labels: PackedLabels(labels))
    }
}

/// Where a discoverer reports to; may be called from any thread.
struct DiscoveryReport: Sendable {
    /// Takes all groups known now; the first call makes targets at once, also with none.
    let publish: @Sendable ([DiscoveredGroup]) -> Void
    /// Takes what went wrong, in words; the groups stay as they are.
    let fail: @Sendable (String) -> Void
    /// Learns that everything was asked once, for those who ask only once; more calls mean nothing.
    var endRound: @Sendable () -> Void = {}
}

/// Finds targets.
protocol Discoverer: Sendable {
    /// Looks for targets until cancelled.
    func run(_ report: DiscoveryReport) async
}

/// A discovery as configured; equal ones are the same.
enum DiscovererDefinition: Sendable, Equatable {
    case file(FileDiscoveryConfig)
    case http(HTTPDiscoveryConfig)
    case dns(DNSDiscoveryConfig)
    case kubernetes(KubernetesDiscoveryConfig)

    /// Every discovery of a job.
    static func all(of job: ScrapeConfig) -> [DiscovererDefinition] {
        job.discovery.file.map(DiscovererDefinition.file) + job.discovery.http.map(DiscovererDefinition.http)
            + job.discovery.dns.map(DiscovererDefinition.dns)
            + job.discovery.kubernetes.map(DiscovererDefinition.kubernetes)
    }

    /// The word for it in series, in the API and for people; Prometheus'.
    var mechanism: String {
        switch self {
        case .file: "file"
        case .http: "http"
        case .dns: "dns"
        case .kubernetes: "kubernetes"
        }
    }

    func make(http: HTTPClient, clock: any EdgeClock, watches: KubernetesWatches) -> any Discoverer {
        switch self {
        case .file(let config): FileDiscovery(config, clock: clock)
        case .http(let config): HTTPDiscovery(config, http: http, clock: clock)
        case .dns(let config): DNSDiscovery(config, clock: clock)
        case .kubernetes(let config): KubernetesDiscovery(config, watches)
        }
    }
}
