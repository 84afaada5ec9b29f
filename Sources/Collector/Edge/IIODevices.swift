// SPDX-License-Identifier: Apache-2.0
//
// Sensors of the kernel's Industrial I/O (kernel, Documentation/ABI/testing/sysfs-bus-iio): climate sensors and
// accelerometers on I²C and SPI. A channel has its value ready (`in_temp_input`) or as the chip counts
// (`(in_temp_raw + in_temp_offset) · in_temp_scale`); either is in thousandths of a degree, thousandths of a percent,
// or m/s².

internal import Config
internal import Platform

/// One device with its channels.
struct IIODevice {
    typealias Quantity = EdgeEnvironmentConfig.Quantity

    /// A channel: `temp`, `temp_ambient`, `humidityrelative`; `accel` is the axes together.
    struct Channel {
        let quantity: Quantity
        let id: String
        /// Whether the value is there to be read as it is.
        fileprivate var isReady = false
    }

    /// More devices than a machine has, and more channels than a device has.
    static let limit = 64
    private static let channelLimit = 32
    /// Readings from which a vibration is computed.
    private static let vibrationReadings = 32
    /// A bus so slow that this many readings take longer gives fewer.
    private static let vibrationPatience: UInt64 = 500_000_000

    let number: String
    /// What the chip is called.
    let name: String
    /// What the board calls it; mostly empty.
    let label: String
    let channels: [Channel]
    private let directory: String
    private let files: Set<String>

    init(_ directory: String, number: String, _ kernel: inout KernelText) {
        self.directory = directory
        self.number = number
        name = kernel.text(directory + "/name")
        label = kernel.text(directory + "/label")
        let files = Set(KernelText.names(in: directory))
        self.files = files
        var found: [String: Channel] = [:]
        for file in files.sorted() where found.count < IIODevice.channelLimit {
            for (prefix, quantity) in [("in_temp", Quantity.temperature), ("in_humidityrelative", .humidity)]
            {
                guard file.hasPrefix(prefix), let end = ["_input", "_raw"].first(where: file.hasSuffix) else {
                    continue
                }
                let id = String(file.dropFirst(3).dropLast(end.count))
                var channel = found[id] ?? Channel(quantity: quantity, id: id)
                channel.isReady = channel.isReady || end == "_input"
                found[id] = channel
            }
        }
        var channels = found.values.sorted { $0.id < $1.id }
        let hasAxes = ["x", "y", "z"].contains { files.contains("in_accel_\($0)_raw") }
        if hasAxes { channels.append(Channel(quantity: .vibration, id: "accel")) }
        self.channels = channels
    }

    /// The devices of a machine.
    static func all(_ kernel: inout KernelText) -> [IIODevice] {
        let base = kernel.roots.sys + "/bus/iio/devices"
        let names = KernelText.names(in: base).filter { $0.hasPrefix("iio:device") }
        return names.prefix(limit).map { IIODevice("\(base)/\($0)", number: $0, &kernel) }
    }

    /// Whether a configuration means this device.
    func isCalled(_ word: String) -> Bool { word == name || word == label || word == number }

    /// A channel's value in °C, percent or m/s²; nil when it cannot be read.
    func value(of channel: Channel, _ kernel: inout KernelText, clock: any EdgeClock) -> Double? {
        let value =
            switch channel.quantity {
            case .vibration: vibration(&kernel, clock: clock)
            case .temperature, .humidity: single(channel, &kernel).map { $0 / 1000 }
            }
        return value.flatMap { $0.isFinite ? $0 : nil }
    }

    private func single(_ channel: Channel, _ kernel: inout KernelText) -> Double? {
        if channel.isReady { return kernel.number("\(directory)/in_\(channel.id)_input") }
        let type = channel.quantity == .temperature ? "temp" : "humidityrelative"
        guard let raw = kernel.number("\(directory)/in_\(channel.id)_raw"),
            let scale = attribute("scale", of: channel.id, sharedBy: type, &kernel)
        else { return nil }
        return (raw + (attribute("offset", of: channel.id, sharedBy: type, &kernel) ?? 0)) * scale
    }

    /// An attribute of a channel, or the one all channels of its type share.
    private func attribute(
        _ name: String,
        of id: String,
        sharedBy type: String,
        _ kernel: inout KernelText
    ) -> Double? {
        let own = "in_\(id)_\(name)"
        return kernel.number("\(directory)/\(files.contains(own) ? own : "in_\(type)_\(name)")")
    }

    /// The root mean square of the acceleration about its mean, over all axes: what is left when gravity and slow tilt
    /// are gone.
    private func vibration(_ kernel: inout KernelText, clock: any EdgeClock) -> Double? {
        let axes = ["x", "y", "z"].filter { files.contains("in_accel_\($0)_raw") }
        let scales = axes.map { attribute("scale", of: "accel_\($0)", sharedBy: "accel", &kernel) ?? .nan }
        var sums = axes.map { _ in (sum: 0.0, squares: 0.0) }
        var first: [Double] = []
        var count = 0.0
        let start = clock.monotonicNanoseconds()
        while count < Double(IIODevice.vibrationReadings) {
            for (index, axis) in axes.enumerated() {
                guard let raw = kernel.number("\(directory)/in_accel_\(axis)_raw") else { return nil }
                if count == 0 { first.append(raw) }
                // About the first reading, so that the squares stay small beside gravity.
                let value = raw - first[index]
                sums[index].sum += value
                sums[index].squares += value * value
            }
            count += 1
            if clock.monotonicNanoseconds() &- start > IIODevice.vibrationPatience { break }
        }
        // Of few readings the mean square says nothing.
        guard count >= 8 else { return nil }
        let variance = zip(sums, scales).reduce(0.0) { total, axis in
            let mean = axis.0.sum / count
            return total + max(0, axis.0.squares / count - mean * mean) * axis.1 * axis.1
        }
        return variance.squareRoot()
    }
}
