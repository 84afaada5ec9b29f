// SPDX-License-Identifier: Apache-2.0

import Config
import Platform
import Samples
import Synchronization
import Testing
import Wire

@testable import Collector

private func metric(_ name: String) -> Labels { Labels([(name: "__name__", value: name)]) }

struct PushGroupsTests {
    @Test func groupsBeyondTheLimitAreShared() {
        var groups = PushGroups(limit: 2)
        for (number, name) in ["a", "b"].enumerated() {
            #expect(groups.identity(metric(name)) == metric(name))
            groups.take(GroupID(rawValue: UInt32(number)), metric(name))
        }
        let shared = groups.identity(metric("c"))
        #expect(shared.pairs.map(\.name) == ["__shared__"] && groups.shared == 1)
        groups.take(GroupID(rawValue: 2), shared)
        // What has its own keeps it, and the same goes to the same.
        #expect(groups.identity(metric("a")) == metric("a") && groups.identity(metric("c")) == shared)
        #expect(groups.count == 3 && groups.shared == 2)
        groups.take(GroupID(rawValue: 0), metric("a"))
        groups.giveBack(GroupID(rawValue: 0))
        #expect(groups.identity(metric("d")) != metric("d"))
        groups.giveBack(GroupID(rawValue: 0))
        #expect(groups.identity(metric("d")) == metric("d"))
        groups.giveBack(GroupID(rawValue: 2))
        groups.giveBack(GroupID(rawValue: 9))
        #expect(groups.count == 1)
    }

    @Test func anyNumberOfIdentitiesIsAFewShared() {
        var groups = PushGroups(limit: 0)
        let identities = Set((0..<10_000).map { groups.identity(metric("m\($0)")) })
        #expect(identities.count == PushGroups.sharedCount)
        #expect(groups.shared == 10_000)
    }

    /// A hundred metrics without group labels are a hundred groups no more, and all are stored.
    @Test func whatIsPushedIsStoredWhateverItsGroup() {
        let store = PushedStore()
        let telemetry = Telemetry()
        let receiver = PushReceiver(
            PushReceiver.Options(groupLabels: ["job"], maxSeries: 1000, groupLimit: 3),
            sink: store,
            clock: ManualClock(wallMilliseconds: 1_700_000_000_000),
            telemetry: telemetry
        )
        let text = (0..<1000).map { "m\($0) \($0)\n" }.joined()
        for _ in 0..<2 {
            let report = receiver.importText(Array(text.utf8).span, .identity, ImportOptions())
            #expect(report.verdict == .stored && report.samples == 1000 && report.refused == 0)
        }
        #expect(store.lines.count == 1000 && store.lines.contains("m999 1700000000000 999"))
        #expect(store.state.withLock { $0.groups.count } == 3 + PushGroups.sharedCount)
        func value(_ name: String) -> Double? {
            telemetry.families().first { $0.name == name }?.samples.first?.value
        }
        #expect(value("edgewatch_receiver_groups") == Double(3 + PushGroups.sharedCount))
        #expect(value("edgewatch_receiver_shared_group_series_total") == 997)
        // Nobody pushes any more: two sweeps later the groups are given back.
        receiver.sweep()
        receiver.sweep()
        receiver.sweep()
        #expect(value("edgewatch_receiver_groups") == 0)
    }
}
