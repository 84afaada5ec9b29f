// SPDX-License-Identifier: Apache-2.0
//
// Adaptive sampling driven by a clock and signals under the test's control: a battery that drains and is charged
// again, an uplink that becomes thin, an anomaly.

import Conditions
import Config
import Platform
import Samples
import Testing

@testable import Collector

private struct Node {
    let clock = ManualClock(wallMilliseconds: 1_700_000_000_000)
    let board: SignalBoard
    var policies: SamplingPolicies
    let host: SourceDefinition
    let target: SourceDefinition
    let own: SourceDefinition

    /// The strategies of the EdgeMonitoringStack document.
    init(_ strategies: [SamplingStrategy]? = nil) throws {
        board = SignalBoard(clock: clock)
        var config = SamplingConfig()
        config.strategies = try strategies ?? [Node.network(), Node.battery(), Node.anomaly()]
        policies = SamplingPolicies(config)
        var hostConfig = HostCollectorConfig()
        hostConfig.interval = .seconds(15)
        host = .host(hostConfig, identity: set(["job": "node", "instance": "n"]))
        var job = scrapeJob("app", ["h:1"])
        job.scrapeInterval = .seconds(5)
        job.scrapeTimeout = .seconds(5)
        target = .scrape(try #require(TargetList([job]).targets.first))
        own = .telemetry(interval: .seconds(15), identity: set(["job": "edgewatch"]))
    }

    static func network() throws -> SamplingStrategy {
        var action = SamplingAction(kind: .reduceFrequency)
        action.newInterval = .seconds(60)
        action.metrics = ["node", "container", "application"]
        return SamplingStrategy(
            name: "network_quality_based",
            condition: try Condition.parse("network_latency > 100ms OR bandwidth < 10Mbps"),
            action: action
        )
    }

    static func battery() throws -> SamplingStrategy {
        var action = SamplingAction(kind: .reduceMetrics)
        action.keepMetrics = ["health", "alerts", "critical"]
        action.dropMetrics = ["detailed_performance", "debug"]
        return SamplingStrategy(
            name: "battery_power",
            condition: try Condition.parse("power_source == 'battery' AND battery_level < 30%"),
            action: action
        )
    }

    static func anomaly() throws -> SamplingStrategy {
        var action = SamplingAction(kind: .increaseFrequency)
        action.newInterval = .seconds(1)
        action.duration = .seconds(300)
        action.metrics = ["affected_service"]
        return SamplingStrategy(
            name: "anomaly_detected",
            condition: try Condition.parse("anomaly_score > 0.8"),
            action: action
        )
    }

    /// Ten seconds pass, and the policies are judged.
    @discardableResult
    mutating func step() -> [SamplingPolicies.Change] {
        clock.advance(milliseconds: 10_000)
        return policies.evaluate(board, at: clock.monotonicNanoseconds())
    }

    func interval(_ source: SourceDefinition) -> Duration { policies.decision(for: source).interval }
    var classes: MetricClasses { policies.decision(for: host).classes }
    static let kept = MetricClasses([
        MetricClasses(.health), MetricClasses(.alerts), MetricClasses(.critical),
    ])
}

@Test func nothingIsChangedWhileNothingIsKnown() throws {
    var node = try Node()
    for _ in 0..<10 { #expect(node.step().isEmpty) }
    #expect(node.policies.decision(for: node.host) == SamplingDecision(interval: .seconds(15), classes: .all))
    #expect(node.policies.states.map(\.isActive) == [false, false, false])
}

@Test func aSlowUplinkSlowsCollectionUntilItIsGoodForFiveMinutes() throws {
    var node = try Node()
    node.board.publish(SignalName.bandwidth, .number(50e6), unit: "bit/s")
    node.board.publish(SignalName.networkLatency, .number(0.020), unit: "seconds")
    node.step()
    #expect(node.interval(node.host) == .seconds(15))
    node.board.publish(SignalName.networkLatency, .number(0.150), unit: "seconds")
    #expect(node.step() == [.init(policy: "network_quality_based", isActive: true)])
    #expect(node.interval(node.host) == .seconds(60))
    #expect(node.interval(node.target) == .seconds(60))
    #expect(node.interval(node.own) == .seconds(15), "not among the metrics of the policy")
    #expect(node.classes == .all)
    // Latency recovers, but the bandwidth is below the threshold now: still slow.
    node.board.publish(SignalName.networkLatency, .number(0.030), unit: "seconds")
    node.board.publish(SignalName.bandwidth, .number(2e6), unit: "bit/s")
    for _ in 0..<20 { #expect(node.step().isEmpty) }
    #expect(node.interval(node.host) == .seconds(60))
    // Good again: the policy stays until the link was good for five minutes, counted from the first good evaluation.
    for round in 0..<31 {
        node.board.publish(SignalName.networkLatency, .number(0.030), unit: "seconds")
        node.board.publish(SignalName.bandwidth, .number(50e6), unit: "bit/s")
        let changes = node.step()
        #expect(changes == (round == 30 ? [.init(policy: "network_quality_based", isActive: false)] : []))
        #expect(node.interval(node.host) == (round == 30 ? .seconds(15) : .seconds(60)))
    }
}

@Test func aDrainingBatteryKeepsOnlyWhatMatters() throws {
    var node = try Node()
    var enteredAt: Double?
    for percent in stride(from: 50.0, through: 20.0, by: -1) {
        node.board.publish(SignalName.powerSource, .text("battery"))
        node.board.publish(SignalName.batteryLevel, .number(percent / 100), unit: "ratio")
        if node.step() == [.init(policy: "battery_power", isActive: true)] { enteredAt = percent }
        #expect(node.classes == (percent < 30 ? Node.kept : .all))
        #expect(node.interval(node.host) == .seconds(15))
    }
    #expect(enteredAt == 29)
    #expect(node.policies.keptClasses == [.health, .critical, .alerts])
    // Mains is back, the battery still low: five minutes of it and everything is collected again.
    for round in 0..<31 {
        node.board.publish(SignalName.powerSource, .text("grid"))
        node.board.publish(SignalName.batteryLevel, .number(0.2), unit: "ratio")
        node.step()
        #expect(node.classes == (round == 30 ? .all : Node.kept))
    }
}

@Test func aReturningConditionStartsTheDwellAnew() throws {
    var node = try Node()
    node.board.publish(SignalName.networkLatency, .number(0.5), unit: "seconds")
    node.board.publish(SignalName.bandwidth, .number(50e6), unit: "bit/s")
    node.step()
    for _ in 0..<29 {
        node.board.publish(SignalName.networkLatency, .number(0.01), unit: "seconds")
        node.board.publish(SignalName.bandwidth, .number(50e6), unit: "bit/s")
        node.step()
    }
    node.board.publish(SignalName.networkLatency, .number(0.5), unit: "seconds")
    #expect(node.step().isEmpty)
    for _ in 0..<30 {
        node.board.publish(SignalName.networkLatency, .number(0.01), unit: "seconds")
        node.board.publish(SignalName.bandwidth, .number(50e6), unit: "bit/s")
        node.step()
        #expect(node.interval(node.host) == .seconds(60))
    }
    node.step()
    #expect(node.interval(node.host) == .seconds(15))
}

@Test func anAnomalyBoostsForItsDurationOverAnyReduction() throws {
    var node = try Node()
    func publish(_ score: Double) {
        node.board.publish(SignalName.anomalyScore, .number(score))
        node.board.publish(SignalName.networkLatency, .number(0.5), unit: "seconds")
    }
    publish(0.9)
    node.step()
    #expect(node.interval(node.target) == .seconds(1))
    #expect(node.interval(node.host) == .seconds(1))
    for _ in 0..<29 {
        publish(0.9)
        node.step()
        #expect(node.interval(node.target) == .seconds(1))
    }
    publish(0.9)
    #expect(node.step() == [.init(policy: "anomaly_detected", isActive: false)], "five minutes are over")
    #expect(node.interval(node.target) == .seconds(60), "the thin uplink counts again")
    // The score must have been low for the dwell before another boost.
    for _ in 0..<40 {
        publish(0.1)
        node.step()
        #expect(node.interval(node.target) == .seconds(60))
    }
    publish(0.95)
    node.board.publish("anomaly_source", .text("app"))
    node.step()
    #expect(node.interval(node.target) == .seconds(1))
    #expect(node.interval(node.host) == .seconds(60), "the anomaly is in the application")
}

@Test func policiesCombineAndSurviveAReload() throws {
    var keepsDebugOut = SamplingAction(kind: .reduceMetrics)
    keepsDebugOut.dropMetrics = ["debug", "no such class"]
    var slower = SamplingAction(kind: .reduceFrequency)
    slower.newInterval = .seconds(120)
    let always = try Condition.parse("bandwidth < 1Gbps")
    let strategies = [
        SamplingStrategy(name: "a", condition: always, action: keepsDebugOut),
        SamplingStrategy(name: "b", condition: always, action: slower),
        try Node.network(),
    ]
    var node = try Node(strategies)
    node.board.publish(SignalName.bandwidth, .number(1e6), unit: "bit/s")
    node.step()
    #expect(node.interval(node.host) == .seconds(120), "the longest interval counts")
    #expect(node.interval(node.own) == .seconds(120), "a policy without metrics concerns everything")
    #expect(!node.classes.contains(.debug))
    #expect(node.classes.contains(.standard) && node.classes.contains(.detailedPerformance))
    var config = SamplingConfig()
    config.strategies = [strategies[1]]
    var reloaded = SamplingPolicies(config)
    reloaded.inherit(node.policies)
    #expect(reloaded.decision(for: node.host) == SamplingDecision(interval: .seconds(120), classes: .all))
    config.enabled = false
    #expect(SamplingPolicies(config).states.isEmpty)
}

@Test func aTypoDoesNotBlindTheNode() throws {
    var action = SamplingAction(kind: .reduceMetrics)
    action.keepMetrics = ["helth"]
    var node = try Node([
        SamplingStrategy(name: "t", condition: try Condition.parse("bandwidth < 1Gbps"), action: action)
    ])
    node.board.publish(SignalName.bandwidth, .number(1e6), unit: "bit/s")
    #expect(!node.step().isEmpty)
    #expect(node.classes == .all)
}
