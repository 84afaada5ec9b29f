// SPDX-License-Identifier: Apache-2.0
//
// The wall clock, the time zone, and which hardware the kernel's clock counts.

internal import Glibc
internal import Platform
internal import Samples

/// node_time_*.
struct TimeSource: HostSource {
    /// One of the kernel's clocks that can count different hardware.
    private struct Device {
        /// What follows `clocksource` in its name.
        let number: String
        let available: String
        let current: String
    }

    /// Linux has one.
    private static let limit = 64

    private let clock: any EdgeClock
    private var directory = DeviceDirectory<Device>(sys: "/devices/system/clocksource")

    init(clock: any EdgeClock) {
        self.clock = clock
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let now = clock.wallMilliseconds()
        pass.add(Family.time, Double(now) / 1000)
        addZone(now, into: &pass)
        // Without the directory there are none.
        directory.updateIfThere(&kernel, limit: TimeSource.limit) { name, path, _ in
            guard name.hasPrefix("clocksource") else { return nil }
            return Device(
                number: String(name.dropFirst("clocksource".count)),
                available: path + "/available_clocksource",
                current: path + "/current_clocksource"
            )
        }
        for device in directory.devices { addSources(&kernel, device, into: &pass) }
    }

    private func addZone(_ milliseconds: Int64, into pass: inout PassBuffer) {
        var seconds = time_t(milliseconds / 1000)
        var local = tm()
        tzset()
        guard localtime_r(&seconds, &local) != nil else { return }
        let zone = local.tm_zone.map { String(cString: $0) } ?? ""
        pass.add(Family.timeZone, Double(local.tm_gmtoff), zone)
    }

    private func addSources(
        _ kernel: inout KernelText,
        _ device: Device,
        into pass: inout PassBuffer
    ) {
        if kernel.tryLoad(device.available) {
            var names = kernel.scanner
            while let name = names.nextField() { pass.add(Family.availableClocks, 1, device.number, name) }
        }
        if let name = kernel.value(device.current), !name.isEmpty {
            pass.add(Family.currentClock, 1, device.number, name)
        }
    }
}

extension Family {
    fileprivate static let time = Family(
        "node_time_seconds",
        .gauge,
        "The wall clock, in unixtime.",
        class: .health
    )
    fileprivate static let timeZone = Family(
        "node_time_zone_offset_seconds",
        .gauge,
        "What local time is ahead of UTC.",
        labels: ["time_zone"],
        class: .debug
    )
    fileprivate static let availableClocks = Family(
        "node_time_clocksource_available_info",
        .gauge,
        "Hardware the kernel's clock could count; always 1.",
        labels: ["device", "clocksource"],
        class: .debug
    )
    fileprivate static let currentClock = Family(
        "node_time_clocksource_current_info",
        .gauge,
        "Hardware the kernel's clock counts; always 1.",
        labels: ["device", "clocksource"],
        class: .debug
    )
}
