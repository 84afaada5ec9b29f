// SPDX-License-Identifier: Apache-2.0
//
// What the node knows of itself that no exporter tells, each subject with an interval of its own: the quality of its
// network, its power, its surroundings (docs/edge-metrics.md). Probes wait for answers and sensors for their bus, so a
// subject has a lane of its own.

internal import Config
internal import Platform
internal import Samples

/// One subject as configured.
struct EdgeDefinition: Sendable, Equatable {
    enum Subject: Sendable, Equatable {
        case network(EdgeNetworkConfig)
        case power(EdgePowerConfig)
        case environment(EdgeEnvironmentConfig)
    }

    let subject: Subject
    /// The node's name.
    let node: String
    let procPath: String
    let sysPath: String

    /// The subjects of a configuration.
    static func all(_ configuration: Configuration, node: String) -> [EdgeDefinition] {
        guard let edge = configuration.collectors.edge else { return [] }
        var subjects: [Subject] = []
        if edge.network.enabled { subjects.append(.network(edge.network)) }
        if edge.power.enabled { subjects.append(.power(edge.power)) }
        if edge.environment.enabled { subjects.append(.environment(edge.environment)) }
        let host = configuration.collectors.host
        return subjects.map {
            EdgeDefinition(subject: $0, node: node, procPath: host.procPath, sysPath: host.sysPath)
        }
    }

    var interval: Duration {
        switch subject {
        case .network(let config): config.interval
        case .power(let config): config.interval
        case .environment(let config): config.interval
        }
    }

    var name: String {
        switch subject {
        case .network: "edge/network"
        case .power: "edge/power"
        case .environment: "edge/environment"
        }
    }

    var roots: HostRoots { HostRoots(proc: procPath, sys: sysPath) }
}

/// Measures one subject; blocks.
protocol EdgeSubject: Sendable {
    /// Adds what can be said now.
    mutating func measure(_ order: PassOrder, into pass: inout PassBuffer)
}

/// A subject as a source.
final class EdgeSource: CollectorSource {
    private struct State: PassState {
        var subject: any EdgeSubject
        var buffer: PassBuffer
    }

    let definition: SourceDefinition
    private let lane: PassLane<State>

    init(
        _ definition: EdgeDefinition,
        subject: any EdgeSubject,
        identity: Labels,
        sink: any SampleSink,
        tally: PassTally
    ) {
        self.definition = .edge(definition, identity: identity)
        lane = PassLane(
            "edgewatch.edge",
            tally: tally,
            state: State(subject: subject, buffer: PassBuffer(group: identity, sink: sink))
        )
    }

    @concurrent
    func pass(_ order: PassOrder) async {
        await lane.run { state in
            state.buffer.metricClassFilter = order.classes
            state.buffer.begin()
            state.subject.measure(order, into: &state.buffer)
            _ = try state.buffer.finish(at: order.time)
        }
    }

    @concurrent
    func end(at time: Timestamp) async {
        await lane.run { try $0.buffer.end(at: time) }
    }
}
