// SPDX-License-Identifier: Apache-2.0
//
// What a pass stores of the gateway: everything held, at the time of the pass, and the ends of what is held no more. A pass
// is several requests, each of whole groups: its memory is that of a part, and what one group has cannot keep another from
// being stored.

internal import Samples
internal import Synchronization
internal import Wire

extension PushGateway {
    /// A pass under way: what was held when it began, less what was put into requests.
    struct Pass: Sendable {
        /// A request is full at so many series or bytes.
        private static let requestSeries = 5_000
        private static let requestBytes = 2 << 20

        /// A group with whether it is the one that says when it was pushed.
        fileprivate var groups: [(own: Labels, group: Group, hasTimes: Bool)] = []
        fileprivate var ends: [(labels: Labels, isHistogram: Bool)] = []
        /// Milliseconds since 1970.
        let time: Int64
        private var isFirst = true

        fileprivate init(at time: Int64) {
            self.time = time
        }

        /// Whether all is in requests.
        var isOver: Bool { groups.isEmpty && ends.isEmpty }

        /// Adds the next part to an empty request.
        ///
        /// - Parameter request: what is filled.
        /// - Throws: `RemoteWriteError` when a group is more than a request may hold, which pushes see to; the part is passed
        ///   over then.
        mutating func fill(_ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
            if isFirst, !groups.isEmpty { try describeTimes(&request) }
            isFirst = false
            var room = (series: Pass.requestSeries, bytes: Pass.requestBytes)
            while room.series > 0, room.bytes > 0, let (own, group, hasTimes) = groups.popLast() {
                room.series -= group.size.series
                room.bytes -= group.size.bytes
                if hasTimes { try addTimes(own, group, &request) }
                for family in group.families.values { try add(family, &request) }
            }
            while room.series > 0, room.bytes > 0, let (labels, isHistogram) = ends.popLast() {
                room.series -= 1
                room.bytes -= labels.bytes.count
                if isHistogram {
                    try request.add(labels, time, NativeHistogram.staleMarker.message, limits: .pushGateway)
                } else {
                    try request.add(labels, time, StaleMarker.value, limits: .pushGateway)
                }
            }
        }

        private func addTimes(
            _ own: Labels,
            _ group: Group,
            _ request: inout RemoteWriteRequest
        ) throws(RemoteWriteError) {
            for (name, seconds) in PushGateway.times(group) {
                let labels = own.setting(Labels.metricNameLabel, name)
                try request.add(labels, time, seconds, limits: .pushGateway)
            }
        }

        private func add(_ family: Family, _ request: inout RemoteWriteRequest) throws(RemoteWriteError) {
            for (labels, value) in family.samples {
                switch value {
                case .number(let number): try request.add(labels, time, number, limits: .pushGateway)
                case .histogram(let histogram):
                    try request.add(labels, time, histogram.message, limits: .pushGateway)
                }
            }
            if let metadata = family.metadata { try request.describe(metadata, limits: .pushGateway) }
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

    /// Begins a pass over everything held, with a stale marker for each series that was in the last pass and is held no more.
    ///
    /// - Parameters:
    ///   - time: milliseconds since 1970.
    ///   - isEnd: whether nothing is to be held any more.
    /// - Returns: what is to be stored.
    func beginPass(at time: Int64, isEnd: Bool = false) -> Pass {
        state.withLock { state in
            var pass = Pass(at: time)
            var live: [Labels: Bool] = [:]
            for (key, group) in isEnd ? [:] : state.groups {
                let own = key.labels
                var hasTimes = true
                for (name, _) in PushGateway.times(group) {
                    // Two groups may differ only in a label that is empty in one.
                    let labels = own.setting(Labels.metricNameLabel, name)
                    hasTimes = live.updateValue(false, forKey: labels) == nil
                }
                for (labels, value) in group.families.values.lazy.flatMap(\.samples) {
                    if case .histogram = value { live[labels] = true } else { live[labels] = false }
                }
                pass.groups.append((own, group, hasTimes))
            }
            // A series that changed its kind goes on without a gap.
            for (labels, isHistogram) in state.live where live[labels] == nil {
                pass.ends.append((labels, isHistogram))
            }
            state.live = live
            return pass
        }
    }

    /// The series that say when a group was pushed.
    private static func times(_ group: Group) -> [(name: String, seconds: Double)] {
        [("push_time_seconds", group.pushed), ("push_failure_time_seconds", group.failed)]
    }
}

extension RemoteWriteRequest.Limits {
    /// All the gateway holds, should it be one group, and what remains of a part before it.
    fileprivate static let pushGateway: RemoteWriteRequest.Limits = {
        var limits = RemoteWriteRequest.Limits()
        limits.series = 2 * PushGateway.seriesLimit
        limits.histograms = 2 * PushGateway.seriesLimit
        limits.copiedBytes = 2 * PushGateway.byteLimit
        return limits
    }()
}
