// SPDX-License-Identifier: Apache-2.0
//
// What the daemon's upkeep thread does every second, and the orderly end.

internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

extension Store {
    /// How often `maintain` is to be called.
    public var upkeepInterval: Duration {
        syncInterval <= .zero ? .seconds(1) : min(.seconds(1), max(.milliseconds(50), syncInterval / 2))
    }

    /// Seals windows that are due and makes the log durable when it is time; call it every `upkeepInterval`.
    ///
    /// After an error the store goes on from memory; call it again as before.
    ///
    /// - Throws: `StoreError` when a segment or the log could not be written this time; `.locked` or `.replaced` when
    ///   another process or another directory has the place of this one: the store is closed then.
    public func maintain() throws(StoreError) {
        guard head.withLock({ !$0.isClosed }) else { return }
        // Before anything is written.
        try watchFiles()
        var failure: StoreError?
        lookAtClock()
        flushLog()
        if isSyncDue() {
            do throws(StoreError) { try syncLog() } catch { failure = error }
        }
        let isCrowded = head.withLock { $0.log.isCrowded }
        let isStuck = head.withLock { $0.log.isStuck }
        if isCrowded { metrics.forcedSeals.add() }
        do throws(StoreError) {
            try seal(isStuck ? .allInLog : isCrowded ? .logSpace : .due)
        } catch {
            failure = error
        }
        do throws(StoreError) { try maintainTiers() } catch { failure = failure ?? error }
        forgetUnused()
        saveFamilies()
        keepFoundDamage()
        if let failure { throw failure }
    }

    /// Gives back the memory of lanes without rows, and of groups and series without a use that are sealed.
    private func forgetUnused() {
        let now = clock.monotonicNanoseconds()
        let hasReleased = head.withLock { head in
            head.removeLanes { $0.idleTime(at: now) >= WindowLimit.idleNanoseconds }
            return !head.released.isEmpty || !head.releasedSeries.isEmpty
        }
        guard hasReleased else { return }
        parts.withLock { parts in
            index.withLock { index in
                head.withLock { head in
                    let gone = head.forgetReleased(index.links)
                    guard !gone.isEmpty else { return }
                    var forgotten: [SeriesReference] = []
                    for (_, reference) in gone { index.release(reference, &forgotten) }
                    for reference in forgotten { head.setLabels(Labels(), of: reference) }
                    let numbers = Set(gone.map { $0.id })
                    parts.handles = parts.handles.filter { !numbers.contains($0.key.series) }
                }
            }
        }
    }

    /// Seals every window now, whatever its size; for tests and before the data directory is copied.
    ///
    /// - Throws: `StoreError` when a segment could not be written.
    public func sealAll() throws(StoreError) {
        flushLog()
        try seal(.all)
    }

    /// Makes the log durable and refuses everything after; a restart reads the log back.
    public func close() {
        let isFirst = head.withLock { head in
            defer { head.isClosed = true }
            guard !head.isClosed else { return false }
            head.log.append(LogRecord.closed(), isRow: false)
            return true
        }
        guard isFirst else { return }
        saveFamilies(isLast: true)
        flushLog()
        do throws(StoreError) {
            if writer.withLock({ $0.file.hasFile }) { try syncLog() } else { try seal(.all) }
        } catch {
            // What the sync would have made safe is sealed instead, as far as the disk lets us.
            do throws(StoreError) {
                try seal(.all)
            } catch {
                logger.error("closing without a durable log", metadata: ["error": "\(error)"])
            }
        }
        // Not before a seal of the upkeep thread has ended: the next process may write where it does.
        sealer.withLock { _ in directoryLock.withLock { $0 = nil } }
        openDirectory.withLock { $0 = nil }
    }

    /// What the store holds now.
    public var statistics: StoreStatistics {
        var statistics = StoreStatistics()
        statistics.series = index.withLock { $0.count }
        statistics.recovery = recovery
        statistics.ringBytes = options.ringBytes
        statistics.logBytes = writer.withLock { $0.file.byteCount }
        head.withLock { head in
            head.describe(&statistics)
            statistics.tiers = zip(options.tiers, head.tiers).map { $1.statistics($0) }
        }
        return statistics
    }

    /// Gauges that are worked out when asked for.
    func registerGauges(_ telemetry: Telemetry) {
        func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (StoreStatistics) -> Double) {
            telemetry.computed("edgewatch_storage_\(name)", help) { [weak self] in
                self.map { value($0.statistics) } ?? 0
            }
        }
        gauge("series", "Series known, those only in segments included.") { Double($0.series) }
        gauge("active_series", "Series with samples in memory.") { Double($0.activeSeries) }
        gauge("head_samples", "Samples in memory, not yet in a segment.") { Double($0.headSamples) }
        gauge("head_bytes", "Bytes of samples in memory.") { Double($0.headBytes) }
        gauge("segment_samples", "Samples in readable segments.") { Double($0.segmentSamples) }
        gauge("segments", "Readable segments in the ring.") { Double($0.segments) }
        gauge("ring_used_bytes", "Bytes of readable segments in the ring.") { Double($0.ringBytesUsed) }
        gauge("ring_bytes", "Bytes the ring may take.") { Double($0.ringBytes) }
        telemetry.computed(
            "edgewatch_storage_clock_trusted",
            "Whether the wall clock is trusted; until it is, samples are neither sealed nor shipped."
        ) { [weak self] in self?.trust.withLock { $0.isTrusted ? 1 : 0 } ?? 0 }
        gauge("log_fill_ratio", "Share of the log that rows in memory need.") { $0.logFill }
        registerTierGauges(telemetry)
        telemetry.computed("edgewatch_storage_exemplars", "Exemplars in memory.") {
            [weak self] in Double(self?.exemplars.withLock { $0.count } ?? 0)
        }
        telemetry.computed("edgewatch_storage_families", "Metric families that sources described.") {
            [weak self] in Double(self?.families.withLock { $0.families.byName.count } ?? 0)
        }
    }
}

extension Head {
    /// Fills in what memory holds and where the ring stands.
    func describe(_ statistics: inout StoreStatistics) {
        statistics.activeSeries = handles.active - handles.activeParts
        statistics.activeParts = handles.activeParts
        statistics.groups = groupByIdentity.count
        statistics.logFill = log.capacity > 0 ? Double(log.livePages) / Double(log.capacity) : 0
        var oldest = Int64.max
        var newest = Int64.min
        func count(_ window: HeadWindow) {
            guard !window.isEmpty else { return }
            statistics.headSamples += window.samples
            statistics.headBytes += window.byteCount
            oldest = min(oldest, window.minTime)
            newest = max(newest, window.maxTime)
        }
        for lane in lanes {
            for window in lane.frozen { count(window) }
            count(lane.window)
        }
        for segment in segments {
            statistics.segmentSamples += segment.samples
            statistics.ringBytesUsed += Int64(segment.storedBytes)
            oldest = min(oldest, segment.minTime)
            newest = max(newest, segment.maxTime)
        }
        statistics.segments = segments.count
        guard oldest <= newest else { return }
        statistics.oldest = Timestamp(milliseconds: oldest)
        statistics.newest = Timestamp(milliseconds: newest)
    }
}
