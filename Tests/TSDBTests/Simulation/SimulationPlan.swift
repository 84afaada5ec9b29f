// SPDX-License-Identifier: Apache-2.0
//
// What a seed decides before a run begins: how large everything is, and which kinds of misfortune there are. Small
// rings and logs, so that a short run fills them several times over.

import Platform

@testable import TSDB

/// The bounds of a run.
struct SimulationPlan {
    var groups = 3
    var series = 6
    var steps = 250
    var logPages = 24
    var ringFiles = 4
    var ringFileBytes: Int64 = 1 << 20
    var syncInterval: Duration = .seconds(10)
    /// The log's newest pages are in shared memory.
    var isStaged = false
    /// Everything in files is sealed.
    var isEncrypted = false
    /// The disk also rots, cannot be read, and claims syncs it did not do.
    var damages = false
    /// Rows of two seconds outlive the samples.
    var hasTier = false
    /// A series of each group has histograms.
    var hasHistograms = false
    /// A write that fails leaves a part of itself behind.
    var tearsFailedWrites = false
    /// A process may be stopped in the middle of its start.
    var stopsStarts = true
    /// A defect planted into the disk from the beginning; see `MemoryFileStore.State.lie`.
    var lie: (name: String, after: Int, lasts: Bool)?

    static let tierResolution: Int64 = 2000

    init() {}

    init(using random: inout SeededGenerator) {
        groups = Int.random(in: 1...4, using: &random)
        series = Int.random(in: 1...8, using: &random)
        steps = Int.random(in: 60...400, using: &random)
        logPages = [16, 16, 24, 40].randomElement(using: &random) ?? 16
        ringFiles = Int.random(in: 2...4, using: &random)
        // Some rings come round, most do not, so that nothing may be missing.
        let isSmall = Int.random(in: 0..<4, using: &random) == 0
        ringFileBytes = isSmall ? 64 << 10 : 1 << 20
        if Int.random(in: 0..<5, using: &random) == 0 { syncInterval = .zero }
        isStaged = Bool.random(using: &random)
        damages = Int.random(in: 0..<4, using: &random) == 0
        isEncrypted = Int.random(in: 0..<3, using: &random) == 0
        hasTier = Bool.random(using: &random)
        hasHistograms = Int.random(in: 0..<3, using: &random) == 0
        tearsFailedWrites = Int.random(in: 0..<4, using: &random) == 0
    }

    func set(_ options: inout StoreOptions) {
        options.logBytes = logPages * 4096
        options.ringFiles = ringFiles
        options.ringBytes = ringFileBytes * Int64(ringFiles)
        options.syncInterval = syncInterval
        options.outOfOrderWindow = .seconds(60)
        if hasTier {
            options.tiers = [
                TierOptions(
                    name: "warm",
                    resolution: .seconds(SimulationPlan.tierResolution / 1000),
                    ringBytes: 2 * 65536,
                    ringFiles: 2
                )
            ]
        }
        options.stagingPath = isStaged ? "/shm/staging" : nil
        options.encryption =
            isEncrypted ? StoreKey(bytes: Array(0..<32)).map { StoreEncryption(key: $0) } : nil
    }
}
