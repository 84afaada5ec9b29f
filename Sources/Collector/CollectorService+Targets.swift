// SPDX-License-Identifier: Apache-2.0
//
// Sources come and go: a reload, or what discovery found. Those whose definition did not change go on undisturbed; new
// ones get a schedule; removed ones are ended.
//
// A target's series are ended as Prometheus does it (scrape/scrape.go, endOfRunStaleness): after a little more than two
// intervals, with the time of the first scrape that did not take place. Of a target that came back meanwhile, or goes on
// under another URL or interval, only those series end that its new scrapes do not have. Nothing ends when edgewatch stops.

internal import Config
internal import Platform
internal import Samples
internal import Synchronization

extension CollectorService {
    /// Sources waiting to be ended; beyond it the oldest ends at once, so that a storm of discoveries does not pile up
    /// the caches of what was there.
    static let endingLimit = 2048

    /// A source no longer configured, to be ended once its last pass is over.
    struct Ending {
        let number: Int
        let source: any CollectorSource
        var isRunning: Bool
        /// When to end it; monotonic nanoseconds.
        var due: UInt64
        /// The time of the markers; now when nil.
        let time: Timestamp?
    }

    /// Makes the sources those that are configured and discovered now.
    ///
    /// Called under `configured`'s lock only, so that an older set of targets never replaces a newer one.
    func retarget(_ configuration: Configuration) {
        let wall = clock.wallMilliseconds()
        let now = clock.monotonicNanoseconds()
        let definitions = factory.definitions(configuration, targets: discovery.update(at: now))
        state.withLock { state in
            var old: [SourceKey: [Managed]] = [:]
            for managed in state.managed { old[managed.source.definition.key, default: []].append(managed) }
            var managed: [Managed] = []
            managed.reserveCapacity(definitions.count)
            for definition in definitions {
                let key = definition.key
                if let known = old[key]?.firstIndex(where: { $0.source.definition == definition }),
                    let kept = old[key]?.remove(at: known)
                {
                    // Labels of a pod come and go: its target is the same, and so is what it exports.
                    kept.source.redefine(definition)
                    managed.append(kept)
                    continue
                }
                let interval = state.policies.decision(for: definition).interval
                let schedule = Schedule(
                    spread: definition.spread,
                    interval: interval,
                    isImmediate: definition.isImmediate,
                    wall: wall,
                    now: now
                )
                managed.append(
                    Managed(
                        number: state.nextNumber,
                        source: factory.make(definition),
                        schedule: schedule,
                        interval: interval
                    )
                )
                state.nextNumber += 1
            }
            state.managed = managed
            state.ending += old.values.joined().map { CollectorService.ending($0, now: now) }
            let surplus = state.ending.count - CollectorService.endingLimit
            if surplus > 0 { for index in 0..<surplus { state.ending[index].due = now } }
        }
    }

    private static func ending(_ managed: Managed, now: UInt64) -> Ending {
        guard case .scrape = managed.source.definition else {
            return Ending(
                number: managed.number,
                source: managed.source,
                isRunning: managed.isRunning,
                due: now,
                time: nil
            )
        }
        // The next tick, one interval more, and a tenth.
        let wait = UInt64(clamping: managed.interval.milliseconds) &* 1_100_000
        return Ending(
            number: managed.number,
            source: managed.source,
            isRunning: managed.isRunning,
            due: managed.schedule.due &+ wait,
            time: Timestamp(milliseconds: managed.schedule.dueWall)
        )
    }

    /// Takes the sources whose end has come.
    static func takeEndings(_ state: inout State, now: UInt64, into work: inout Work) {
        guard state.ending.contains(where: { !$0.isRunning && $0.due <= now }) else { return }
        // Series are known by their labels: whoever has the same ones goes on with them.
        var heirs: [Labels: any CollectorSource] = [:]
        for managed in state.managed {
            if let labels = managed.source.definition.seriesLabels { heirs[labels] = managed.source }
        }
        state.ending.removeAll { ending in
            guard !ending.isRunning, ending.due <= now else { return false }
            let heir = ending.source.definition.seriesLabels.flatMap { heirs[$0] }
            work.endings.append(Work.End(source: ending.source, time: ending.time, heir: heir))
            return true
        }
    }
}

/// By what a source is found again.
enum SourceKey: Hashable {
    case target(TargetKey)
    case named(String)
}

extension SourceDefinition {
    fileprivate var key: SourceKey {
        if case .scrape(let target) = self { .target(target.key) } else { .named(name) }
    }

    /// The labels of a target's series; nil for other sources.
    fileprivate var seriesLabels: Labels? {
        if case .scrape(let target) = self { target.labels } else { nil }
    }
}
