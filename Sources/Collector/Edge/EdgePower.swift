// SPDX-License-Identifier: Apache-2.0
//
// edge_power_status: four series of which one is 1, and none at all while nobody knows. What the kernel's supplies and
// conditions of the configuration say is told to PowerState, where it counts as what UPS servers say. The supplies are read
// in every pass, though PowerWatch does so too: who asks every second wants to see a power cut within a second.

internal import Conditions
internal import Config
internal import Platform
internal import Samples

/// Where the node's power comes from.
struct EdgePower: EdgeSubject {
    private let config: EdgePowerConfig
    private let power: PowerState
    private let signals: SignalBoard
    private let reading: SeriesReading?
    private let clock: any EdgeClock
    private let supplies: PowerSupplies

    static let status = Family(
        "edge_power_status",
        .gauge,
        "Where the node's power comes from: 1 for the one state that applies.",
        labels: ["state"],
        class: .health
    )

    init(
        _ config: EdgePowerConfig,
        power: PowerState,
        signals: SignalBoard,
        reading: SeriesReading?,
        clock: any EdgeClock,
        roots: HostRoots
    ) {
        supplies = PowerSupplies(roots: roots)
        self.config = config
        self.power = power
        self.signals = signals
        self.reading = reading
        self.clock = clock
    }

    mutating func measure(_ order: PassOrder, into pass: inout PassBuffer) {
        let age = max(order.interval * 3, PowerWatch.maximumAge)
        // That there is none any more PowerWatch says.
        if let now = supplies.reading(solar: config.solarSupplies) { power.setSupplies(now, for: age) }
        let claims = config.conditions.filter { holds($0, at: order.time) }
            .compactMap { PowerSource(rawValue: $0.state) }
        power.setClaims(claims, for: age)
        guard let source = power.judgement?.source else { return }
        for state in EdgePowerConfig.states {
            pass.add(EdgePower.status, state == source.rawValue ? 1 : 0, state)
        }
    }

    /// Whether a condition holds over the node's signals and, where a name is none of theirs, over series: the largest
    /// value of those that carry the labels.
    private func holds(_ state: EdgePowerConfig.State, at time: Timestamp) -> Bool {
        let board = SignalBoard(clock: clock)
        for (name, signal) in signals.all() where signal.quality == .good {
            board.publish(name, signal.value, unit: signal.unit)
        }
        for name in state.condition.signals where board.value(name) == nil {
            let selector = SeriesSelector(metric: name, labels: state.labels)
            guard let value = reading?.newest(selector.matchers, at: time).max() else { continue }
            board.publish(name, .number(value))
        }
        return state.condition.evaluate(board) == true
    }
}
