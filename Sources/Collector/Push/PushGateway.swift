// SPDX-License-Identifier: Apache-2.0
//
// What a Pushgateway does (prometheus/pushgateway, README "API" and handler/push.go): metrics of jobs that are over are held
// until somebody replaces or deletes them, and stored again with each pass of `PushGatewaySource`, as a scrape of a
// Pushgateway with honor_labels stores them.
//
//     group     the labels of the path; PUT replaces all of its families, POST those of the same names, DELETE it
//     family    the samples of one metric, with the group's labels put over their own
//
// Invariants: a push is all or nothing; a series is in at most one group, and a family has one type in all of them
// (PushGateway+Check.swift); what is no longer held gets one stale marker at the next pass. Groups are not kept over a
// restart: that is the Pushgateway's default, too, and what was stored stays.
//
// Bounds: `push.gateway.groups` groups, `seriesLimit` series and `byteLimit` bytes in all; series are held to the limits of
// labels and to the ranges of `push.validation` at the door, because a pass has nobody to tell.

internal import Config
internal import Samples
internal import Synchronization
internal import Wire

/// Metrics held for pushers that are gone.
final class PushGateway: Sendable {
    /// Series of all groups; a gateway of a site holds some hundred.
    static let seriesLimit = 100_000
    /// Bytes of memory of all groups; a hundred bytes of labels for each of the most series.
    static let byteLimit = 32 << 20

    /// What a sample holds.
    enum Value: Sendable, Equatable {
        case number(Double)
        case histogram(NativeHistogram)
    }

    /// Why a push is not held.
    struct Refusal: Error {
        let status: Int
        let reason: String
        /// Whether the group notes that a push to it failed; of what cannot be read a Pushgateway knows nothing.
        var isNoted = false

        /// A push that cannot be read.
        init(_ reason: String) {
            (status, self.reason) = (400, reason)
        }

        /// A push there is no room for.
        init(noRoom reason: String) {
            (status, self.reason) = (503, reason)
        }

        /// There is no room for the bytes.
        static let noBytes = Refusal(noRoom: "the gateway holds at most \(PushGateway.byteLimit) bytes")

        /// A push that contradicts itself or what is held, in the Pushgateway's words.
        static func inconsistent(_ reason: String) -> Refusal {
            refused("pushed metrics are invalid or inconsistent with existing metrics: \(reason)")
        }

        /// A push of what may not be pushed.
        static func refused(_ reason: String) -> Refusal {
            var refusal = Refusal(reason)
            refusal.isNoted = true
            return refusal
        }
    }

    struct Family: Sendable {
        var metadata: MetricMetadata?
        var samples: [(labels: Labels, value: Value)] = []

        var kind: MetricMetadata.Kind { metadata?.kind ?? .unknown }

        /// Bytes it is held in, about.
        var bytes: Int {
            let texts = metadata.map { $0.family.utf8.count + $0.help.utf8.count + $0.unit.utf8.count } ?? 0
            return samples.reduce(256 + texts) { $0 + PushGateway.bytes(of: $1.labels, $1.value) }
        }
    }

    /// Bytes a series is held in, about: its place here and in the list of what was stored, its labels, its buckets.
    static func bytes(of labels: Labels, _ value: Value) -> Int {
        var bytes = MemoryLayout<(Labels, Value)>.stride + 64 + labels.bytes.count
        if case .histogram(let histogram) = value {
            bytes += 24 * (histogram.bucketCount + histogram.customBounds.count)
        }
        return bytes
    }

    struct Group: Sendable {
        var families: [String: Family] = [:]
        /// Seconds since 1970; 0 for never.
        var pushed = 0.0
        var failed = 0.0

        /// What it takes, with the two series that say when it was pushed; as `State.set` found it.
        fileprivate(set) var size = Size()
    }

    /// Series and the bytes they are held in.
    struct Size: Sendable, Equatable {
        var series = 0
        var bytes = 0

        static func + (left: Size, right: Size) -> Size {
            Size(series: left.series + right.series, bytes: left.bytes + right.bytes)
        }

        static func - (left: Size, right: Size) -> Size {
            Size(series: left.series - right.series, bytes: left.bytes - right.bytes)
        }

        /// The size of a group.
        init(_ families: [String: Family], _ key: GroupingKey) {
            series = families.values.reduce(2) { $0 + $1.samples.count }
            let own = key.pairs.reduce(512) { $0 + 2 * ($1.name.utf8.count + $1.value.utf8.count) }
            bytes = families.values.reduce(own) { $0 + $1.bytes }
        }

        init(series: Int = 0, bytes: Int = 0) { (self.series, self.bytes) = (series, bytes) }
    }

    struct State: Sendable {
        private(set) var groups: [GroupingKey: Group] = [:]
        /// The type of each family held, and how many groups hold it.
        private(set) var types: [String: (kind: MetricMetadata.Kind, holders: Int)] = [:]
        /// What all groups take.
        private(set) var size = Size()
        /// Series of the last pass, true for histograms.
        var live: [Labels: Bool] = [:]

        /// Puts a group in the place of the one of that key, nil for none.
        mutating func set(_ key: GroupingKey, _ group: Group?) {
            if let before = groups[key] {
                size = size - before.size
                for name in before.families.keys {
                    types[name]?.holders -= 1
                    if types[name]?.holders == 0 { types[name] = nil }
                }
            }
            guard var group else {
                groups[key] = nil
                return
            }
            group.size = Size(group.families, key)
            size = size + group.size
            groups[key] = group
            for (name, family) in group.families {
                types[name, default: (family.kind, 0)].holders += 1
            }
        }

        /// Notes that a push to a group failed.
        mutating func fail(_ key: GroupingKey, _ seconds: Double, groupLimit: Int) {
            guard groups[key] == nil else {
                groups[key]?.failed = seconds
                return
            }
            var group = Group()
            group.failed = seconds
            let after = size + Size([:], key)
            guard groups.count < groupLimit, after.series <= PushGateway.seriesLimit,
                after.bytes <= PushGateway.byteLimit
            else { return }
            set(key, group)
        }
    }

    let state = Mutex(State())

    /// Groups and series held.
    var counts: (groups: Int, series: Int) {
        state.withLock { state in (state.groups.count, state.size.series) }
    }

    /// Bytes they are held in, about.
    var bytes: Int { state.withLock { $0.size.bytes } }

    /// Whether a pass would store something.
    var hasWork: Bool { state.withLock { !$0.groups.isEmpty || !$0.live.isEmpty } }

    /// Holds what was pushed.
    ///
    /// - Parameters:
    ///   - body: the exposition.
    ///   - format: its format.
    ///   - key: the group.
    ///   - replacesAll: whether families that are not in the body go.
    ///   - seconds: the time.
    ///   - limits: how many groups are held, and what their series may be.
    ///   - rules: the ranges of values.
    /// - Returns: what to answer.
    func push(
        _ body: [UInt8],
        _ format: ExpositionFormat,
        _ key: GroupingKey,
        replacesAll: Bool,
        at seconds: Double,
        limits: PushConfig = PushConfig(),
        rules: [ValidationConfig] = []
    ) -> GatewayReport {
        do throws(Refusal) {
            let pushed = try PushedFamilies(body, format, key) { (labels, value) throws(Refusal) in
                if let reason = limits.refusal(of: labels) ?? rules.refusal(of: labels, value) {
                    throw .refused(reason)
                }
            }
            try state.withLock { state throws(Refusal) in
                guard state.groups[key] != nil || state.groups.count < limits.gatewayGroups else {
                    throw Refusal(noRoom: "push.gateway.groups (\(limits.gatewayGroups)) is reached")
                }
                var group = state.groups[key] ?? Group()
                let others = state.size - group.size
                if replacesAll { group.families = [:] }
                group.families.merge(pushed.families) { _, new in new }
                let size = others + Size(group.families, key)
                guard size.series <= PushGateway.seriesLimit else {
                    throw Refusal(noRoom: "the gateway holds at most \(PushGateway.seriesLimit) series")
                }
                guard size.bytes <= PushGateway.byteLimit else { throw .noBytes }
                try state.check(pushed, key, becoming: group)
                group.pushed = seconds
                state.set(key, group)
            }
            var report = GatewayReport(status: 200, message: "")
            report.elements = pushed.series.count
            return report
        } catch {
            if error.isNoted { state.withLock { $0.fail(key, seconds, groupLimit: limits.gatewayGroups) } }
            return GatewayReport(status: error.status, message: error.reason)
        }
    }

    /// Forgets a group; one that is not there is no mistake.
    func delete(_ key: GroupingKey) {
        state.withLock { $0.set(key, nil) }
    }
}

extension [ValidationConfig] {
    /// Why a value is in no range the first rule for its series allows; nil when it is, or is to be kept all the same.
    ///
    /// How fast a value may change and how long it may stay is seen at each pass.
    fileprivate func refusal(of labels: Labels, _ value: PushGateway.Value) -> String? {
        guard !isEmpty, case .number(let raw) = value, !raw.isStale,
            let rule = first(where: { $0.matches(labels) }), rule.action == .drop
        else { return nil }
        let scaled = raw.isNaN ? raw : raw * rule.scale + rule.offset
        guard scaled < rule.min ?? -.infinity || scaled > rule.max ?? .infinity else { return nil }
        return "push.validation: \(PromNumber.format(raw)) is out of the range of \(labels)"
    }
}
