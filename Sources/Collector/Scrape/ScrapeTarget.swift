// SPDX-License-Identifier: Apache-2.0
//
// One target to scrape. TargetList makes it of what was discovered.

internal import Config
internal import Samples
internal import Wire

/// One target to scrape.
struct ScrapeTarget: Sendable, Equatable {
    /// The job, shared by all its targets.
    let shared: SharedJob
    /// What was discovered of it alone, and what of its group; shared with those who found it.
    let own: PackedLabels
    let group: PackedLabels
    /// What every sample gets.
    let labels: Labels
    let url: String
    let interval: Duration
    let timeout: Duration
    /// The job's formats, with what the target's own labels say of histograms.
    let formats: ScrapeFormats

    /// The job with everything that applies to all its targets, without what made the targets: adding one to the list
    /// does not change the others.
    var job: ScrapeConfig { shared.config }

    /// The labels before relabeling.
    ///
    /// Made anew each time: the names and values of a pod are several kilobytes, which nobody looks at most of the time.
    var discoveredLabels: Labels { TargetList.discoveredLabels(own, group, of: job).labels() }

    /// Whether it is the same to scrape; what was discovered but is not used may differ.
    static func == (left: ScrapeTarget, right: ScrapeTarget) -> Bool {
        left.shared == right.shared && left.labels == right.labels && left.url == right.url
            && left.interval == right.interval && left.timeout == right.timeout
            && left.formats == right.formats
    }
}
