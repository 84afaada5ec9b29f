// SPDX-License-Identifier: Apache-2.0
//
// One target: ask, read, store, remember how it went. Whatever the target does ends as `up 0` and a reason; other
// targets have their own tasks and do not notice.

internal import Config
internal import HTTPClient
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization
internal import Wire

/// A Prometheus target as a source.
final class ScrapeSource: CollectorSource {
    let definition: SourceDefinition
    private let target: ScrapeTarget
    private let http: HTTPClient
    private let clock: any EdgeClock
    private let tally: ScrapeTally
    private let logger: Logger
    private let features: ScrapeFeatures
    private let store: Mutex<ScrapeStore>
    private let lastStatus: Mutex<TargetStatus>
    /// The target as it was discovered last.
    private let discovered: Mutex<ScrapeTarget>

    init(
        _ target: ScrapeTarget,
        sink: any SampleSink,
        http: HTTPClient,
        clock: any EdgeClock,
        tally: ScrapeTally,
        features: ScrapeFeatures = [],
        logger: Logger
    ) {
        definition = .scrape(target)
        self.target = target
        self.http = http
        self.clock = clock
        self.tally = tally
        self.logger = logger
        self.features = features
        store = Mutex(ScrapeStore(target, sink: sink, features: features))
        discovered = Mutex(target)
        lastStatus = Mutex(
            TargetStatus(
                discoveredLabels: Labels(),
                labels: target.labels,
                scrapePool: target.job.jobName,
                scrapeURL: target.url,
                scrapeInterval: target.interval,
                scrapeTimeout: target.timeout
            )
        )
    }

    /// How the last scrape went.
    var status: TargetStatus {
        var status = lastStatus.withLock { $0 }
        status.discoveredLabels = discovered.withLock { $0 }.discoveredLabels
        return status
    }

    func redefine(_ definition: SourceDefinition) {
        if case .scrape(let target) = definition { discovered.withLock { $0 = target } }
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        let start = clock.monotonicNanoseconds()
        var counts = ScrapeCounts()
        var failure: String?
        do {
            let (body, format) = try await fetch(timeout: min(target.timeout, order.interval))
            try store.withLock { store in
                try store.read(body, as: format, at: order.time, keeping: order.classes, counts: &counts)
                try store.commit(at: order.time, duration: elapsed(since: start), counts: &counts)
            }
        } catch let error as ScrapeFailure {
            failure = error.words
        } catch let error as HTTPClientError {
            // The service is stopping: not the target's failure.
            if error.kind == .cancelled { return }
            let isTooLarge = error.kind == .bodyTooLarge
            failure = isTooLarge ? "body size limit exceeded" : error.message
            counts.bodySize = isTooLarge ? -1 : 0
        } catch let error as SinkError {
            note(error)
            failure = "the store refused the scrape: \(error)"
        } catch {
            failure = "\(error)"
        }
        if failure != nil {
            do {
                try store.withLock {
                    try $0.fail(at: order.time, duration: elapsed(since: start), counts: counts)
                }
            } catch {
                note(error)
            }
        }
        tally.add(counts)
        finish(order, failure: failure, took: elapsed(since: start))
    }

    @concurrent
    func end(at time: Timestamp) async { end(at: time, but: []) }

    @concurrent
    func end(at time: Timestamp, but heir: any CollectorSource) async {
        let kept = (heir as? ScrapeSource)?.store.withLock { $0.liveSeries } ?? []
        end(at: time, but: kept)
    }

    private func end(at time: Timestamp, but kept: Set<SeriesID>) {
        do {
            try store.withLock { try $0.end(at: time, but: kept) }
        } catch {
            note(error)
        }
    }

    private func fetch(timeout: Duration) async throws -> (body: [UInt8], format: ExpositionFormat) {
        if let refusal = target.shared.refusal { throw ScrapeFailure(refusal) }
        let request = try ScrapeRequest.make(target, features: features, timeout: timeout)
        let response = try await http.send(request)
        return (response.body, try ScrapeRequest.format(of: response, target.job))
    }

    private func elapsed(since start: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: clock.monotonicNanoseconds() &- start))
    }

    private func note(_ error: any Error) {
        tally.storeFailures.add()
        logger.debug("Scrape not stored", metadata: ["target": "\(target.url)", "error": "\(error)"])
    }

    private func finish(_ order: PassOrder, failure: String?, took: Duration) {
        let before = lastStatus.withLock { status in
            let before = status
            status.lastError = failure ?? ""
            status.lastScrape = order.time
            status.lastScrapeDuration = took
            status.health = failure == nil ? .up : .down
            return before
        }
        let metadata: Logger.Metadata = ["job": "\(target.job.jobName)", "target": "\(target.url)"]
        if let failure, before.health != .down {
            logger.warning("Target is down: \(failure)", metadata: metadata)
        } else if failure == nil, before.health == .down {
            logger.info("Target is up again", metadata: metadata)
        }
    }
}
