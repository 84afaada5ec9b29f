// SPDX-License-Identifier: Apache-2.0
//
// Thermal zones and what cools them (kernel, Documentation/driver-api/thermal/sysfs-api.rst). On ARM boards this is
// where the processor's temperature is. As in node_exporter a disabled zone, and one that does not answer, is left
// out.

internal import Samples

/// node_thermal_zone_temp, node_cooling_device_*.
struct ThermalZoneSource: HostSource {
    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let base = kernel.roots.sys + "/class/thermal"
        for name in KernelText.names(in: base) {
            let bytes = Array(name.utf8)[...]
            if let zone = bytes.after("thermal_zone"), ThermalZoneSource.beginsWithDigit(zone) {
                addZone(&kernel, "\(base)/\(name)", zone, into: &pass)
            } else if let device = bytes.after("cooling_device"), ThermalZoneSource.beginsWithDigit(device) {
                addCooling(&kernel, "\(base)/\(name)", device, into: &pass)
            }
        }
    }

    private func addZone(
        _ kernel: inout KernelText,
        _ directory: String,
        _ zone: ArraySlice<UInt8>,
        into pass: inout PassBuffer
    ) {
        if kernel.value(directory + "/mode")?.spells("disabled") == true { return }
        guard kernel.value(directory + "/policy") != nil,
            let temperature = kernel.number(directory + "/temp"),
            let type = kernel.value(directory + "/type")
        else { return }
        pass.add(Family.zoneTemperature, temperature / 1000, zone, type)
    }

    private func addCooling(
        _ kernel: inout KernelText,
        _ directory: String,
        _ name: ArraySlice<UInt8>,
        into pass: inout PassBuffer
    ) {
        guard let now = kernel.number(directory + "/cur_state"),
            let most = kernel.number(directory + "/max_state"),
            let type = kernel.value(directory + "/type")
        else { return }
        pass.add(Family.coolingState, now, name, type)
        pass.add(Family.coolingLimit, most, name, type)
    }

    private static func beginsWithDigit(_ text: ArraySlice<UInt8>) -> Bool {
        text.first.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
    }
}

extension Family {
    fileprivate static let zoneTemperature = Family(
        "node_thermal_zone_temp",
        .gauge,
        "Temperature of the zone in degrees Celsius.",
        labels: ["zone", "type"],
        class: .health
    )
    fileprivate static let coolingState = Family(
        "node_cooling_device_cur_state",
        .gauge,
        "How strongly the device cools or throttles now.",
        labels: ["name", "type"]
    )
    fileprivate static let coolingLimit = Family(
        "node_cooling_device_max_state",
        .gauge,
        "How strongly the device can cool or throttle.",
        labels: ["name", "type"],
        class: .detailedPerformance
    )
}
