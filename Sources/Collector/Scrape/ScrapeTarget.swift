// SPDX-License-Identifier: Apache-2.0
//
// One target to scrape. TargetList makes it of what was discovered.

internal import Config
internal import Samples

/// One target to scrape.
struct ScrapeTarget: Sendable, Equatable {
    /// The job, shared by all its targets.
    let shared: SharedJob
    let discoveredLabels: Labels
    /// What every sample gets.
    let labels: Labels
    let url: String
    let interval: Duration
    let timeout: Duration

    /// The job with everything that applies to all its targets, without what made the targets: adding one to the list
    /// does not change the others.
    var job: ScrapeConfig { shared.config }
}
