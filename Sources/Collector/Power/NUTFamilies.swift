// SPDX-License-Identifier: Apache-2.0
//
// The metrics of a device: `ups.load` is network_ups_tools_ups_load, and so on for every variable whose value is a
// number, but for those that only name something with digits; network_ups_tools_ups_status has a series for each flag, those of the manual whether set or not.

internal import Samples

/// The families of one server's variables.
struct NUTFamilies {
    /// The manual has some 400 names of variables; what goes far beyond is invented.
    private static let familyLimit = 4096
    /// The longest name in the manual has 40 bytes.
    private static let nameLimit = 128
    /// Flags beside those of the manual; drivers have two or three.
    private static let otherFlagLimit = 16
    /// No device of a power supply measures more; drivers give 3e18 for a sensor that is not there.
    private static let magnitudeLimit = 1e15

    private var families: [String: Family] = [:]
    /// Values left out so far, by reason.
    private(set) var leftOut: [String: Int] = [:]

    /// Adds what a device says to a pass.
    mutating func add(_ device: NUTDevice, to buffer: inout PassBuffer) {
        buffer.add(NUTFamilies.deviceUp, device.error == nil ? 1 : 0, device.name)
        guard device.error == nil else { return }
        var status: Set<String>?
        for (name, value) in device.variables {
            if name == "ups.status" { status = device.flags }
            guard !NUTFamilies.isText(name) else { continue }
            guard let number = NUTDevice.number(value) else { continue }
            guard number.magnitude <= NUTFamilies.magnitudeLimit else {
                leftOut["range", default: 0] += 1
                continue
            }
            if let family = family(of: name) { buffer.add(family, number, device.name) }
        }
        if let status { NUTFamilies.add(status, of: device.name, to: &buffer) }
        let texts = NUTFamilies.infoVariables.map { name in
            device.variables.first { $0.name == name }?.value ?? ""
        }
        buffer.add(NUTFamilies.info, 1, labels: [device.name] + texts)
    }

    /// Whether a variable is text even where it reads like a number: serial numbers, versions, `driver.version.internal`.
    private static func isText(_ name: String) -> Bool {
        name.split(separator: ".").contains { texts.contains($0) }
    }

    private mutating func family(of name: String) -> Family? {
        if let known = families[name] { return known }
        guard let metric = NUTFamilies.metric(name) else {
            leftOut["name", default: 0] += 1
            return nil
        }
        guard families.count < NUTFamilies.familyLimit else {
            leftOut["limit", default: 0] += 1
            return nil
        }
        let isVital = NUTFamilies.vital.contains(name)
        let family = Family(
            metric,
            .gauge,
            "The variable \(name) of the device.",
            labels: ["ups"],
            class: isVital ? .health : name.hasPrefix("driver.") ? .debug : .standard
        )
        families[name] = family
        return family
    }

    /// `battery.charge` as a metric's name, nil for what is no name of a variable.
    static func metric(_ name: String) -> String? {
        var out = Array("network_ups_tools_".utf8)
        guard !name.isEmpty, name.utf8.count <= nameLimit else { return nil }
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                out.append(byte)
            case UInt8(ascii: "."), UInt8(ascii: "-"): out.append(UInt8(ascii: "_"))
            default: return nil
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func add(_ status: Set<String>, of device: String, to buffer: inout PassBuffer) {
        for flag in flags { buffer.add(self.status, status.contains(flag) ? 1 : 0, device, flag) }
        for flag in status.subtracting(flags).sorted().prefix(otherFlagLimit) {
            buffer.add(self.status, 1, device, flag)
        }
    }

    /// The words of `ups.status` in the manual.
    static let flags = [
        "OL", "OB", "LB", "HB", "RB", "CHRG", "DISCHRG", "BYPASS", "CAL", "OFF", "OVER", "TRIM", "BOOST",
        "FSD", "SD", "ALARM",
    ]
    private static let texts: Set<Substring> = [
        "serial", "version", "firmware", "productid", "vendorid", "part", "macaddr",
    ]
    private static let vital: Set<String> = [
        "battery.charge", "battery.runtime", "ups.load", "input.voltage", "output.voltage",
    ]
    private static let infoVariables = [
        "device.mfr", "device.model", "device.serial", "device.type", "device.description",
        "device.contact", "device.location", "device.part", "device.macaddr",
    ]
    private static let info = Family(
        "network_ups_tools_device_info",
        .gauge,
        "Who made the device and what it is; always 1.",
        labels: ["ups"] + infoVariables.map { String($0.dropFirst("device.".count)) },
        class: .health
    )
    private static let status = Family(
        "network_ups_tools_ups_status",
        .gauge,
        "Whether the device's status has the flag.",
        labels: ["ups", "flag"],
        class: .health
    )
    private static let deviceUp = Family(
        "edgewatch_nut_ups_up",
        .gauge,
        "Whether the server has fresh data of the device.",
        labels: ["ups"],
        class: .health
    )
}

extension NUTDevice {
    /// A variable's value as a number, nil when there is none.
    func number(_ variable: String) -> Double? {
        variables.first { $0.name == variable }.flatMap { NUTDevice.number($0.value) }
    }

    /// Text as a number, nil when it is none.
    static func number(_ text: String) -> Double? { KernelNumber.decimal(Array(text.utf8)[...]) }

    /// The words of the device's status.
    var flags: Set<String> {
        let status = variables.first { $0.name == "ups.status" }?.value ?? ""
        return Set(status.split(separator: " ").map(String.init))
    }
}
