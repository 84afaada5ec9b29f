// SPDX-License-Identifier: Apache-2.0
//
// What all targets of a job share, by reference: a thousand targets hold one configuration, and whether two targets are
// of the same job is a comparison of pointers.

internal import Config
internal import Samples
internal import Synchronization

/// A job as its targets see it.
final class SharedJob: Sendable, Equatable {
    /// The job without what made the targets.
    let config: ScrapeConfig
    private let words = Mutex<String?>(nil)

    init(_ job: ScrapeConfig) {
        var common = job
        common.staticConfigs = []
        common.relabelConfigs = []
        common.discovery = DiscoveryConfig()
        config = common
    }

    /// Why no target of the job may be scraped; nil when they may.
    var refusal: String? {
        get { words.withLock { $0 } }
        set { words.withLock { $0 = newValue } }
    }

    static func == (left: SharedJob, right: SharedJob) -> Bool {
        left === right || left.config == right.config
    }
}

/// What makes a target another one than its neighbours.
struct TargetKey: Hashable {
    let job: String
    let labels: Labels
    let url: String
}

extension ScrapeTarget {
    var key: TargetKey { TargetKey(job: job.jobName, labels: labels, url: url) }
}

extension DiscoveredGroup {
    /// The groups under `static_configs`.
    static func fixed(of job: ScrapeConfig) -> [DiscoveredGroup] {
        job.staticConfigs.enumerated().map { index, group in
            DiscoveredGroup(
                source: "\(index)",
                targets: group.targets.map { Labels([(name: "__address__", value: $0)]) },
                labels: group.labels
            )
        }
    }
}
