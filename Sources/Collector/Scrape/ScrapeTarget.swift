// SPDX-License-Identifier: Apache-2.0
//
// One target to scrape. TargetList makes it of what was discovered.

internal import Config
internal import Samples

/// One target to scrape.
struct ScrapeTarget: Sendable, Equatable {
    /// The job with everything that applies to all its targets, without what made the targets: adding one to the list
    /// does not change the others.
    let job: ScrapeConfig
    let discoveredLabels: Labels
    /// What every sample gets.
    let labels: Labels
    let url: String
    let interval: Duration
    let timeout: Duration
}
