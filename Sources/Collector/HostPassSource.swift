// SPDX-License-Identifier: Apache-2.0
//
// This machine as a source. A pass reads files under /proc and /sys and may wait for a file system, so it runs on a
// lane of its own.

internal import Config
internal import Logging
internal import Platform
internal import Samples
internal import Synchronization

/// The host collectors as a source.
final class HostPassSource: CollectorSource {
    private struct State {
        let collector: HostCollector
        var buffer: PassBuffer
    }

    let definition: SourceDefinition
    private let lane = BlockingQueue(label: "edgewatch.host")
    private let tally: PassTally
    private let state: Mutex<State>
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
        self.tally = tally
        let roots = HostRoots(proc: config.procPath, sys: config.sysPath, rootfs: config.rootfsPath)
        state = Mutex(
            State(
                collector: HostCollector(roots: roots, clock: clock, logger: logger),
                buffer: PassBuffer(group: identity, sink: sink)
            )
        )
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        await store(at: order.time) { state in
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            state.buffer.add(HostPassSource.up, 1)
            state.collector.collect(into: &state.buffer)
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        await store(at: time) { $0.buffer.begin() }
    }

    private func store(at time: Timestamp, _ fill: @escaping @Sendable (inout State) -> Void) async {
        do {
            try await lane.run { [self] in
                try state.withLock { state in
                    fill(&state)
                    _ = try state.buffer.finish(at: time)
                    tally.add(state.buffer.statistics)
                }
            }
        } catch {
            tally.storeFailures.add()
        }
    }
}
