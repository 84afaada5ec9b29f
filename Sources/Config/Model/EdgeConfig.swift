// SPDX-License-Identifier: Apache-2.0

public import Conditions
public import Samples

/// The metrics of an edge node that no exporter has: its network's quality, its power, its surroundings.
public struct EdgeConfig: Sendable, Equatable {
    /// edge_network_quality.
    public var network = EdgeNetworkConfig()
    /// edge_power_status.
    public var power = EdgePowerConfig()
    /// edge_environment_temperature, _humidity and _vibration.
    public var environment = EdgeEnvironmentConfig()

    /// Creates the defaults: everything, in the intervals of the stack document.
    public init() {}
}

/// How the quality of the node's network is measured.
public struct EdgeNetworkConfig: Sendable, Equatable {
    /// Whom an interface's packets are sent to, to see whether and when they come back.
    public enum Probe: Sendable, Hashable {
        /// The default gateway of each interface.
        case gateway
        /// A host by ICMP echo, or where that is forbidden by TCP.
        case host(String)
        /// A host by TCP connects to a port.
        case tcp(String, port: Int)
    }

    /// Whether it is measured.
    public var enabled = true
    /// How often.
    public var interval = Duration.seconds(30)
    /// The interfaces judged; nil is all.
    public var interfaces: Pattern?
    /// The interfaces left out; nil leaves out those of containers and bridges.
    public var exclude: Pattern?
    /// Who is probed.
    public var probes = [Probe.gateway]

    /// Creates the defaults.
    public init() {}
}

/// Where the node's power comes from.
public struct EdgePowerConfig: Sendable, Equatable {
    /// A state that holds while a condition does.
    public struct State: Sendable, Equatable {
        /// `grid`, `battery`, `ups` or `solar`.
        public var state: String
        /// Over the node's signals and, by their metric's name, over series of the store.
        public var condition: Condition
        /// What the series of the condition must carry.
        public var labels = Labels()

        /// Creates a state.
        public init(state: String, condition: Condition) {
            self.state = state
            self.condition = condition
        }
    }

    /// The states there are, in the order they are written as series.
    public static let states = ["grid", "battery", "ups", "solar"]

    /// Whether the state is a metric.
    public var enabled = true
    /// How often.
    public var interval = Duration.seconds(10)
    /// Supplies of the kernel fed by the sun; nil is none.
    public var solarSupplies: Pattern?
    /// States told by conditions.
    public var conditions: [State] = []

    /// Creates the defaults.
    public init() {}
}

/// What is measured around the node.
public struct EdgeEnvironmentConfig: Sendable, Equatable {
    /// What a place's sensor measures.
    public enum Quantity: String, Sendable, CaseIterable {
        /// Degrees Celsius.
        case temperature
        /// Relative humidity in percent.
        case humidity
        /// Acceleration in m/s², root mean square about its mean.
        case vibration
    }

    /// Where a value comes from.
    public enum Origin: Sendable, Equatable {
        /// A device of the kernel's Industrial I/O by name, label or number, and its channel.
        case iio(String, channel: String?)
        /// A chip of the kernel's hardware monitoring by name or place on the bus, and its sensor.
        case hwmon(String, sensor: String?)
        /// The series of the store that a selector finds.
        case series(SeriesSelector)
    }

    /// One place.
    public struct Place: Sendable, Equatable {
        /// What is measured.
        public var quantity: Quantity
        /// The label of the series.
        public var location: String
        /// Where the value comes from.
        public var origin: Origin
        /// What the value is multiplied by.
        public var scale = 1.0
        /// What is added after scaling.
        public var offset = 0.0

        /// Creates a place.
        public init(quantity: Quantity, location: String, origin: Origin) {
            self.quantity = quantity
            self.location = location
            self.origin = origin
        }
    }

    /// Whether it is measured.
    public var enabled = true
    /// How often.
    public var interval = Duration.seconds(5)
    /// The places; empty takes what sensors the kernel has.
    public var map: [Place] = []
    /// The quantities measured.
    public var quantities = Set(Quantity.allCases)

    /// Creates the defaults.
    public init() {}
}
