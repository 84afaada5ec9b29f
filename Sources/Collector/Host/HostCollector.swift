// SPDX-License-Identifier: Apache-2.0
//
// This machine's own metrics, with node_exporter's names, labels and types, so that everybody's dashboards and
// rules work. One pass runs all collectors one after the other on the caller's thread; a collector that fails
// costs its own metrics and nothing else, and says so in node_scrape_collector_success.

public import Config
public import Logging
public import Platform
internal import Samples

/// One subject of the host's metrics.
protocol HostSource {
    /// Adds the values of one pass.
    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure)
    /// What the last pass has to say to an operator, each thing once.
    mutating func takeNotes() -> [String]
}

extension HostSource {
    mutating func takeNotes() -> [String] { [] }
}

/// Collects the metrics of this machine.
///
/// Not for concurrent use: one owner calls `collect`, on a thread that may block for some milliseconds, for
/// `mountTimeout` when a network file system stops answering, and for as long as one takes that holds files of scripts;
/// whoever schedules gives those a pass of their own (`HostCollectorConfig.passes`).
public final class HostCollector {
    private var sources: [(name: HostCollectorName, source: any HostSource)]
    private var failures: [HostCollectorName: HostFailure] = [:]
    private var kernel: KernelText
    private let clock: any EdgeClock
    private let logger: Logger

    /// Prepares the collectors.
    ///
    /// - Parameters:
    ///   - roots: where the machine's files are.
    ///   - collectors: which collectors run, and on what.
    ///   - mountTimeout: how long a pass waits for a file system that does not answer.
    ///   - clock: the time source.
    ///   - logger: hears when a collector begins and ceases to fail.
    public init(
        roots: HostRoots = HostRoots(),
        collectors: HostCollectorsConfig = HostCollectorsConfig(),
        mountTimeout: Duration = .seconds(1),
        clock: any EdgeClock,
        logger: Logger
    ) {
        kernel = KernelText(roots: roots)
        self.clock = clock
        self.logger = logger
        let surroundings = HostSurroundings(roots: roots, mountTimeout: mountTimeout, clock: clock)
        sources = collectors.enabled.map { ($0.name, $0.source(surroundings)) }
    }

    /// Adds one pass of every collector.
    public func collect(into pass: inout PassBuffer) {
        for index in sources.indices {
            let name = sources[index].name.rawValue
            let start = clock.monotonicNanoseconds()
            var failure: HostFailure?
            do throws(HostFailure) {
                try sources[index].source.collect(&kernel, into: &pass)
            } catch {
                failure = error
            }
            for note in sources[index].source.takeNotes() {
                logger.warning("\(note)", metadata: ["collector": "\(name)"])
            }
            let end = clock.monotonicNanoseconds()
            pass.add(Family.collectorDuration, Double(end &- start) / 1e9, name)
            pass.add(Family.collectorSuccess, failure == nil ? 1 : 0, name)
            note(failure, of: sources[index].name)
        }
    }

    /// Logs a collector's first failure of a kind, and its recovery.
    private func note(_ failure: HostFailure?, of name: HostCollectorName) {
        guard failures[name] != failure else { return }
        failures[name] = failure
        var metadata: Logger.Metadata = ["collector": "\(name.rawValue)"]
        switch failure {
        case nil: logger.info("Host collector works again", metadata: metadata)
        case .absent:
            // Whoever switches a collector on expects something of it.
            let level: Logger.Level = name.isOnByDefault ? .debug : .warning
            logger.log(level: level, "Nothing to collect", metadata: metadata)
        case .some(let failure):
            metadata["reason"] = "\(failure)"
            logger.warning("Host collector fails", metadata: metadata)
        }
    }
}

extension Family {
    fileprivate static let collectorDuration = Family(
        "node_scrape_collector_duration_seconds",
        .gauge,
        "Time the collector took in this pass.",
        labels: ["collector"],
        class: .debug
    )
    fileprivate static let collectorSuccess = Family(
        "node_scrape_collector_success",
        .gauge,
        "Whether the collector found its data in this pass.",
        labels: ["collector"],
        class: .health
    )
}
