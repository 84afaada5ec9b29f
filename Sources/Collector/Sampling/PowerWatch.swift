// SPDX-License-Identifier: Apache-2.0
//
// The node's power as signals. A battery's driver may take its time to answer, so it is asked on a lane of its own.

internal import Conditions
internal import Platform
internal import Synchronization

/// Publishes `power_source` and `battery_level`.
final class PowerWatch: Sendable {
    private let lane = BlockingQueue(label: "edgewatch.power")
    private let supplies: Mutex<PowerSupplyCollector>
    private let signals: SignalBoard
    /// Three readings missed.
    private static let maximumAge = Duration.seconds(40)

    init(roots: HostRoots, signals: SignalBoard) {
        supplies = Mutex(PowerSupplyCollector(roots: roots))
        self.signals = signals
    }

    /// Reads the power supplies and publishes what they say; a machine without any publishes nothing.
    @concurrent
    func publish() async {
        let reading = try? await lane.run { [self] in supplies.withLock { $0.reading() } }
        guard let reading = reading ?? nil else { return }
        signals.publish(
            SignalName.powerSource,
            .text(reading.source.rawValue),
            maximumAge: PowerWatch.maximumAge
        )
        guard let level = reading.levelRatio else { return }
        signals.publish(
            SignalName.batteryLevel,
            .number(level),
            unit: "ratio",
            maximumAge: PowerWatch.maximumAge
        )
    }
}
