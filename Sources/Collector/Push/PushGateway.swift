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
// Bounds: `push.gateway.groups` groups, `seriesLimit` series in all.

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
    struct Refusal: Error {
        let status: Int
        let reason: String

        /// A push that is wrong.
        init(_ reason: String) {
            (status, self.reason) = (400, reason)
        }

        /// A push there is no room for.
        init(noRoom reason: String) {
            (status, self.reason) = (503, reason)
        }

        /// A push that contradicts itself or what is held, in the Pushgateway's words.
        static func inconsistent(_ reason: String) -> Refusal {
            Refusal("pushed metrics are invalid or inconsistent with existing metrics: \(reason)")
        }
    }

    struct Family: Sendable {
        var metadata: MetricMetadata?
        var samples: [(labels: Labels, value: Value)] = []

        var kind: MetricMetadata.Kind { metadata?.kind ?? .unknown }
    }

    struct Group: Sendable {
        var families: [String: Family] = [:]
        /// Seconds since 1970; 0 for never.
        var pushed = 0.0
        var failed = 0.0

        /// Its series, with the two that say when it was pushed.
        var count: Int { families.values.reduce(2) { $0 + $1.samples.count } }
    }

    struct State: Sendable {
        private(set) var groups: [GroupingKey: Group] = [:]
        /// The type of each family held, and how many groups hold it.
        private(set) var types: [String: (kind: MetricMetadata.Kind, holders: Int)] = [:]
        /// Series of the last pass, true for histograms.
        var live: [Labels: Bool] = [:]

        /// Puts a group in the place of the one of that key, nil for none.
        mutating func set(_ key: GroupingKey, _ group: Group?) {
            if let before = groups[key] {
                for name in before.families.keys {
                    types[name]?.holders -= 1
                    if types[name]?.holders == 0 { types[name] = nil }
                }
            }
            groups[key] = group
            guard let group else { return }
            for (name, family) in group.families {
                types[name, default: (family.kind, 0)].holders += 1
            }
        }

        /// Notes that a push to a group failed.
        mutating func fail(_ key: GroupingKey, _ seconds: Double, groupLimit: Int) {
            guard groups[key] != nil || groups.count < groupLimit else { return }
            groups[key, default: Group()].failed = seconds
        }
    }

    let state = Mutex(State())

    /// Groups and series held.
    var counts: (groups: Int, series: Int) {
        state.withLock { state in (state.groups.count, state.groups.values.reduce(0) { $0 + $1.count }) }
    }

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
            let pushed = try PushedFamilies(body, format, key)
            try state.withLock { state throws(Refusal) in
                guard state.groups[key] != nil || state.groups.count < groupLimit else {
                    throw Refusal(noRoom: "push.gateway.groups (\(groupLimit)) is reached")
                }
                var group = state.groups[key] ?? Group()
                let others = state.groups.values.reduce(0) { $0 + $1.count } - group.count
                if replacesAll { group.families = [:] }
                group.families.merge(pushed.families) { _, new in new }
                guard others + group.count <= PushGateway.seriesLimit else {
                    throw Refusal(noRoom: "the gateway holds at most \(PushGateway.seriesLimit) series")
                }
                try state.check(pushed, key, becoming: group)
                group.pushed = seconds
                state.set(key, group)
            }
            var report = GatewayReport(status: 200, message: "")
            report.elements = pushed.series.count
            return report
        } catch {
            if error.status == 400 {
                state.withLock { $0.fail(key, seconds, groupLimit: groupLimit) }
            }
            return GatewayReport(status: error.status, message: error.reason)
        }
    }

    /// Forgets a group; one that is not there is no mistake.
    func delete(_ key: GroupingKey) {
        state.withLock { $0.set(key, nil) }
    }
}
