// SPDX-License-Identifier: Apache-2.0
//
// Which sampling policies apply, and what follows for a source. A pure state machine: signals and time come in with
// each evaluation, decisions go out; it changes intervals and kept classes, never values.
//
// Rules of combination: of several reductions the longest interval counts; a boost (increase_frequency) counts over
// every reduction, because it is short and asked for by an anomaly; a class is kept when every active policy keeps it.
// Recipe: hysteresis on entry and exit as in the node signals' SchmittTrigger, so that a link on the edge of a
// threshold does not flap the intervals.

internal import Conditions
internal import Config
internal import Platform

/// What sampling decided for one source.
struct SamplingDecision: Equatable {
    /// The interval in effect.
    var interval: Duration
    /// The classes kept.
    var classes: MetricClasses
}

/// The policies with their state.
struct SamplingPolicies {
    private struct Policy {
        let strategy: SamplingStrategy
        var trigger: SchmittTrigger
        /// When it became active; monotonic nanoseconds.
        var enteredAt: UInt64 = 0
        /// Whether it takes effect: active, and within its duration.
        var isInEffect = false
    }

    /// A change, for the log.
    struct Change: Equatable {
        let policy: String
        let isActive: Bool
    }

    /// How often policies are judged.
    static let evaluationInterval = Duration.seconds(10)
    /// Stands for "whichever service the anomaly is in".
    static let affected = "affected_service"
    /// The signal naming that service, by source name, job or device.
    static let affectedSignal = "anomaly_source"

    private var policies: [Policy]
    private var affectedSource: String?

    /// Starts with every policy inactive.
    init(_ config: SamplingConfig) {
        policies =
            config.enabled
            ? config.strategies.map { strategy in
                Policy(
                    strategy: strategy,
                    trigger: SchmittTrigger(entryCount: strategy.enterAfter, dwell: strategy.leaveAfter)
                )
            } : []
    }

    /// Takes over the state of policies that were not changed.
    mutating func inherit(_ old: SamplingPolicies) {
        for index in policies.indices {
            if let same = old.policies.first(where: { $0.strategy == policies[index].strategy }) {
                policies[index] = same
            }
        }
        affectedSource = old.affectedSource
    }

    /// Judges every policy.
    ///
    /// - Parameters:
    ///   - board: the signals.
    ///   - now: monotonic nanoseconds.
    /// - Returns: the policies that began or ceased to take effect.
    mutating func evaluate(_ board: SignalBoard, at now: UInt64) -> [Change] {
        if case .text(let name)? = board.value(SamplingPolicies.affectedSignal)?.value {
            affectedSource = name
        } else {
            affectedSource = nil
        }
        var changes: [Change] = []
        for index in policies.indices {
            let condition = policies[index].strategy.condition.evaluate(board)
            if policies[index].trigger.update(condition, at: now) == .entered {
                policies[index].enteredAt = now
            }
            var isInEffect = policies[index].trigger.isActive
            if let limit = policies[index].strategy.action.duration {
                let age = Duration.nanoseconds(Int64(clamping: now &- policies[index].enteredAt))
                if age >= limit { isInEffect = false }
            }
            if isInEffect != policies[index].isInEffect {
                policies[index].isInEffect = isInEffect
                changes.append(Change(policy: policies[index].strategy.name, isActive: isInEffect))
            }
        }
        return changes
    }

    /// Every policy and whether it takes effect.
    var states: [(name: String, isActive: Bool)] {
        policies.map { ($0.strategy.name, $0.isInEffect) }
    }

    /// Every policy for people.
    var status: [SamplingStatus.Policy] {
        policies.map {
            SamplingStatus.Policy(
                name: $0.strategy.name,
                condition: $0.strategy.condition.description,
                isActive: $0.isInEffect
            )
        }
    }

    /// The classes every policy in effect keeps; empty when that is all.
    var keptClasses: [MetricClass] {
        let kept = policies.filter(\.isInEffect).filter { $0.strategy.action.kind == .reduceMetrics }
            .reduce(MetricClasses.all) { $0.intersection(SamplingPolicies.kept(by: $1.strategy.action)) }
        return kept == .all ? [] : MetricClass.allCases.filter { kept.contains($0) }
    }

    /// What the policies in effect mean for a source.
    func decision(for source: SourceDefinition) -> SamplingDecision {
        var reduced = source.interval
        var boosted: Duration?
        var classes = MetricClasses.all
        for policy in policies where policy.isInEffect {
            let action = policy.strategy.action
            switch action.kind {
            case .reduceFrequency:
                guard concerns(action, source), let interval = action.newInterval else { continue }
                reduced = max(reduced, interval)
            case .increaseFrequency:
                guard concerns(action, source), let interval = action.newInterval else { continue }
                boosted = min(boosted ?? source.interval, interval)
            case .reduceMetrics:
                classes.formIntersection(SamplingPolicies.kept(by: action))
            }
        }
        return SamplingDecision(interval: boosted ?? reduced, classes: classes)
    }

    private func concerns(_ action: SamplingAction, _ source: SourceDefinition) -> Bool {
        if action.metrics.isEmpty { return true }
        let names = source.samplingNames
        return action.metrics.contains { word in
            guard word == SamplingPolicies.affected else { return names.contains(word) }
            // Without a detector that names the service, the anomaly may be in any of them.
            return affectedSource.map(names.contains) ?? true
        }
    }

    /// The kept classes, or all when none is listed, without the dropped ones.
    ///
    /// Words that are not classes mean nothing here; a list of nothing else keeps all, since a slip of the pen must not
    /// blind the node.
    private static func kept(by action: SamplingAction) -> MetricClasses {
        let listed = action.keepMetrics.compactMap(MetricClass.init(rawValue:))
        var classes = listed.isEmpty ? MetricClasses.all : MetricClasses(listed.map { MetricClasses($0) })
        for dropped in action.dropMetrics.compactMap(MetricClass.init(rawValue:)) {
            classes.remove(MetricClasses(dropped))
        }
        return classes
    }
}
