// SPDX-License-Identifier: Apache-2.0
//
// edge_environment_temperature, _humidity and _vibration by place: what the configuration maps, or without a map what
// climate sensors and accelerometers the kernel knows. A sensor that cannot be read in a pass ends its series until it
// can.

internal import Config
internal import Glibc
internal import Platform
internal import Samples

/// What is measured around the node.
struct EdgeEnvironment: EdgeSubject {
    typealias Quantity = EdgeEnvironmentConfig.Quantity

    /// Passes after which devices are looked up again even though their list is the same.
    private static let passesBetweenLookups = 60

    private let config: EdgeEnvironmentConfig
    private let reading: SeriesReading?
    private let clock: any EdgeClock
    private var kernel: KernelText
    private var devices: [IIODevice] = []
    private var chips: [ClimateChip] = []
    private var entries: [String] = []
    private var passesLeft = 0

    init(
        _ definition: EdgeDefinition,
        _ config: EdgeEnvironmentConfig,
        reading: SeriesReading?,
        clock: any EdgeClock
    ) {
        self.config = config
        self.reading = reading
        self.clock = clock
        kernel = KernelText(roots: definition.roots)
    }

    mutating func measure(_ order: PassOrder, into pass: inout PassBuffer) {
        lookUp()
        if config.map.isEmpty {
            measureAll(into: &pass)
            return
        }
        for place in config.map where config.quantities.contains(place.quantity) {
            guard let value = value(of: place, at: order.time) else { continue }
            EdgeEnvironment.add(place.quantity, value * place.scale + place.offset, place.location, to: &pass)
        }
    }

    private mutating func lookUp() {
        let sys = kernel.roots.sys
        let names =
            KernelText.names(in: sys + "/bus/iio/devices") + KernelText.names(in: sys + "/class/hwmon")
        passesLeft -= 1
        if names == entries, passesLeft > 0 { return }
        entries = names
        passesLeft = EdgeEnvironment.passesBetweenLookups
        devices = IIODevice.all(&kernel)
        chips = ClimateChip.all(&kernel)
    }

    private mutating func value(of place: EdgeEnvironmentConfig.Place, at time: Timestamp) -> Double? {
        switch place.origin {
        case .iio(let word, let id):
            for device in devices where device.isCalled(word) {
                let channel = device.channels.first {
                    $0.quantity == place.quantity && (id == nil || $0.id == id)
                }
                if let channel { return device.value(of: channel, &kernel, clock: clock) }
            }
            return nil
        case .hwmon(let word, let sensor):
            let chip = chips.first { $0.isCalled(word) }
            return chip?.value(place.quantity, sensor, &kernel)
        case .series(let selector):
            return reading?.newest(selector.matchers, at: time).first
        }
    }

    private mutating func measureAll(into pass: inout PassBuffer) {
        var taken: Set<String> = []
        for device in devices {
            let base = [device.label, device.name].first { !$0.isEmpty } ?? device.number
            for channel in device.channels where config.quantities.contains(channel.quantity) {
                guard let value = device.value(of: channel, &kernel, clock: clock) else { continue }
                let isOnly = device.channels.filter { $0.quantity == channel.quantity }.count == 1
                let name = isOnly ? base : "\(base) \(channel.id)"
                let location = EdgeEnvironment.unique(name, channel.quantity, device.number, &taken)
                EdgeEnvironment.add(channel.quantity, value, location, to: &pass)
            }
        }
        for chip in chips where chip.measuresHumidity {
            for quantity in [Quantity.temperature, .humidity] where config.quantities.contains(quantity) {
                guard let value = chip.value(quantity, nil, &kernel) else { continue }
                let location = EdgeEnvironment.unique(chip.name, quantity, chip.number, &taken)
                EdgeEnvironment.add(quantity, value, location, to: &pass)
            }
        }
    }

    /// A name no other sensor of the quantity has.
    private static func unique(
        _ name: String,
        _ quantity: Quantity,
        _ number: String,
        _ taken: inout Set<String>
    ) -> String {
        if taken.insert("\(quantity) \(name)").inserted { return name }
        return "\(name) \(number)"
    }

    private static func add(
        _ quantity: Quantity,
        _ value: Double,
        _ location: String,
        to pass: inout PassBuffer
    ) {
        guard value.isFinite else { return }
        switch quantity {
        case .temperature: pass.add(temperature, value, location)
        case .humidity: pass.add(humidity, value, location)
        case .vibration: pass.add(vibration, value, location)
        }
    }

    // MARK: - Families

    private static let temperature = Family(
        "edge_environment_temperature",
        .gauge,
        "Temperature at a place in degrees Celsius.",
        labels: ["sensor_location"],
        class: .health
    )
    private static let humidity = Family(
        "edge_environment_humidity",
        .gauge,
        "Relative humidity at a place in percent.",
        labels: ["sensor_location"],
        class: .health
    )
    private static let vibration = Family(
        "edge_environment_vibration",
        .gauge,
        "Acceleration at a place in m/s², root mean square about its mean.",
        labels: ["sensor_location"],
        class: .health
    )
}

/// A chip of the hardware monitoring, as far as it measures the climate.
struct ClimateChip {
    /// As many as the hwmon collector takes.
    private static let limit = 256

    let number: String
    let name: String
    /// Whether it is a climate sensor and not one that watches a processor.
    let measuresHumidity: Bool
    private let directory: String
    private let place: String

    /// The chips of a machine.
    static func all(_ kernel: inout KernelText) -> [ClimateChip] {
        let base = kernel.roots.sys + "/class/hwmon"
        return KernelText.names(in: base).prefix(limit).map { number in
            let directory = "\(base)/\(number)"
            let device = KernelText.resolved(directory + "/device") ?? ""
            let name = kernel.text(directory + "/name")
            return ClimateChip(
                number: number,
                name: name.isEmpty ? number : name,
                measuresHumidity: kernel.number(directory + "/humidity1_input") != nil,
                directory: directory,
                place: device.split(separator: "/").last.map(String.init) ?? ""
            )
        }
    }

    /// Whether a configuration means this chip: by name, by its place on the bus (`1-0044`), by number.
    func isCalled(_ word: String) -> Bool {
        word == name || word == number || (word == place && !place.isEmpty)
    }

    /// A sensor's value in °C or percent; nil when there is none.
    func value(
        _ quantity: EdgeEnvironmentConfig.Quantity,
        _ sensor: String?,
        _ kernel: inout KernelText
    ) -> Double? {
        let first = quantity == .humidity ? "humidity1" : "temp1"
        let sensor = sensor ?? first
        // The kernel counts in thousandths of a degree and of a percent.
        return sensor.contains("/") ? nil : kernel.number("\(directory)/\(sensor)_input").map { $0 / 1000 }
    }
}
