// SPDX-License-Identifier: Apache-2.0
//
// What tiers tell of themselves.

internal import Platform
internal import Samples
internal import Synchronization

extension TierView {
    func statistics(_ options: TierOptions) -> TierStatistics {
        var statistics = TierStatistics(
            name: options.name,
            resolution: options.resolution,
            ringBytes: options.ringBytes
        )
        for segment in segments {
            statistics.ringBytesUsed += Int64(SegmentHeader.padded(segment.place.length))
            statistics.rows += segment.rows
        }
        if let from = segments.map({ $0.span.from }).min(),
            let through = segments.map({ $0.span.through }).max()
        {
            statistics.oldest = Timestamp(milliseconds: from).advanced(byMilliseconds: resolution)
            statistics.newest = Timestamp(milliseconds: through)
        }
        return statistics
    }
}

extension Store {
    /// Gauges of each tier, worked out when asked for.
    func registerTierGauges(_ telemetry: Telemetry) {
        for (number, tier) in options.tiers.enumerated() {
            func gauge(
                _ name: String,
                _ help: String,
                _ value: @escaping @Sendable (TierStatistics) -> Double
            ) {
                telemetry.computed(
                    "edgewatch_storage_tier_\(name)",
                    help,
                    [(name: "tier", value: tier.name)]
                ) { [weak self] in
                    guard let self else { return 0 }
                    return value(self.head.withLock { $0.tiers[number].statistics(tier) })
                }
            }
            gauge("ring_used_bytes", "Bytes of readable segments in the tier's ring.") {
                Double($0.ringBytesUsed)
            }
            gauge("ring_bytes", "Bytes the tier's ring may take.") { Double($0.ringBytes) }
            gauge("rows", "Rows in the tier's ring, one for each window of a series.") { Double($0.rows) }
            gauge("oldest_timestamp_seconds", "The end of the tier's oldest window; 0 while it is empty.") {
                $0.oldest?.seconds ?? 0
            }
            gauge("newest_timestamp_seconds", "The end of the tier's newest window; 0 while it is empty.") {
                $0.newest?.seconds ?? 0
            }
        }
    }
}
