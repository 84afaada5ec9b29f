// SPDX-License-Identifier: Apache-2.0
//
// How results reach the store: one row per stage of a group, in which series that were not written again end.

internal import Logging
internal import Platform
internal import Samples

extension RuleEvaluator {
    func openStage(_ stage: Int, of group: RuleGroupState, at time: Timestamp) -> StageBatch? {
        if let known = group.storeGroups[stage] {
            var batch = StageBatch(group: known, timestamp: time)
            for id in orphans.removeValue(forKey: known) ?? [] { batch.end(id) }
            return batch
        }
        let identity = Labels([
            (name: "job", value: "edgewatch_rules"), (name: "rule_file", value: group.group.file),
            (name: "rule_group", value: group.group.name), (name: "stage", value: "\(stage)"),
        ])
        guard let opened = try? sink.group(identity) else { return nil }
        group.storeGroups[stage] = opened
        return StageBatch(group: opened, timestamp: time)
    }

    /// False when some series already has another value, which stays.
    func write(
        _ series: [RuleSeries],
        of rule: RuleState,
        into batch: inout StageBatch?
    ) throws -> Bool {
        guard var stage = batch else { throw RuleError("the store takes no samples of this rule group") }
        defer { batch = stage }
        var isWhole = true
        var written: [Labels: SeriesID] = [:]
        written.reserveCapacity(series.count)
        for element in series {
            let id = try rule.written[element.labels] ?? sink.series(element.labels, in: stage.group)
            written[element.labels] = id
            if !stage.write(id, element) {
                metrics.duplicates.add()
                isWhole = false
            }
        }
        for (labels, id) in rule.written where written[labels] == nil { stage.end(id) }
        rule.written = written
        return isWhole
    }

    func store(_ batch: inout StageBatch?) {
        defer { batch = nil }
        guard let row = batch?.finished() else { return }
        do {
            _ = try sink.append(row)
            lastStoreFailure = ""
        } catch {
            metrics.failures.add()
            guard "\(error)" != lastStoreFailure else { return }
            lastStoreFailure = "\(error)"
            logger.warning("results of rules could not be stored: \(error)")
        }
    }

    /// Ends the series of store groups nobody writes any more; the others end in their stage's next row.
    func endOrphans(at time: Timestamp) {
        guard !orphans.isEmpty else { return }
        let used = Set(groups.flatMap(\.storeGroups.values))
        for (group, series) in orphans where !used.contains(group) {
            var batch: StageBatch? = StageBatch(group: group, timestamp: time)
            for id in series { batch?.end(id) }
            store(&batch)
            orphans[group] = nil
        }
    }
}
