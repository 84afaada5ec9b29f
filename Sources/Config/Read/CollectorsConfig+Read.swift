// SPDX-License-Identifier: Apache-2.0

internal import Samples

extension CollectorsConfig {
    init(reading section: Section, _ global: GlobalConfig) {
        self.init()
        host = section.section("host") { HostCollectorConfig(reading: $0, global) }
        smart = section.optionalSection("smart") { SmartConfig(reading: $0) }
        modbus = section.sections("modbus") { ModbusDeviceConfig(reading: $0, global) }
        section.reportRepeated("name", in: "modbus")
        nut = section.sections("nut") { NUTServerConfig(reading: $0, global) }
        section.reportRepeated("name", in: "nut")
        edge = section.optionalSection("edge", EdgeConfig.init(reading:))
    }
}

extension HostCollectorConfig {
    fileprivate init(reading section: Section, _ global: GlobalConfig) {
        self.init()
        enabled = section.bool("enabled") ?? enabled
        interval = section.passInterval() ?? global.scrapeInterval
        instance = section.string("instance")
        labels = section.labels("labels")
        readCollectors(section)
        validation = section.validations()
        procPath = section.path("proc_path") ?? procPath
        sysPath = section.path("sys_path") ?? sysPath
        rootfsPath = section.path("rootfs_path") ?? rootfsPath
    }
}

extension ModbusDeviceConfig {
    /// Series of one unit; far more than any device has, and a bound on what a mistake in a generated file costs.
    private static let registerLimit = 4096

    fileprivate init?(reading section: Section, _ global: GlobalConfig) {
        let address = section.modbusAddress()
        self.init(name: section.required("name") ?? "", host: address?.host ?? "")
        port = address?.port ?? port
        unit = section.integer("unit", in: 0...255) ?? unit
        interval = section.interval("interval") ?? global.scrapeInterval
        timeout = section.interval("timeout") ?? timeout
        labels = section.labels("labels")
        validation = section.validations()
        byteOrder = section.choice("byte_order") ?? byteOrder
        maxGap = section.integer("max_gap", in: 0...120) ?? maxGap
        registers = section.sections("registers") { [byteOrder] in
            ModbusRegisterConfig(reading: $0, byteOrder)
        }
        if registers.isEmpty, section.node["registers"]?.items?.isEmpty != false {
            section.report("registers", "the device has no \"registers\"")
        }
        if registers.count > ModbusDeviceConfig.registerLimit {
            section.report("registers", "more than \(ModbusDeviceConfig.registerLimit) registers")
        }
        var series: Set<Labels> = []
        for register in registers {
            let identity = register.labels.setting(Labels.metricNameLabel, register.metric)
            if !series.insert(identity).inserted {
                section.report(
                    "registers",
                    "two registers are both \(identity)",
                    remedy: "give one another metric or label"
                )
            }
        }
    }
}

extension ModbusRegisterConfig {
    fileprivate init?(reading section: Section, _ standardOrder: ModbusByteOrder) {
        let address = section.integer("address", in: 0...65_535)
        if section.node["address"] == nil { section.report("address", "\"address\" is missing") }
        let metric = section.required("metric")
        self.init(metric: metric ?? "", address: UInt16(clamping: address ?? 0))
        if let metric, !Labels.isLegacyMetricName(metric) {
            section.report(
                "metric",
                "invalid metric name \"\(metric)\"",
                remedy: "use letters, digits, _ and :"
            )
        }
        help = section.string("help") ?? help
        table = section.choice("table") ?? table
        let isBitTable = table == .coil || table == .discrete
        type = section.choice("type") ?? (isBitTable ? .bool : type)
        byteOrder = section.choice("byte_order") ?? standardOrder
        scale = section.number("scale") ?? scale
        offset = section.number("offset") ?? offset
        labels = section.labels("labels")
        if isBitTable, type != .bool { section.report("type", "a \(table.rawValue) is a bool") }
        if Int(self.address) + type.registerCount > 65_536 {
            section.report("address", "a \(type.rawValue) at \(self.address) reaches beyond register 65535")
        }
    }
}

extension Section {
    /// `tcp://host:port`, `host:port` or `host`; a missing one is reported.
    fileprivate func modbusAddress() -> HostPort? {
        guard let text = required("address"), let node = take("address") else { return nil }
        let bare = text.hasPrefix("tcp://") ? String(text.dropFirst(6)) : text
        return HostPort(bare) ?? wrong(node, "address", "an address such as \"tcp://192.168.1.20:502\"")
    }
}
