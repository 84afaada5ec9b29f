// SPDX-License-Identifier: Apache-2.0

public import Samples

/// Sources besides scraping.
public struct CollectorsConfig: Sendable, Equatable {
    /// This machine.
    public var host = HostCollectorConfig()
    /// The health of disks; nil when it is not configured.
    public var smart: SmartConfig?
    /// Modbus TCP devices, in file order.
    public var modbus: [ModbusDeviceConfig] = []
    /// Servers of Network UPS Tools, in file order.
    public var nut: [NUTServerConfig] = []
    /// The metrics of an edge node; nil measures none.
    public var edge: EdgeConfig?

    /// Creates a configuration that collects this machine only.
    public init() {}
}

/// The collector of this machine's own metrics.
public struct HostCollectorConfig: Sendable, Equatable {
    /// Whether it runs.
    public var enabled = true
    /// How often; `global.scrape_interval` unless configured.
    public var interval = Duration.seconds(60)
    /// The `instance` label; nil takes the host name.
    public var instance: String?
    /// Further labels of all its series.
    public var labels = Labels()
    /// Where the proc file system is mounted.
    public var procPath = "/proc"
    /// Where the sys file system is mounted.
    public var sysPath = "/sys"
    /// Where the host's root is mounted, for the file systems' sizes.
    public var rootfsPath = "/"
    /// What is collected.
    public var collectors = HostCollectorsConfig()
    /// What the pass is called, in sampling policies for example; see `passes`.
    public internal(set) var passName = "node"

    /// What values may be.
    public var validation: [ValidationConfig] = []

    /// Creates the defaults.
    public init() {}
}

/// One unit on a Modbus TCP server.
public struct ModbusDeviceConfig: Sendable, Equatable {
    /// Unique; the `instance` label unless labels say otherwise.
    public var name: String
    /// The server's name or address.
    public var host: String
    /// Its TCP port.
    public var port = 502
    /// The unit identifier, 0 to 255.
    public var unit = 1
    /// How often it is read; `global.scrape_interval` unless configured.
    public var interval = Duration.seconds(60)
    /// For one request.
    public var timeout = Duration.seconds(1)
    /// Labels of all its series.
    public var labels = Labels()
    /// The order of bytes of registers that name none.
    public var byteOrder = ModbusByteOrder.abcd
    /// Registers that may be read unasked to join two wanted ones into one request.
    public var maxGap = 8
    /// What is read, in file order.
    public var registers: [ModbusRegisterConfig] = []

    /// What values may be.
    public var validation: [ValidationConfig] = []

    /// Creates a device with defaults.
    public init(name: String, host: String) {
        self.name = name
        self.host = host
    }
}

/// How the bytes of a value lie in its registers; `a` is the most significant.
public enum ModbusByteOrder: String, Sendable, CaseIterable {
    /// Big-endian, as the Modbus specification has it.
    case abcd = "ABCD"
    /// Big-endian bytes, the low word first.
    case cdab = "CDAB"
    /// Little-endian bytes, the high word first.
    case badc = "BADC"
    /// Little-endian.
    case dcba = "DCBA"
}

/// A value read from a Modbus unit.
public struct ModbusRegisterConfig: Sendable, Equatable {
    /// The four tables of the Modbus data model.
    public enum Table: String, Sendable, CaseIterable {
        case holding
        case input
        case coil
        case discrete
    }

    /// What the registers hold.
    public enum ValueType: String, Sendable, CaseIterable {
        case bool
        case int16
        case uint16
        case int32
        case uint32
        case int64
        case uint64
        case float32
        case float64

        /// Registers (or bits, of the bit tables) a value takes.
        public var registerCount: Int {
            switch self {
            case .bool, .int16, .uint16: 1
            case .int32, .uint32, .float32: 2
            case .int64, .uint64, .float64: 4
            }
        }
    }

    /// The metric's name.
    public var metric: String
    /// One sentence for people.
    public var help = ""
    /// Where it is read from.
    public var table = Table.holding
    /// The first register, counted from 0 as on the wire.
    public var address: UInt16
    /// What the registers hold.
    public var type = ValueType.uint16
    /// The order of its bytes.
    public var byteOrder = ModbusByteOrder.abcd
    /// What the raw value is multiplied by.
    public var scale = 1.0
    /// What is added after scaling.
    public var offset = 0.0
    /// Labels of this series.
    public var labels = Labels()

    /// Creates a register with defaults.
    public init(metric: String, address: UInt16) {
        self.metric = metric
        self.address = address
    }
}
