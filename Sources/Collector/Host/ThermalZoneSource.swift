// SPDX-License-Identifier: Apache-2.0
//
// Thermal zones and what cools them (kernel, Documentation/driver-api/thermal/sysfs-api.rst). On ARM boards this is
// where the processor's temperature is. As in node_exporter a disabled zone, and one that does not answer, is left
// out.

internal import Samples

/// node_thermal_zone_temp, node_cooling_device_*.
struct ThermalZoneSource: HostSource {
    private struct Device {
        /// What follows `thermal_zone` or `cooling_device` in its name.
        let number: String
        let isZone: Bool
        let path: String
    }

    /// More zones and cooling devices than a machine has.
    private static let limit = 4096

    private var directory = DeviceDirectory<Device>(sys: "/class/thermal")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // Without the directory there are none.
        directory.updateIfThere(&kernel, limit: ThermalZoneSource.limit) { name, path, _ in
            for (prefix, isZone) in [("thermal_zone", true), ("cooling_device", false)] {
                guard name.hasPrefix(prefix) else { continue }
                let number = name.dropFirst(prefix.count)
                guard number.first?.isASCII == true, number.first?.isNumber == true else { return nil }
                return Device(number: String(number), isZone: isZone, path: path)
            }
            return nil
        }
        for device in directory.devices {
            KernelText.withDirectory(device.path) { place in
                if device.isZone {
                    ThermalZoneSource.addZone(&kernel, place, device.number, into: &pass)
                } else {
                    ThermalZoneSource.addCooling(&kernel, place, device.number, into: &pass)
                }
            }
        }
    }

    private static func addZone(
        _ kernel: inout KernelText,
        _ directory: Int32,
        _ zone: String,
        into pass: inout PassBuffer
    ) {
        if kernel.value("mode", in: directory)?.spells("disabled") == true { return }
        guard kernel.value("policy", in: directory) != nil,
            let temperature = kernel.number("temp", in: directory),
            let type = kernel.value("type", in: directory)
        else { return }
        pass.add(Family.zoneTemperature, temperature / 1000, zone, type)
    }

    private static func addCooling(
        _ kernel: inout KernelText,
        _ directory: Int32,
        _ name: String,
        into pass: inout PassBuffer
    ) {
        guard let now = kernel.number("cur_state", in: directory),
            let most = kernel.number("max_state", in: directory),
            let type = kernel.value("type", in: directory)
        else { return }
        pass.add(Family.coolingState, now, name, type)
        pass.add(Family.coolingLimit, most, name, type)
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
