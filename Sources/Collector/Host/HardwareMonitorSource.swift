// SPDX-License-Identifier: Apache-2.0
//
// Sensors of the hardware: temperatures, fans, voltages (kernel, Documentation/hwmon/sysfs-interface.rst), with
// values from libsensors where the board's configuration can correct them. Chips are looked for when the list of
// chips changes; between, a pass reads the files it knows.

internal import Config
internal import Glibc
internal import Samples

/// node_hwmon_*.
struct HardwareMonitorSource: HostSource {
    private var directory = DeviceDirectory<HardwareChip>(sys: "/class/hwmon")
    /// libsensors only knows the machine it runs on.
    private let isThisMachine: Bool
    private let settings: HostCollectorSettings

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.hwmon), roots: HostRoots) {
        self.settings = settings
        isThisMachine = roots.sys == "/sys"
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // hwmon numbers are given out anew after a driver is reloaded: the links tell.
        let haveMoved = directory.devices.contains { !kernel.isLink($0.directory, to: $0.target) }
        var library: [String: [String: SensorLibrary.Handle]]?
        try directory.update(&kernel, limit: HardwareChip.limit, isAnew: haveMoved) {
            [isThisMachine, settings] _, path, kernel in
            let known = library ?? (isThisMachine ? SensorLibrary.scan() : [:])
            library = known
            return HardwareChip(path, &kernel, settings, library: known[path] ?? [:])
        }
        for chip in directory.devices where chip.isKept { chip.collect(&kernel, into: &pass) }
        if directory.count > HardwareChip.limit {
            throw .tooMany(directory.path(in: kernel.roots), HardwareChip.limit)
        }
    }
}

/// One chip with the sensors it has.
struct HardwareChip {
    /// More chips than a server has, and more files than a chip has.
    static let limit = 256
    private static let attributeLimit = 512

    private struct Attribute {
        let metric: SensorMetric
        let sensor: String
        let path: String
        let handle: SensorLibrary.Handle?
    }

    let directory: String
    /// What the directory is a link to, "" when it is none.
    let target: String
    /// Whether the configuration wants the chip.
    let isKept: Bool
    /// The chip's name in labels: made of its place on the bus, so it stays the same over restarts.
    private let chip: String
    private let chipName: String
    /// The values of node_hwmon_sensor_label's labels.
    private var labels: [[String]] = []
    private var attributes: [Attribute] = []

    init(
        _ directory: String,
        _ kernel: inout KernelText,
        _ settings: HostCollectorSettings,
        library: [String: SensorLibrary.Handle]
    ) {
        chipName = HardwareChip.clean(kernel.text(directory + "/name"))
        chip = HardwareChip.label(directory, chipName: chipName)
        self.directory = directory
        target = KernelText.link(directory)
        isKept = settings.collects(chip)
        guard isKept else { return }
        // Old drivers keep the files beside the device instead of the chip.
        var files: [String: [String: String]] = [:]
        for place in [directory, directory + "/device"] {
            for name in KernelText.names(in: place) where KernelText.isFile("\(place)/\(name)") {
                guard let parts = SensorFile(name), SensorMetric.types.contains(parts.type) else { continue }
                files[parts.sensor, default: [:]][parts.element] = "\(place)/\(name)"
            }
        }
        for (sensor, elements) in files.sorted(by: { $0.key < $1.key })
        where settings.allows("\(chip);\(sensor)", include: .sensorInclude, exclude: .sensorExclude) {
            addSensor(sensor, elements, &kernel, library: library)
        }
    }

    private mutating func addSensor(
        _ sensor: String,
        _ elements: [String: String],
        _ kernel: inout KernelText,
        library: [String: SensorLibrary.Handle]
    ) {
        let label = elements["label"].map { kernel.text($0) }
        if let label { labels.append([chip, sensor, label]) }
        guard let type = SensorFile(sensor)?.type else { return }
        for (element, path) in elements.sorted(by: { $0.key < $1.key }) where element != "label" {
            guard attributes.count < HardwareChip.attributeLimit,
                let metric = SensorMetric(type: type, element: element, hasBareValue: elements[""] != nil)
            else { continue }
            var name = sensor
            if type == "freq", element == "input" {
                // node_exporter gives clock rates only under the name of what is clocked.
                guard let label else { continue }
                name = HardwareChip.clean(label)
            }
            let file = element.isEmpty ? sensor : "\(sensor)_\(element)"
            let handle = metric.isComputable ? library[file] : nil
            attributes.append(Attribute(metric: metric, sensor: name, path: path, handle: handle))
        }
    }

    func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) {
        if !chipName.isEmpty { pass.add(Family.chipNames, 1, chip, chipName) }
        for values in labels { pass.add(Family.sensorLabel, 1, labels: values) }
        for attribute in attributes {
            let metric = attribute.metric
            guard pass.wants(metric.family) else { continue }
            if let handle = attribute.handle, let value = SensorLibrary.value(handle) {
                pass.add(metric.family, value, chip, attribute.sensor)
            } else if let value = kernel.number(attribute.path) {
                pass.add(metric.family, metric.value(value), chip, attribute.sensor)
            }
        }
    }

    /// `<bus>_<device>` of what the chip sits on, else the chip's name, else its hwmon number.
    private static func label(_ directory: String, chipName: String) -> String {
        if let device = KernelText.resolved(directory + "/device") {
            let parts = device.split(separator: "/")
            let name = parts.last.map { clean(String($0)) } ?? ""
            let kind = parts.dropLast().last.map { clean(String($0)) } ?? ""
            if !name.isEmpty { return kind.isEmpty ? name : "\(kind)_\(name)" }
        }
        if !chipName.isEmpty { return chipName }
        let place = KernelText.resolved(directory) ?? directory
        return clean(place.split(separator: "/").last.map(String.init) ?? "")
    }

    /// The text in lower case, with everything but letters, digits, `:` and `_` made `_`, and none at the ends.
    static func clean(_ text: String) -> String {
        var out: [UInt8] = []
        for scalar in text.unicodeScalars {
            let byte = scalar.isASCII ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "_")
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): out.append(byte | 0x20)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: ":"):
                out.append(byte)
            default: out.append(UInt8(ascii: "_"))
            }
        }
        while out.last == UInt8(ascii: "_") { out.removeLast() }
        return String(decoding: out.drop { $0 == UInt8(ascii: "_") }, as: UTF8.self)
    }
}

extension Family {
    fileprivate static let chipNames = Family(
        "node_hwmon_chip_names",
        .gauge,
        "The name a chip's driver gives it; always 1.",
        labels: ["chip", "chip_name"],
        class: .health
    )
    fileprivate static let sensorLabel = Family(
        "node_hwmon_sensor_label",
        .gauge,
        "What a sensor measures, as its driver names it; always 1.",
        labels: ["chip", "sensor", "label"],
        class: .health
    )
}
