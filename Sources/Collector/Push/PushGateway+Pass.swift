// SPDX-License-Identifier: Apache-2.0
//
// What a pass stores of the gateway: everything held, at the time of the pass, and the ends of what is held no more.

internal import Samples
internal import Synchronization
internal import Wire

extension PushGateway {
    /// Adds everything held to a request, and a stale marker for each series that was in the last pass and is held no more.
    ///
    /// - Parameters:
    ///   - request: what is filled.
    ///   - time: milliseconds since 1970.
    ///   - isEnd: whether nothing is to be held any more.
    /// - Throws: `RemoteWriteError` when there is more than a request may hold.
    func fill(
        _ request: inout RemoteWriteRequest,
        at time: Int64,
        isEnd: Bool = false
    ) throws(RemoteWriteError) {
        let (groups, before) = state.withLock { ($0.groups, $0.live) }
        var live: [Labels: Bool] = [:]
        for (key, group) in isEnd ? [:] : groups {
            let own = key.labels
            for (name, seconds) in [
                ("push_time_seconds", group.pushed), ("push_failure_time_seconds", group.failed),
            ] {
                let labels = own.setting(Labels.metricNameLabel, name)
                // Two groups may differ only in a label that is empty in one.
                guard live.updateValue(false, forKey: labels) == nil else { continue }
                try request.add(labels, time, seconds, limits: .pushGateway)
            }
            for family in group.families.values {
                for (labels, value) in family.samples {
                    switch value {
                    case .number(let number):
                        live[labels] = false
                        try request.add(labels, time, number, limits: .pushGateway)
                    case .histogram(let histogram):
                        live[labels] = true
                        try request.add(labels, time, histogram.message, limits: .pushGateway)
                    }
                }
                if let metadata = family.metadata { try request.describe(metadata) }
            }
        }
        for (labels, isHistogram) in before where live[labels] != isHistogram {
            // A series that changed its kind goes on without a gap.
            guard live[labels] == nil else { continue }
            if isHistogram {
                try request.add(labels, time, NativeHistogram.staleMarker.message, limits: .pushGateway)
            } else {
                try request.add(labels, time, StaleMarker.value, limits: .pushGateway)
            }
        }
        if !live.isEmpty { try describeTimes(&request) }
        state.withLock { $0.live = live }
    }

    private func describeTimes(_ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
        for (name, help) in [
            ("push_time_seconds", "Last Unix time when changing this group succeeded."),
            ("push_failure_time_seconds", "Last Unix time when changing this group failed."),
        ] {
            try request.describe(MetricMetadata(family: name, kind: .gauge, help: help))
        }
    }
}

extension RemoteWriteRequest.Limits {
    /// All the gateway holds, and the ends of as many.
    fileprivate static let pushGateway: RemoteWriteRequest.Limits = {
        var limits = RemoteWriteRequest.Limits()
        limits.series = 3 * PushGateway.seriesLimit
        return limits
    }()
}
