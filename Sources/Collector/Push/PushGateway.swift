// SPDX-License-Identifier: Apache-2.0
//
// What a Pushgateway does (prometheus/pushgateway, README "API" and handler/push.go): metrics of jobs that are over are held
// until somebody replaces or deletes them, and stored again with each pass of `PushGatewaySource`, as a scrape of a
// Pushgateway with honor_labels stores them.
//
//     group     the labels of the path; PUT replaces all of its families, POST those of the same names, DELETE it
//     family    the samples of one metric, with the group's labels put over their own
//
// Invariants: a push is all or nothing; a series is in at most one group, the first that pushed it; what is no longer held gets
// one stale marker at the next pass. Groups are not kept over a restart: that is the Pushgateway's default, too, and what was
// stored stays.
//
// Bounds: `push.gateway.groups` groups, `seriesLimit` series in all.

internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

/// Metrics held for pushers that are gone.
final class PushGateway: Sendable {
    /// Series of all groups; a gateway of a site holds some hundred.
    static let seriesLimit = 100_000

    /// What a sample holds.
    enum Value: Sendable, Equatable {
        case number(Double)
        case histogram(NativeHistogram)
    }

    /// Why a push is not held.
    private struct Refusal: Error {
        let reason: String
    }

    private struct Family: Sendable {
        var metadata: MetricMetadata?
        var samples: [(labels: Labels, value: Value)] = []
    }

    private struct Group: Sendable {
        var families: [String: Family] = [:]
        /// Seconds since 1970; 0 for never.
        var pushed = 0.0
        var failed = 0.0

        var count: Int { families.values.reduce(2) { $0 + $1.samples.count } }
    }

    private struct State: Sendable {
        var groups: [GroupingKey: Group] = [:]
        /// Series of the last pass, true for histograms.
        var live: [Labels: Bool] = [:]
    }

    private let state = Mutex(State())

    /// Groups and series held.
    var counts: (groups: Int, series: Int) {
        state.withLock { state in (state.groups.count, state.groups.values.reduce(0) { $0 + $1.count }) }
    }

    /// Whether a pass would store something.
    var hasWork: Bool { state.withLock { !$0.groups.isEmpty || !$0.live.isEmpty } }

    // MARK: - Requests

    /// Holds what was pushed.
    ///
    /// - Parameters:
    ///   - body: the exposition.
    ///   - format: its format.
    ///   - key: the group.
    ///   - replacesAll: whether families that are not in the body go.
    ///   - seconds: the time.
    ///   - groupLimit: groups held at most.
    /// - Returns: what to answer.
    func push(
        _ body: [UInt8],
        _ format: ExpositionFormat,
        _ key: GroupingKey,
        replacesAll: Bool,
        at seconds: Double,
        groupLimit: Int
    ) -> GatewayReport {
        do throws(Refusal) {
            let families: [String: Family]
            switch format {
            case .protobuf:
                var options = ProtobufScrapeParser.Options()
                options.takesNative = true
                families = try read(ProtobufScrapeParser(body, options: options), key)
            case .openMetrics: families = try read(OpenMetricsScrapeParser(body), key)
            case .text: families = try read(ExpositionParser(body), key)
            }
            return hold(families, key, replacesAll, seconds, groupLimit)
        } catch {
            state.withLock { state in
                guard state.groups[key] != nil || state.groups.count < groupLimit else { return }
                state.groups[key, default: Group()].failed = seconds
            }
            return GatewayReport(status: 400, message: error.reason)
        }
    }

    /// Forgets a group; one that is not there is no mistake.
    func delete(_ key: GroupingKey) {
        _ = state.withLock { $0.groups.removeValue(forKey: key) }
    }

    private func hold(
        _ families: [String: Family],
        _ key: GroupingKey,
        _ replacesAll: Bool,
        _ seconds: Double,
        _ groupLimit: Int
    ) -> GatewayReport {
        state.withLock { state in
            guard state.groups[key] != nil || state.groups.count < groupLimit else {
                return GatewayReport(status: 503, message: "push.gateway.groups (\(groupLimit)) is reached")
            }
            var group = state.groups[key] ?? Group()
            let others = state.groups.values.reduce(0) { $0 + $1.count } - group.count
            if replacesAll { group.families = [:] }
            group.families.merge(families) { _, new in new }
            guard others + group.count <= PushGateway.seriesLimit else {
                return GatewayReport(
                    status: 503,
                    message: "the gateway holds at most \(PushGateway.seriesLimit) series"
                )
            }
            group.pushed = seconds
            state.groups[key] = group
            var report = GatewayReport(status: 200, message: "")
            report.elements = families.values.reduce(0) { $0 + $1.samples.count }
            return report
        }
    }

    // MARK: - Reading

    private func read(
        _ parser: some ScrapeParsing,
        _ key: GroupingKey
    ) throws(Refusal) -> [String: Family] {
        var parser = parser
        var families: [String: Family] = [:]
        var known: Set<Labels> = []
        while let sample = try parsed({ () throws(ExpositionError) in try parser.next() }) {
            var builder = LabelsBuilder()
            let pairs = try parsed { () throws(ExpositionError) in try parser.pairs(of: sample) }
            for (name, value) in pairs { builder.set(name, value) }
            guard sample.timestamp == nil else {
                throw Refusal(reason: "pushed metrics must not have timestamps")
            }
            for pair in key.pairs { builder.set(pair.name, pair.value) }
            let labels = builder.labels()
            guard known.insert(labels).inserted else {
                throw Refusal(reason: "\(labels) was collected before with the same name and label values")
            }
            guard known.count <= PushGateway.seriesLimit else {
                throw Refusal(reason: "the gateway holds at most \(PushGateway.seriesLimit) series")
            }
            let value: Value = try parsed { () throws(ExpositionError) in
                sample.isHistogram ? .histogram(try parser.histogram(of: sample)) : .number(sample.value)
            }
            let name = PushGateway.family(of: labels.metricName ?? "", described: parser.family)
            families[name, default: Family()].samples.append((labels, value))
        }
        for metadata in parser.metadata() { families[metadata.family]?.metadata = metadata }
        return families
    }

    private func parsed<Result>(
        _ body: () throws(ExpositionError) -> Result
    ) throws(Refusal) -> Result {
        do throws(ExpositionError) {
            return try body()
        } catch {
            throw Refusal(reason: "text format parsing error in \(error)")
        }
    }

    /// The family a series is in: the one described above it, unless its name is another.
    private static func family(of name: String, described family: String) -> String {
        guard !family.isEmpty, name.hasPrefix(family) else { return name }
        let suffixes: Set<Substring> = ["", "_bucket", "_sum", "_count", "_total", "_created", "_info"]
        return suffixes.contains(name.dropFirst(family.count)) ? family : name
    }

    // MARK: - Passes

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
                guard live.updateValue(false, forKey: labels) == nil else { continue }
                try request.add(labels, time, seconds, limits: .pushGateway)
            }
            for family in group.families.values {
                for (labels, value) in family.samples {
                    // Two groups may differ only in labels their metrics have, too.
                    guard live[labels] == nil else { continue }
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
