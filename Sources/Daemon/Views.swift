// SPDX-License-Identifier: Apache-2.0
//
// What a stage says of itself, as the API shows it.

internal import Collector
internal import Conditions
internal import HTTPAPI
internal import Sync
internal import TSDB

extension TargetView {
    init(_ status: TargetStatus) {
        self.init(labels: status.labels, scrapePool: status.scrapePool, scrapeURL: status.scrapeURL)
        discoveredLabels = status.discoveredLabels
        lastError = status.lastError
        lastScrape = status.lastScrape
        lastScrapeDuration = status.lastScrapeDuration
        health =
            switch status.health {
            case .up: .up
            case .down: .down
            case .unknown: .unknown
            }
        scrapeInterval = status.scrapeInterval
        scrapeTimeout = status.scrapeTimeout
    }
}

extension DiscoveryView {
    init(_ state: DiscoveryState) {
        self.init(pool: state.job, mechanism: state.mechanism)
        targets = state.targets
        lastSuccess = state.lastSuccess
        lastError = state.lastError
    }
}

extension DeviceView {
    init(_ status: DeviceStatus) {
        self.init(kind: status.kind.rawValue, name: status.name, address: status.address)
        health =
            switch status.isUp {
            case nil: .unknown
            case true?: .up
            case false?: .down
            }
        lastError = status.lastError
        lastRead = status.lastRead
    }
}

extension SyncView {
    init(_ status: DestinationStatus) {
        self.init(name: status.name, url: status.url, state: status.state.rawValue)
        backlogSeconds = status.backlogSeconds
        backlogRows = status.backlogRows
        lastSuccess = status.lastSuccess
        lastError = status.lastError
        sentSamples = status.sentSamples
        droppedSamples = status.droppedSamples
        lostRows = status.lostRows
    }
}

extension SignalView {
    init(name: String, signal: Signal) {
        let value: Value =
            switch signal.value {
            case .number(let number): .number(number)
            case .text(let text): .text(text)
            }
        self.init(
            name: name,
            value: value,
            unit: signal.unit,
            age: signal.age,
            quality: signal.quality.rawValue
        )
    }
}

extension SamplingView {
    init(_ status: SamplingStatus) {
        self.init()
        let active = status.policies.filter(\.isActive)
        policy = active.isEmpty ? "normal" : active.map(\.name).joined(separator: ", ")
        reason = active.map(\.condition).joined(separator: "; ")
        interval =
            status.sources.first { $0.name == "node" }?.interval ?? status.sources.first?.interval ?? .zero
        keptClasses = status.keptClasses
    }
}

extension StorageView {
    init(_ statistics: StoreStatistics) {
        self.init()
        series = statistics.series
        groups = statistics.groups
        samples = UInt64(clamping: statistics.headSamples) + statistics.segmentSamples
        headBytes = Int64(statistics.headBytes)
        ringUsedBytes = statistics.ringBytesUsed
        ringSizeBytes = statistics.ringBytes
        // Pages that cannot be written wait in memory, so the log may be fuller than its file.
        logUsedBytes = Int64(min(max(0, statistics.logFill), 1) * Double(statistics.logBytes))
        logSizeBytes = statistics.logBytes
        if statistics.segmentSamples > 0 {
            bytesPerSample = Double(statistics.ringBytesUsed) / Double(statistics.segmentSamples)
        }
        oldest = statistics.oldest
        newest = statistics.newest
        corruptions = statistics.recovery.damagedSegments + statistics.recovery.damagedPages
        tiers = statistics.tiers.map {
            TierView(
                name: $0.name,
                resolution: $0.resolution,
                ringUsedBytes: $0.ringBytesUsed,
                ringSizeBytes: $0.ringBytes,
                rows: $0.rows,
                oldest: $0.oldest,
                newest: $0.newest
            )
        }
    }
}
