// SPDX-License-Identifier: Apache-2.0
//
// The node's power as signals. A battery's driver may take its time to answer, so it is asked on a lane of its own;
// what UPS servers and conditions say is in PowerState already.

internal import Conditions
internal import Platform
internal import Samples
internal import Synchronization

/// Publishes `power_source`, `battery_level` and `battery_runtime`.
final class PowerWatch: Sendable {
    private let lane = BlockingQueue(label: "edgewatch.power")
    private let supplies: PowerSupplies
    private let solarSupplies = Mutex<Pattern?>(nil)
    private let signals: SignalBoard
    private let state: PowerState
    /// Three readings missed.
    static let maximumAge = Duration.seconds(40)

    init(roots: HostRoots, signals: SignalBoard, state: PowerState) {
        supplies = PowerSupplies(roots: roots)
        self.signals = signals
        self.state = state
    }

    /// Takes the names of supplies fed by the sun; nil when none is.
    func setSolarSupplies(_ pattern: Pattern?) {
        solarSupplies.withLock { $0 = pattern }
    }

    /// Reads the power supplies and publishes what is known; a node nobody knows the power of publishes nothing.
    @concurrent
    func publish() async {
        let pattern = solarSupplies.withLock { $0 }
        let reading = try? await lane.run { [self] in supplies.reading(solar: pattern) }
        state.setSupplies(reading ?? nil, for: PowerWatch.maximumAge)
        guard let power = state.judgement else { return }
        signals.publish(
            SignalName.powerSource,
            .text(power.source.rawValue),
            maximumAge: PowerWatch.maximumAge
        )
        if let level = power.levelRatio {
            signals.publish(
                SignalName.batteryLevel,
                .number(level),
                unit: "ratio",
                maximumAge: PowerWatch.maximumAge
            )
        }
        if let runtime = power.runtime {
            signals.publish(
                SignalName.batteryRuntime,
                .number(runtime),
                unit: "seconds",
                maximumAge: PowerWatch.maximumAge
            )
        }
    }
}
