// SPDX-License-Identifier: Apache-2.0

internal import Samples
internal import Synchronization

/// The kernel's power supplies for whoever judges the node's power; a battery's driver may block.
final class PowerSupplies: Sendable {
    private let collector: Mutex<PowerSupplyCollector>

    init(roots: HostRoots) {
        collector = Mutex(PowerSupplyCollector(roots: roots))
    }

    /// Where the power comes from now, nil when the kernel knows no supply; `solar` names those fed by the sun.
    func reading(solar: Pattern?) -> PowerReading? {
        collector.withLock { $0.reading(solar: solar) }
    }
}
