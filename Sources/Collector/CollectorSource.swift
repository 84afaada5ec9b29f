// SPDX-License-Identifier: Apache-2.0
//
// What every source of samples looks like to the service that schedules it. A source runs one pass at a time, stores
// its batch itself and never throws: what went wrong is its status, its series and its counters.

internal import Samples

/// Why and how a source is asked for a pass.
struct PassOrder: Sendable, Equatable {
    /// The time the pass stands for.
    var time: Timestamp
    /// The interval in effect.
    var interval: Duration
    /// What sampling keeps.
    var classes: MetricClasses
}

/// A source of samples with its own schedule.
protocol CollectorSource: Sendable {
    /// What the source is and how it is set up; equal definitions are the same source.
    var definition: SourceDefinition { get }
    /// Collects and stores once.
    ///
    /// Called again only after it returned.
    func pass(_ order: PassOrder) async
    /// Takes an equal definition; only what people are shown of it may differ.
    func redefine(_ definition: SourceDefinition)
    /// Ends the source's series; called once, when the source is no longer configured.
    func end(at time: Timestamp) async
    /// Ends those of the source's series that another source does not go on with; called instead of `end`.
    ///
    /// Only scraped targets have such others: series are known by their labels, and a target may come back with them.
    func end(at time: Timestamp, but heir: any CollectorSource) async
}

extension CollectorSource {
    func redefine(_ definition: SourceDefinition) {}
    func end(at time: Timestamp, but heir: any CollectorSource) async { await end(at: time) }
}
