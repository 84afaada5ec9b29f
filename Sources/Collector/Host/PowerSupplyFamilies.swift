// SPDX-License-Identifier: Apache-2.0
//
// node_exporter's names for the attributes of a power supply. The kernel counts in millionths (µV, µA, µWh) and
// tenths of a degree.

internal import Samples

extension Family {
    /// One attribute: its file, its family, and what the file's number is divided by.
    struct SupplyAttribute {
        let file: String
        let family: Family
        let divisor: Double

        fileprivate init(_ file: String, as name: String? = nil, per divisor: Double = 1) {
            self.file = file
            let isVital = ["online", "present", "capacity"].contains(file)
            let isUsual = ["voltage_now", "current_now", "power_now", "energy_now", "charge_now", "temp"]
                .contains(file)
            family = Family(
                "node_power_supply_" + (name ?? file),
                .gauge,
                "\(file.replacingUnderscores) of the power supply.",
                labels: ["power_supply"],
                class: isVital ? .health : isUsual ? .standard : .detailedPerformance
            )
            self.divisor = divisor
        }
    }

    static let supplyAttributes: [SupplyAttribute] =
        [
            SupplyAttribute("authentic"), SupplyAttribute("calibrate"), SupplyAttribute("capacity"),
            SupplyAttribute("capacity_alert_max"), SupplyAttribute("capacity_alert_min"),
            SupplyAttribute("cycle_count", as: "cyclecount"), SupplyAttribute("online"),
            SupplyAttribute("present"),
            SupplyAttribute("time_to_empty_now", as: "time_to_empty_seconds"),
            SupplyAttribute("time_to_full_now", as: "time_to_full_seconds"),
            SupplyAttribute("current_now", as: "current_ampere", per: 1e6),
            SupplyAttribute("energy_now", as: "energy_watthour", per: 1e6),
            SupplyAttribute("voltage_now", as: "voltage_volt", per: 1e6),
            SupplyAttribute("charge_now", as: "charge_ampere", per: 1e6),
            SupplyAttribute("power_now", as: "power_watt", per: 1e6),
        ]
        + [
            "current_boot", "current_max", "energy_empty", "energy_empty_design", "energy_full",
            "energy_full_design", "voltage_boot", "voltage_max", "voltage_max_design", "voltage_min",
            "voltage_min_design", "voltage_ocv", "charge_control_limit", "charge_control_limit_max",
            "charge_counter", "charge_empty", "charge_empty_design", "charge_full", "charge_full_design",
            "charge_term_current", "constant_charge_current", "constant_charge_current_max",
            "constant_charge_voltage", "constant_charge_voltage_max", "precharge_current",
            "input_current_limit",
        ].map { SupplyAttribute($0, per: 1e6) }
        + [
            "temp", "temp_alert_max", "temp_alert_min", "temp_ambient", "temp_ambient_max",
            "temp_ambient_min",
            "temp_max", "temp_min",
        ].map { SupplyAttribute($0, as: $0 + "_celsius", per: 10) }

    /// The files whose texts are the labels of node_power_supply_info, in the order of its labels.
    static let supplyTexts = [
        "capacity_level", "charge_type", "health", "manufacturer", "model_name", "serial_number", "status",
        "technology", "type", "usb_type", "scope",
    ]

    static let supplyInfo = Family(
        "node_power_supply_info",
        .gauge,
        "What the power supply is and how it is; always 1.",
        labels: ["power_supply"] + supplyTexts,
        class: .health
    )
}

extension String {
    var replacingUnderscores: String {
        let words = split(separator: "_").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }
}
