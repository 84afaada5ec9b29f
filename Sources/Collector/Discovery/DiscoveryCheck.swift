// SPDX-License-Identifier: Apache-2.0
//
// One round of a job's discovery, for `edgewatch check service-discovery`: everything that is configured is asked, and
// once every discovery answered, or the time is up, what was found is judged as the daemon would.

public import Config
public import HTTPClient
public import Platform
public import Samples

/// Discovers a job's targets once.
public enum DiscoveryCheck {
    /// What was found.
    public struct Outcome: Sendable {
        /// The labels of each target before and after relabeling, none after when it is dropped, and why it cannot be
        /// scraped, empty when it can.
        public var targets: [(discovered: Labels, labels: Labels, error: String)] = []
        /// What went wrong, in words.
        public var problems: [String] = []
    }

    private enum Event: Sendable {
        case found(Int, [DiscoveredGroup])
        case failed(Int, String)
        case ended(Int)
        case timeUp
    }

    /// Discovers until every discovery of the job answered.
    ///
    /// - Parameters:
    ///   - job: the job.
    ///   - http: for servers asked.
    ///   - clock: the time source.
    ///   - timeout: the longest this takes.
    /// - Returns: what was found by then.
    public static func run(
        _ job: ScrapeConfig,
        http: HTTPClient,
        clock: any EdgeClock,
        timeout: Duration
    ) async -> Outcome {
        let definitions = DiscovererDefinition.all(of: job)
        let watches = KubernetesWatches(http: http, clock: clock, telemetry: Telemetry())
        var groups = [[DiscoveredGroup]](repeating: [], count: definitions.count)
        var failures = [String?](repeating: nil, count: definitions.count)
        var waiting = Set(definitions.indices)
        if !waiting.isEmpty {
            let (events, event) = AsyncStream.makeStream(of: Event.self)
            await withTaskGroup(of: Void.self) { tasks in
                for (index, definition) in definitions.enumerated() {
                    let discoverer = definition.make(http: http, clock: clock, watches: watches)
                    let report = DiscoveryReport(
                        publish: { event.yield(.found(index, $0)) },
                        fail: { event.yield(.failed(index, $0)) },
                        endRound: { event.yield(.ended(index)) }
                    )
                    tasks.addTask { await discoverer.run(report) }
                }
                tasks.addTask {
                    try? await clock.sleep(for: timeout)
                    event.yield(.timeUp)
                }
                for await event in events {
                    switch event {
                    case .found(let index, let found):
                        groups[index] = found
                        // A cluster that fails is asked again soon, and has no rounds: what it lists is all of it. The
                        // others end their round, for a part of what they were asked for may have failed.
                        if definitions[index].mechanism == "kubernetes" { waiting.remove(index) }
                    case .failed(let index, let words): failures[index] = words
                    case .ended(let index): waiting.remove(index)
                    case .timeUp:
                        for index in waiting where failures[index] == nil {
                            failures[index] = "no answer in time"
                        }
                        waiting.removeAll()
                    }
                    if waiting.isEmpty { break }
                }
                tasks.cancelAll()
            }
        }
        var outcome = Outcome()
        for (index, words) in failures.enumerated() {
            if let words { outcome.problems.append("\(definitions[index].mechanism): \(words)") }
        }
        let shared = SharedJob(job)
        for group in DiscoveredGroup.fixed(of: job) + groups.joined() {
            for target in group.targets.prefix(DiscoveryManager.targetLimit) {
                outcome.targets.append(TargetList.check(target, group.labels, of: job, shared))
            }
        }
        return outcome
    }
}
