// SPDX-License-Identifier: Apache-2.0
//
// edge_network_quality: probes and the link's own counters, brought together per interface. An interface of which
// nothing is known has no series; one that lost its carrier is 0.

internal import Conditions
internal import Config
internal import Glibc
internal import Platform
internal import Samples

/// The quality of the node's network.
struct EdgeNetwork: EdgeSubject {
    private struct Key: Hashable {
        let interface: String
        let target: String
    }

    private let config: EdgeNetworkConfig
    private let node: String
    private let signals: SignalBoard
    private let clock: any EdgeClock
    private let exclude: Pattern?
    private var kernel: KernelText
    private var routes = ProbeRoutes()
    private var records: [Key: ProbeRecord] = [:]
    private var before: [String: LinkState] = [:]
    /// What was published last as the latency, to tell it from what a sender measured.
    private var ownLatency: Double?

    /// Interfaces of containers, bridges and tunnels, whose packets leave by another interface anyway.
    static let excluded =
        "lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|lxc.*|lxdbr.*|dummy.*|ifb.*|sit.*|tunl.*"
        + "|ip6tnl.*|nodelocaldns|kube-.*"

    init(
        _ definition: EdgeDefinition,
        _ config: EdgeNetworkConfig,
        signals: SignalBoard,
        clock: any EdgeClock
    ) {
        self.config = config
        node = definition.node
        self.signals = signals
        self.clock = clock
        exclude = config.exclude ?? (try? Pattern(EdgeNetwork.excluded))
        kernel = KernelText(roots: definition.roots)
    }

    mutating func measure(_ order: PassOrder, into pass: inout PassBuffer) {
        let (interfaces, exclude) = (config.interfaces, exclude)
        let links = LinkCounters.read(&kernel) { name in
            interfaces?.matches(name) != false && exclude?.matches(name) != true
        }
        let wanted = Set(links.filter(\.hasCarrier).map(\.name))
        let gateways = LinkCounters.gateways(&kernel) { if_nametoindex($0) }
            .filter { wanted.contains($0.key) }
        let probes = routes.probes(config.probes, gateways: gateways, now: clock.monotonicNanoseconds())
        let results = ProbeRound.run(probes.map(\.target), clock: clock)
        take(zip(probes, results).map { (probe: $0, round: $1) })
        for probe in probes { add(probe, to: &pass) }
        for link in links { add(link, probes, to: &pass) }
        before = Dictionary(links.map { ($0.name, $0) }) { $1 }
        publish(probes, for: order.interval * 3)
    }

    private mutating func take(_ rounds: [(probe: RoutedProbe, round: [Double?])]) {
        for (probe, round) in rounds {
            let key = Key(interface: probe.interface, target: probe.name)
            records[key, default: ProbeRecord()].take(round)
            if records[key]?.hasAnswered != true { routes.turnPort(of: probe.name) }
        }
        // An interface may come and go with its targets; what is not probed is forgotten once it is much.
        guard records.count > 256 else { return }
        let current = Set(rounds.map { Key(interface: $0.probe.interface, target: $0.probe.name) })
        records = records.filter { current.contains($0.key) }
    }

    /// What is known of a probe's target; nil while it says nothing.
    private func record(_ probe: RoutedProbe) -> ProbeRecord? {
        let record = records[Key(interface: probe.interface, target: probe.name)]
        return record.flatMap { $0.hasAnswered || probe.isDeclared ? $0 : nil }
    }

    private func add(_ probe: RoutedProbe, to pass: inout PassBuffer) {
        guard let record = record(probe) else { return }
        let labels = [probe.interface, probe.name]
        if let loss = record.loss { pass.add(EdgeNetwork.loss, loss, labels: labels) }
        if let trip = record.roundTrip { pass.add(EdgeNetwork.roundTrip, trip, labels: labels) }
        if let jitter = record.jitter { pass.add(EdgeNetwork.jitter, jitter, labels: labels) }
    }

    private func add(_ link: LinkState, _ probes: [RoutedProbe], to pass: inout PassBuffer) {
        guard link.hasCarrier else {
            // A port nobody ever plugged anything into is not a bad network.
            if link.hadCarrier { pass.add(EdgeNetwork.quality, 0, node, link.name) }
            return
        }
        let known = probes.filter { $0.interface == link.name }.compactMap(record)
        guard !known.isEmpty else { return }
        let mean = { (values: [Double]) in
            values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
        }
        let score = NetworkQuality.score(
            roundTrip: mean(known.compactMap(\.roundTrip)),
            jitter: mean(known.compactMap(\.jitter)),
            loss: mean(known.compactMap(\.loss)),
            errorRatio: errorRatio(link),
            signal: link.signal
        )
        pass.add(EdgeNetwork.quality, score, node, link.name)
    }

    /// The ratio of packets with errors since the last pass; 0 at first and after counters began anew.
    private func errorRatio(_ link: LinkState) -> Double {
        guard let before = before[link.name] else { return 0 }
        let errors = link.errors - before.errors
        let packets = link.packets - before.packets
        guard errors > 0, packets >= 0 else { return 0 }
        return errors / (errors + packets)
    }

    /// Publishes the loss, and the latency while no sender measures one.
    ///
    /// Beyond the gateway, if something there is probed; the first hop says little of an uplink's latency.
    private mutating func publish(_ probes: [RoutedProbe], for age: Duration) {
        let far = probes.filter { !$0.isGateway }.compactMap(record)
        let losses = (far.isEmpty ? probes.compactMap(record) : far).compactMap(\.loss)
        if !losses.isEmpty {
            let loss = losses.reduce(0, +) / Double(losses.count)
            signals.publish(SignalName.networkLoss, .number(loss), unit: "ratio", maximumAge: age)
        }
        let trips = far.compactMap(\.roundTrip)
        guard !trips.isEmpty else { return }
        if let known = signals.value(SignalName.networkLatency), known.quality == .good,
            known.value != ownLatency.map({ .number($0) })
        {
            return
        }
        let latency = trips.reduce(0, +) / Double(trips.count)
        ownLatency = latency
        signals.publish(SignalName.networkLatency, .number(latency), unit: "seconds", maximumAge: age)
    }

    // MARK: - Families

    private static let quality = Family(
        "edge_network_quality",
        .gauge,
        "How good the interface's network is, from 0 to 100.",
        labels: ["edge_node", "interface"],
        class: .health
    )
    private static let loss = Family(
        "edge_network_loss_ratio",
        .gauge,
        "Ratio of probes that did not come back, over about ten passes.",
        labels: ["interface", "target"]
    )
    private static let roundTrip = Family(
        "edge_network_round_trip_seconds",
        .gauge,
        "Round trip of probes, over about ten passes.",
        labels: ["interface", "target"]
    )
    private static let jitter = Family(
        "edge_network_jitter_seconds",
        .gauge,
        "Difference between round trips that follow each other, over about ten passes.",
        labels: ["interface", "target"]
    )
}
