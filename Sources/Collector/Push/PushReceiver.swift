// SPDX-License-Identifier: Apache-2.0
//
// A pushed request's way into the store: decompress → decode → numbers of the series → rows → append. The valid part of a
// request is stored even when the rest is refused: the sender is told, and whatever it sends again is a duplicate the
// store recognises. A request the store cannot take at the moment is answered as a whole, to be sent again as a whole.
//
// Groups: series are stored with those that share the values of `storage.group_labels` (a scrape target of the sender, as
// a rule), because those share timestamps. A series with none of these labels goes with those of its metric: what one
// pusher measures at a time is then a few groups, and unrelated pushers are seldom one.
//
// Memory: the buffers of a request are kept for the next, at most as many as requests decoded at once, and given back when
// one was far larger than senders send by default.

internal import Bytes
public import Config
public import Platform
public import Samples
internal import Synchronization
public import Wire

/// Stores what remote write pushes.
public final class PushReceiver: Sendable {
    /// The bounds of the receiver.
    public struct Options: Sendable {
        /// The labels whose values make a group.
        public var groupLabels: [String]
        /// Series the store takes; the cache of keys is as large.
        public var maxSeries: Int
        /// The first time that is in bounds, in milliseconds since 1970.
        ///
        /// Of who pushes over a network, 0 and what is before it is a time that was not set.
        public var earliestTime: Int64 = 1
        /// Groups pushed series have for themselves.
        var groupLimit = PushGroups.limit

        /// Creates the bounds.
        public init(groupLabels: [String], maxSeries: Int) {
            self.groupLabels = groupLabels
            self.maxSeries = maxSeries
        }

        init(groupLabels: [String], maxSeries: Int, groupLimit: Int) {
            self.init(groupLabels: groupLabels, maxSeries: maxSeries)
            self.groupLimit = groupLimit
        }
    }

    /// Samples further ahead of the wall clock are out of bounds, as in Prometheus.
    static let futureMilliseconds: Int64 = 10 * 60 * 1000
    /// How often keys nobody pushes any more are looked for.
    static let sweepInterval: UInt64 = 600 * 1_000_000_000
    /// Keys are some hundred bytes each; a sender of far longer ones gets fewer of them remembered.
    private static let keyBytesPerSeries = 256

    let sink: any SampleSink
    let clock: any EdgeClock
    let options: Options
    let metrics: PushMetrics
    let cache: Mutex<PushCache>
    let groups: Mutex<PushGroups>
    let limits: Mutex<PushConfig>
    let otlpOptions = Mutex(OTLPOptions())
    /// Metrics held for pushers that are gone.
    let gateway = PushGateway()
    /// The rules of the sink, of which the gateway tells its pushers.
    let validation: [ValidationConfig]
    private let rates = Mutex(ClientRates())
    let buffers = Mutex(PushBuffers())
    private let nextSweep: Mutex<UInt64>

    /// Creates a receiver.
    ///
    /// - Parameters:
    ///   - options: its bounds.
    ///   - limits: what a client may send.
    ///   - sink: the store.
    ///   - clock: the time.
    ///   - telemetry: where its counters are registered.
    public init(
        _ options: Options,
        limits: PushConfig = PushConfig(),
        sink: any SampleSink,
        clock: any EdgeClock,
        telemetry: Telemetry
    ) {
        self.options = options
        groups = Mutex(PushGroups(limit: options.groupLimit))
        self.limits = Mutex(limits)
        self.sink =
            limits.validation.isEmpty
            ? sink : ValidatingSink(sink, limits.validation, source: "push", telemetry: telemetry)
        validation = limits.validation
        self.clock = clock
        metrics = PushMetrics(telemetry)
        nextSweep = Mutex(clock.monotonicNanoseconds() + PushReceiver.sweepInterval)
        cache = Mutex(
            PushCache(
                entryLimit: options.maxSeries,
                byteLimit: max(1 << 20, options.maxSeries * PushReceiver.keyBytesPerSeries)
            )
        )
        telemetry.computed("edgewatch_gateway_groups", "Groups of pushed metrics held.") {
            [gateway] in Double(gateway.counts.groups)
        }
        telemetry.computed("edgewatch_gateway_series", "Series of all groups of pushed metrics held.") {
            [gateway] in Double(gateway.counts.series)
        }
        telemetry.computed("edgewatch_gateway_bytes", "Bytes of all groups of pushed metrics held, about.") {
            [gateway] in Double(gateway.bytes)
        }
        telemetry.computed("edgewatch_receiver_cached_series", "Series whose pushed keys are remembered.") {
            [weak self] in Double(self?.cache.withLock { $0.entries.count } ?? 0)
        }
        telemetry.computed("edgewatch_receiver_groups", "Groups of timestamps that pushed series have.") {
            [weak self] in Double(self?.groups.withLock { $0.count } ?? 0)
        }
        telemetry.computed(
            "edgewatch_receiver_shared_group_series_total",
            "Pushed series that share timestamps with unrelated ones because there are too many groups.",
            isCounter: true
        ) { [weak self] in Double(self?.groups.withLock { $0.shared } ?? 0) }
        telemetry.computed(
            "edgewatch_receiver_cache_evictions_total",
            "Keys of pushed series forgotten because there were too many.",
            isCounter: true
        ) { [weak self] in Double(self?.cache.withLock { $0.evictions } ?? 0) }
    }

    /// Takes over other limits; series known already keep their labels.
    public func configure(_ config: PushConfig) {
        limits.withLock { $0 = config }
    }

    /// Decompresses, decodes and stores one request.
    public func receive(
        _ body: Span<UInt8>,
        _ encoding: RemoteWriteEncoding,
        _ version: RemoteWriteVersion
    ) -> RemoteWriteReport {
        var bytes = buffers.withLock { $0.takeMessage() }
        var scratch = buffers.withLock { $0.takeScratch() }
        var report = RemoteWriteReport()
        do throws(RemoteWriteError) {
            let count = try decompress(body, encoding == .snappy ? .snappy : .zstd, into: &bytes)
            let message = bytes.span.extracting(first: count)
            try scratch.request.decode(message, version)
            metrics.count(version == .v2 ? .v2 : .v1)
            store(message, &scratch, &report)
        } catch {
            report.verdict =
                error.kind == .tooLarge ? .tooLarge(error.description) : .malformed(error.description)
            metrics.malformed.add()
        }
        buffers.withLock { $0.keep(bytes, scratch) }
        sweepWhenDue()
        return report
    }

    /// Bytes a request may decode to.
    var decodedLimit: Int { Int(clamping: limits.withLock { $0.decodedSize }) }

    func store(
        _ message: Span<UInt8>,
        _ scratch: inout PushScratch,
        _ report: inout RemoteWriteReport
    ) {
        do throws(SinkError) {
            try resolve(message, &scratch, &report)
            gather(message, &scratch, &report)
            try append(&scratch, &report)
            try appendExemplars(message, scratch, &report)
        } catch {
            report.verdict = .unavailable(error.description)
            metrics.unavailable.add()
        }
        let number = scratch.number
        release(cache.withLock { $0.finish(number) })
        metrics.samples.add(report.samples)
        metrics.histograms.add(report.histograms)
        metrics.exemplars.add(report.exemplars)
    }

    func sweepWhenDue() {
        let now = clock.monotonicNanoseconds()
        let isDue = nextSweep.withLock { next in
            guard now >= next else { return false }
            next = now + PushReceiver.sweepInterval
            return true
        }
        if isDue { sweep() }
    }

    /// Gives back to the store what nobody pushes any more.
    func sweep() { release(cache.withLock { $0.sweep() }) }
}

// MARK: - Clients

extension PushReceiver {
    /// Bytes a body may have.
    public var bodyLimit: Int { Int(clamping: limits.withLock { $0.bodySize }) }

    /// The seconds after which a client over its rate may send again.
    public func pause(for client: String) -> Int? {
        let config = limits.withLock { $0 }
        guard config.rate > 0 else { return nil }
        let now = clock.monotonicNanoseconds()
        let pause = rates.withLock { $0.pause(for: client, at: now, config.rate, config.effectiveBurst) }
        if pause != nil { metrics.throttled.add() }
        return pause
    }

    /// Takes what a client sent off what it may send.
    public func charge(_ samples: Int, to client: String) {
        let config = limits.withLock { $0 }
        guard config.rate > 0, samples > 0 else { return }
        let now = clock.monotonicNanoseconds()
        rates.withLock { $0.charge(samples, to: client, at: now, config.rate, config.effectiveBurst) }
    }
}
