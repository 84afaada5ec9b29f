// SPDX-License-Identifier: Apache-2.0
//
// Whether what is pushed fits what other groups hold. A real Pushgateway shows all groups as one exposition and refuses a
// push that would make it a wrong one (storage/diskmetricstore.go, checkWriteRequest; client_golang's
// checkMetricConsistency and checkSuffixCollisions): a family with two types, a name that is a part of a histogram and
// a metric of its own, a series in two groups. Its own metrics count there too; edgewatch's have no part in it here.
//
// Costs: a look-up or four for each family pushed, whatever the number of groups; series are compared only with groups
// that can have the same ones.

internal import Samples
internal import Wire

extension PushGateway.State {
    /// Refuses a push that contradicts what is held.
    ///
    /// - Parameters:
    ///   - pushed: the push.
    ///   - key: the group it is for.
    ///   - after: the group as it would be.
    /// - Throws: why it is not held.
    func check(
        _ pushed: PushedFamilies,
        _ key: GroupingKey,
        becoming after: PushGateway.Group
    ) throws(PushGateway.Refusal) {
        for (name, family) in pushed.families {
            if let kind = type(name, besides: key), kind != family.kind {
                throw .inconsistent("metric \(name) is \(family.kind) here and \(kind) in another group")
            }
            try checkParts(name, family.kind, key, after)
        }
        for (name, family) in after.families where pushed.families[name] == nil {
            try checkSeries(pushed, family)
        }
        for (other, group) in groups where other != key && !other.isApart(from: key) {
            for family in group.families.values { try checkSeries(pushed, family) }
        }
    }

    /// No metric may have the name of a histogram's or summary's part.
    private func checkParts(
        _ name: String,
        _ kind: MetricMetadata.Kind,
        _ key: GroupingKey,
        _ after: PushGateway.Group
    ) throws(PushGateway.Refusal) {
        func held(_ name: String) -> MetricMetadata.Kind? {
            after.families[name]?.kind ?? type(name, besides: key)
        }
        for part in kind.parts where held(name + part) != nil {
            throw .inconsistent("metric \(name + part) collides with a part of \(name), which is \(kind)")
        }
        guard let underscore = name.lastIndex(of: "_") else { return }
        let base = String(name[..<underscore])
        if let kind = held(base), kind.parts.contains(String(name[underscore...])) {
            throw .inconsistent("metric \(name) collides with a part of \(base), which is \(kind)")
        }
    }

    private func checkSeries(
        _ pushed: PushedFamilies,
        _ family: PushGateway.Family
    ) throws(PushGateway.Refusal) {
        for (labels, _) in family.samples where pushed.series.contains(labels) { throw .repeated(labels) }
    }

    /// The type a family has in the groups but one; nil when none of them holds it.
    private func type(_ name: String, besides key: GroupingKey) -> MetricMetadata.Kind? {
        guard let (kind, holders) = types[name] else { return nil }
        let isOwn = groups[key]?.families[name] != nil
        return holders > (isOwn ? 1 : 0) ? kind : nil
    }
}

extension GroupingKey {
    /// Whether the groups cannot have the same series: each series has its group's labels.
    fileprivate func isApart(from other: GroupingKey) -> Bool {
        pairs.contains { pair in
            other.pairs.contains { $0.name == pair.name && $0.value != pair.value }
        }
    }
}
