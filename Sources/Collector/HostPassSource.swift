// SPDX-License-Identifier: Apache-2.0
//
// This machine as a source. Collectors with an interval of their own run in a further source of the same identity; the
// two share no series, for `up` is the first one's alone, so each ends only what it began. A pass reads files under /proc and /sys and may wait for a file system, so it runs on a
// lane of its own.

internal import Config
internal import Logging
internal import Platform
internal import Samples

/// The host collectors as a source.
final class HostPassSource: CollectorSource {
    private struct State: PassState {
        let collector: HostCollector
        var buffer: PassBuffer
    }

    let definition: SourceDefinition
    private let saysUp: Bool
    private let lane: PassLane<State>
    private static let up = Family("up", .gauge, "Whether the last pass succeeded.", class: .health)

    init(
        _ config: HostCollectorConfig,
        identity: Labels,
        sink: any SampleSink,
        clock: any EdgeClock,
        tally: PassTally,
        logger: Logger
    ) {
        definition = .host(config, identity: identity)
        saysUp = !config.isFurtherPass
        let roots = HostRoots(proc: config.procPath, sys: config.sysPath, rootfs: config.rootfsPath)
        lane = PassLane(
            "edgewatch.host",
            tally: tally,
            state: State(
                collector: HostCollector(
                    roots: roots,
                    collectors: config.collectors,
                    clock: clock,
                    logger: logger
                ),
                buffer: PassBuffer(group: identity, sink: sink)
            )
        )
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        await lane.run { [saysUp] state in
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            if saysUp { state.buffer.add(HostPassSource.up, 1) }
            state.collector.collect(into: &state.buffer)
            _ = try state.buffer.finish(at: order.time)
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        await lane.run { try $0.buffer.end(at: time) }
    }
}
