// SPDX-License-Identifier: Apache-2.0
//
// Everything that was found, and the targets it makes. Discoverers publish whenever they like; the targets of a job are
// made anew at most every five seconds (Prometheus' value), because a cluster in motion changes many times a second, and
// at once when a discovery answers for the first time. Jobs nothing was found for are not made again.
//
// Static targets are groups like all others, found at once and never changing.
//
// Invariant: groups belong to the provider that is configured now; what a removed one still publishes is thrown away.

internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// Keeps what discoverers find.
final class DiscoveryManager: Sendable {
    /// Discoveries at once; more are refused at reload.
    ///
    /// Each is a task, and of Kubernetes several streams.
    static let discovererLimit = 64
    /// Targets of all jobs; each costs some kilobytes before the first sample.
    static let targetLimit = 20_000

    let http: HTTPClient
    let clock: any EdgeClock
    let telemetry: Telemetry
    let logger: Logger
    /// The least time between two rounds of making targets.
    let updateInterval: Duration
    private let watches: KubernetesWatches
    private let state = Mutex(State())

    struct Provider {
        let number: Int
        let definition: DiscovererDefinition
        var groups: [DiscoveredGroup] = []
        var status: DiscoveryState
        var isStarted = false
        /// The failure last said in the log.
        var said: String?
        /// Ends the discoverer's task when it is finished.
        let lifetime: (ended: AsyncStream<Never>, end: AsyncStream<Never>.Continuation)
    }

    struct Job {
        var config: ScrapeConfig
        var shared: SharedJob
        var providers: [Provider] = []
        var list: TargetList
        var isStale = true
    }

    struct State {
        var jobs: [Job] = []
        var nextNumber = 0
        /// Whether a discovery answered for the first time since the targets were made.
        var isUrgent = false
        var lastUpdate: UInt64 = 0
    }

    init(
        http: HTTPClient,
        clock: any EdgeClock,
        telemetry: Telemetry,
        logger: Logger,
        updateInterval: Duration = .seconds(5)
    ) {
        self.http = http
        self.clock = clock
        self.telemetry = telemetry
        self.logger = logger
        self.updateInterval = updateInterval
        watches = KubernetesWatches(http: http, clock: clock, telemetry: telemetry)
    }

    // MARK: - Configuration

    /// Takes over jobs; discoveries that did not change keep what they found.
    func configure(_ configs: [ScrapeConfig]) {
        state.withLock { state in
            var old: [String: Job] = [:]
            for job in state.jobs { old[job.config.jobName] = job }
            var left = DiscoveryManager.discovererLimit
            state.jobs = configs.map { config in
                let before = old.removeValue(forKey: config.jobName)
                let fresh = SharedJob(config)
                let shared = before.flatMap { $0.shared == fresh ? $0.shared : nil } ?? fresh
                var job = Job(config: config, shared: shared, list: TargetList([]))
                var known = before?.providers ?? []
                for definition in DiscovererDefinition.all(of: config) {
                    guard left > 0 else {
                        logger.error(
                            "job \(config.jobName): more than \(DiscoveryManager.discovererLimit) discoveries"
                        )
                        break
                    }
                    left -= 1
                    if let index = known.firstIndex(where: { $0.definition == definition }) {
                        job.providers.append(known.remove(at: index))
                    } else {
                        job.providers.append(provider(definition, job: config.jobName, &state.nextNumber))
                    }
                }
                for provider in known { end(provider) }
                return job
            }
            for job in old.values { for provider in job.providers { end(provider) } }
        }
    }

    private func provider(_ definition: DiscovererDefinition, job: String, _ next: inout Int) -> Provider {
        defer { next += 1 }
        let (ended, end) = AsyncStream.makeStream(of: Never.self)
        return Provider(
            number: next,
            definition: definition,
            status: DiscoveryState(job: job, mechanism: definition.mechanism),
            lifetime: (ended, end)
        )
    }

    private func end(_ provider: Provider) {
        provider.lifetime.end.finish()
        targets(provider.status).set(0)
    }

    // MARK: - Running

    /// A discoverer to be run as a task.
    struct Run: Sendable {
        let discoverer: any Discoverer
        let report: DiscoveryReport
        let ended: AsyncStream<Never>

        /// Returns when the discovery is no longer configured, or the task is cancelled.
        func run() async {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await discoverer.run(report) }
                group.addTask { for await _ in ended {} }
                await group.next()
                group.cancelAll()
            }
        }
    }

    /// The discoverers that are to be started.
    func takeStarts() -> [Run] {
        state.withLock { state in
            var runs: [Run] = []
            for job in state.jobs.indices {
                for index in state.jobs[job].providers.indices
                where !state.jobs[job].providers[index].isStarted {
                    state.jobs[job].providers[index].isStarted = true
                    let provider = state.jobs[job].providers[index]
                    let number = provider.number
                    let discoverer = provider.definition.make(http: http, clock: clock, watches: watches)
                    let report = DiscoveryReport(
                        publish: { [weak self] in self?.publish($0, by: number) },
                        fail: { [weak self] in self?.fail($0, by: number) }
                    )
                    runs.append(
                        Run(discoverer: discoverer, report: report, ended: provider.lifetime.ended)
                    )
                }
            }
            return runs
        }
    }

    /// Takes what a discoverer found.
    func publish(_ groups: [DiscoveredGroup], by number: Int) {
        let time = Timestamp(milliseconds: clock.wallMilliseconds())
        change(number) { provider, job, isUrgent in
            if provider.status.lastSuccess == nil { isUrgent = true }
            provider.status.lastSuccess = time
            // What is found may come before what is not, as of several files: that is no recovery yet.
            if provider.status.lastError == nil { provider.said = nil }
            provider.status.lastError = nil
            guard groups != provider.groups || isUrgent else { return }
            provider.groups = groups
            provider.status.targets = groups.reduce(0) { $0 + $1.targets.count }
            targets(provider.status).set(Double(provider.status.targets))
            job = true
        }
    }

    /// Takes what went wrong with a discoverer.
    func fail(_ words: String, by number: Int) {
        change(number) { provider, _, _ in
            telemetry.counter(
                "edgewatch_discovery_failures_total",
                "Attempts to discover targets that failed, by kind of discovery.",
                [("mechanism", provider.definition.mechanism)]
            ).add()
            if provider.said != words {
                provider.said = words
                logger.warning(
                    "Discovery failed: \(words)",
                    metadata: [
                        "job": "\(provider.status.job)", "mechanism": "\(provider.definition.mechanism)",
                    ]
                )
            }
            provider.status.lastError = words
        }
    }

    private func change(
        _ number: Int,
        _ body: (_ provider: inout Provider, _ isStale: inout Bool, _ isUrgent: inout Bool) -> Void
    ) {
        state.withLock { state in
            for job in state.jobs.indices {
                guard let index = state.jobs[job].providers.firstIndex(where: { $0.number == number }) else {
                    continue
                }
                var isUrgent = false
                var provider = state.jobs[job].providers[index]
                body(&provider, &state.jobs[job].isStale, &isUrgent)
                state.jobs[job].providers[index] = provider
                if isUrgent { state.isUrgent = true }
                return
            }
        }
    }

    private func targets(_ status: DiscoveryState) -> Gauge {
        telemetry.gauge(
            "edgewatch_discovery_targets",
            "Targets discovered, before relabeling.",
            [("job", status.job), ("mechanism", status.mechanism)]
        )
    }

    // MARK: - Targets

    /// Whether the targets are to be made again.
    func isDue(at now: UInt64) -> Bool {
        state.withLock { state in
            guard state.jobs.contains(where: \.isStale) else { return false }
            let wait = UInt64(clamping: updateInterval.milliseconds) * 1_000_000
            return state.isUrgent || now >= state.lastUpdate &+ wait
        }
    }

    /// Makes the targets of the jobs whose groups changed; gives those of all jobs.
    func update(at now: UInt64) -> [ScrapeTarget] {
        state.withLock { state in
            state.isUrgent = false
            state.lastUpdate = now
            var left = DiscoveryManager.targetLimit
            var refused = 0
            for index in state.jobs.indices {
                if state.jobs[index].isStale || state.jobs[index].list.targets.count > left {
                    make(&state.jobs[index], limit: left)
                }
                left -= state.jobs[index].list.targets.count
                refused += state.jobs[index].list.refused
            }
            telemetry.gauge(
                "edgewatch_discovery_targets_refused",
                "Targets not scraped because there are more than \(DiscoveryManager.targetLimit)."
            ).set(Double(refused))
            return state.jobs.flatMap(\.list.targets)
        }
    }

    private func make(_ job: inout Job, limit: Int) {
        let groups = DiscoveredGroup.fixed(of: job.config) + job.providers.flatMap(\.groups)
        let before = Set(job.list.problems)
        job.list = TargetList(job.config, job.shared, groups, limit: limit)
        // One that was cut is made again: others may leave it more room.
        job.isStale = job.list.refused > 0
        for problem in job.list.problems where !before.contains(problem) {
            logger.warning("Target cannot be scraped: \(problem)")
        }
        let (count, most) = (job.list.targets.count, job.config.limits.targets)
        job.shared.refusal =
            most > 0 && count > most
            ? "target_limit exceeded (number of targets: \(count), limit: \(most))" : nil
    }

    // MARK: - Status

    /// The names of all jobs.
    var pools: [String] { state.withLock { $0.jobs.map(\.config.jobName) } }

    /// The dropped targets that are kept.
    var dropped: [DroppedTarget] { state.withLock { $0.jobs.flatMap(\.list.dropped) } }

    /// How many targets each job dropped.
    var droppedCounts: [DroppedCount] {
        state.withLock { $0.jobs.map { DroppedCount(job: $0.config.jobName, count: $0.list.droppedCount) } }
    }

    /// How every discovery is doing.
    var states: [DiscoveryState] {
        state.withLock { state in
            state.jobs.flatMap { job -> [DiscoveryState] in
                var states = job.providers.map(\.status)
                let count = job.config.staticConfigs.reduce(0) { $0 + $1.targets.count }
                if count > 0 {
                    states.insert(
                        DiscoveryState(job: job.config.jobName, mechanism: "static", targets: count),
                        at: 0
                    )
                }
                return states
            }
        }
    }
}
