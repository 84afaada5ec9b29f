// SPDX-License-Identifier: Apache-2.0
//
// From the name of a sensor's file to the metric node_exporter makes of it. `temp1_crit_alarm` is type temp,
// number 1, element crit_alarm, hence node_hwmon_temp_crit_alarm_celsius{sensor="temp1"}. That an alarm has a
// unit and is scaled is node_exporter's doing; dashboards rely on it.

internal import Samples

/// The parts of a sensor file's name: `<type><number>_<element>`.
struct SensorFile: Equatable {
    let type: String
    /// Type and number; a missing number is 0.
    let sensor: String
    let element: String

    /// Takes a name apart, nil when it begins with a digit or its number is too large.
    init?(_ name: String) {
        let bytes = Array(name.utf8)
        let isDigit = { (byte: UInt8) in byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
        var typeEnd = bytes.firstIndex(where: isDigit) ?? bytes.count
        var numberEnd = typeEnd
        while numberEnd < bytes.count, isDigit(bytes[numberEnd]) { numberEnd += 1 }
        var element = ""
        if numberEnd < bytes.count {
            // What follows the digits must be the element; otherwise the digits belong to it: `beep_mask2x`.
            if bytes[numberEnd] == UInt8(ascii: "_"), numberEnd + 1 < bytes.count {
                element = String(decoding: bytes[(numberEnd + 1)...], as: UTF8.self)
            } else if let underscore = bytes[..<typeEnd].lastIndex(of: UInt8(ascii: "_")) {
                element = String(decoding: bytes[(underscore + 1)...], as: UTF8.self)
                typeEnd = underscore
                numberEnd = underscore
            } else {
                return nil
            }
        }
        guard typeEnd > 0, numberEnd - typeEnd < 10 else { return nil }
        let number = typeEnd == numberEnd ? 0 : KernelNumber.unsigned(bytes[typeEnd..<numberEnd]) ?? 0
        type = String(decoding: bytes[..<typeEnd], as: UTF8.self)
        sensor = "\(type)\(number)"
        self.element = element
    }
}

/// How one kind of sensor file is published.
struct SensorMetric {
    let family: Family
    /// Whether a board's configuration may correct the value.
    let isComputable: Bool
    /// From the file's unit to the metric's.
    private let divisor: Double

    /// The sensor types node_exporter takes.
    static let types: Set<String> = [
        "vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy",
        "humidity", "intrusion", "freq",
    ]

    /// The metric of an element, nil for what is no measurement.
    init?(type: String, element: String, hasBareValue: Bool) {
        let rule = SensorMetric.rule(type, element)
        var name = rule.name ?? "node_hwmon_" + type
        if rule.name == nil {
            if element == "input" {
                if hasBareValue { name += "_input" }
            } else if !element.isEmpty {
                name += "_" + HardwareChip.clean(element)
            }
            name += rule.suffix
        }
        let isReading = element == "input" || element == "average"
        family = Family(
            name,
            type == "energy" ? .counter : .gauge,
            SensorMetric.help(type, element),
            labels: ["chip", "sensor"],
            class: isReading && type == "temp" ? .health : isReading ? .standard : .detailedPerformance
        )
        divisor = rule.divisor
        isComputable = rule.isMeasured && !element.hasSuffix("alarm")
    }

    /// The file's number in the metric's unit.
    func value(_ raw: Double) -> Double { raw / divisor }

    private struct Rule {
        var name: String?
        var suffix = ""
        var divisor = 1.0
        var isMeasured = false
    }

    private static func rule(_ type: String, _ element: String) -> Rule {
        switch (type, element) {
        case ("beep_enable", _): Rule(name: "node_hwmon_beep_enabled")
        case ("vrm", _): Rule(name: "node_hwmon_voltage_regulator_version")
        case ("update_interval", _): Rule(name: "node_hwmon_update_interval_seconds", divisor: 1000)
        case (_, "fault"), (_, "alarm"): Rule()
        case (_, "beep"): Rule(suffix: "_enabled")
        case ("in", _), ("cpu", _): Rule(suffix: "_volts", divisor: 1000, isMeasured: true)
        case ("temp", "type"): Rule()
        case ("temp", _): Rule(suffix: "_celsius", divisor: 1000, isMeasured: true)
        case ("curr", _): Rule(suffix: "_amps", divisor: 1000, isMeasured: true)
        case ("energy", _): Rule(suffix: "_joule_total", divisor: 1e6, isMeasured: true)
        case ("power", "accuracy"): Rule(divisor: 1e6)
        case ("power", "average_interval"), ("power", "average_interval_min"),
            ("power", "average_interval_max"):
            Rule(suffix: "_seconds", divisor: 1000)
        case ("power", _): Rule(suffix: "_watt", divisor: 1e6, isMeasured: true)
        // The file holds thousandths of a percent, so this is a tenth of the ratio; node_exporter's value all the same.
        case ("humidity", _): Rule(divisor: 1e6)
        case ("fan", "input"), ("fan", "min"), ("fan", "max"), ("fan", "target"):
            Rule(suffix: "_rpm", isMeasured: true)
        case ("freq", "input"): Rule(suffix: "_freq_mhz", divisor: 1e6)
        default: Rule()
        }
    }

    private static func help(_ type: String, _ element: String) -> String {
        let subject = subjects[type] ?? type
        return element.isEmpty || element == "input" ? "\(subject)." : "\(subject): \(element)."
    }

    private static let subjects = [
        "vrm": "Version of the voltage regulator", "beep_enable": "Whether the chip beeps",
        "update_interval": "How often the chip measures", "in": "Voltage", "cpu": "Core voltage",
        "fan": "Revolutions per minute of the fan", "pwm": "Drive of the fan", "temp": "Temperature",
        "curr": "Current", "power": "Power", "energy": "Energy used so far",
        "humidity": "Relative humidity; 1 is 1000 %",
        "intrusion": "Opening of the case", "freq": "Clock rate",
    ]
}
