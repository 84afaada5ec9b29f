// SPDX-License-Identifier: Apache-2.0

internal import Conditions
internal import Samples

extension EdgeConfig {
    /// Reads `collectors.edge`.
    init(reading section: Section) {
        self.init()
        network = section.section("network", EdgeNetworkConfig.init(reading:))
        power = section.section("power", EdgePowerConfig.init(reading:))
        environment = section.section("environment", EdgeEnvironmentConfig.init(reading:))
    }
}

extension EdgeNetworkConfig {
    /// More than anybody compares; bounds the packets of a pass.
    private static let probeLimit = 16

    fileprivate init(reading section: Section) {
        self.init()
        enabled = section.bool("enabled") ?? enabled
        interval = section.interval("interval") ?? interval
        interfaces = section.pattern("interfaces")
        exclude = section.pattern("exclude")
        let written = section.list("probes").compactMap { node -> Probe? in
            guard let text = section.string(node, "probes") else { return nil }
            let wanted = "\"gateway\", a host, or an address such as \"tcp://10.0.0.1:443\""
            return Probe(text) ?? section.wrong(node, "probes", wanted)
        }
        if section.node["probes"] != nil { probes = written }
        if probes.count > EdgeNetworkConfig.probeLimit {
            section.report("probes", "more than \(EdgeNetworkConfig.probeLimit) probes")
        }
    }
}

extension EdgeNetworkConfig.Probe {
    /// `gateway`, `10.0.0.1`, `m.example.com`, `tcp://m.example.com:443`.
    init?(_ text: String) {
        if text == "gateway" {
            self = .gateway
        } else if text.hasPrefix("tcp://") {
            guard let place = HostPort(String(text.dropFirst(6))), let port = place.port else { return nil }
            self = .tcp(place.host, port: port)
        } else {
            // An address of IPv6 may stand without brackets, since no port follows.
            let isPlain6 = text.filter { $0 == ":" }.count > 1 && !text.contains { "/ @[]".contains($0) }
            guard let place = HostPort(isPlain6 ? "[\(text)]" : text), place.port == nil else { return nil }
            self = .host(place.host)
        }
    }
}

extension EdgePowerConfig {
    fileprivate init(reading section: Section) {
        self.init()
        enabled = section.bool("enabled") ?? enabled
        interval = section.interval("interval") ?? interval
        solarSupplies = section.pattern("solar_supplies")
        conditions = section.sections("states", State.init(reading:))
    }
}

extension EdgePowerConfig.State {
    private enum Word: String, CaseIterable { case grid, battery, ups, solar }

    fileprivate init?(reading section: Section) {
        let state: Word? = section.choice("state")
        if section.node["state"] == nil { section.report("state", "\"state\" is missing") }
        let condition = section.condition("when")
        let labels = section.labels("labels")
        guard let state, let condition else { return nil }
        self.init(state: state.rawValue, condition: condition)
        self.labels = labels
    }
}

extension EdgeEnvironmentConfig {
    /// More than a plant has around one node; bounds what a pass reads.
    private static let placeLimit = 256

    fileprivate init(reading section: Section) {
        self.init()
        enabled = section.bool("enabled") ?? enabled
        interval = section.interval("interval") ?? interval
        map = section.sections("map", Place.init(reading:))
        if map.count > EdgeEnvironmentConfig.placeLimit {
            section.report("map", "more than \(EdgeEnvironmentConfig.placeLimit) places")
        }
        var seen: Set<String> = []
        for place in map where !seen.insert("\(place.quantity.rawValue) \(place.location)").inserted {
            section.report(
                "map",
                "two places are both the \(place.quantity.rawValue) of \"\(place.location)\"",
                remedy: "give one another \"sensor_location\""
            )
        }
    }
}

extension EdgeEnvironmentConfig.Place {
    fileprivate init?(reading section: Section) {
        let quantity: EdgeEnvironmentConfig.Quantity? = section.choice("metric")
        if section.node["metric"] == nil { section.report("metric", "\"metric\" is missing") }
        let location = section.required("sensor_location")
        let device = section.string("iio")
        let channel = section.string("channel")
        let chip = section.string("hwmon")
        let sensor = section.string("sensor")
        let selector = section.selector("series")
        let scale = section.number("scale") ?? 1
        let offset = section.number("offset") ?? 0
        let given = ["iio", "hwmon", "series"].filter { section.node[$0] != nil }
        if given.count != 1 {
            section.report(
                given.last ?? "metric",
                "a place needs one of \"iio\", \"hwmon\" and \"series\", and only one"
            )
        }
        if channel != nil, device == nil { section.report("channel", "\"channel\" belongs to \"iio\"") }
        if sensor != nil, chip == nil { section.report("sensor", "\"sensor\" belongs to \"hwmon\"") }
        if quantity == .vibration, chip != nil {
            section.report(
                "hwmon",
                "hwmon chips do not measure vibration",
                remedy: "use \"iio\" or \"series\""
            )
        }
        let origin: EdgeEnvironmentConfig.Origin? =
            if let device {
                .iio(device, channel: channel)
            } else if let chip {
                .hwmon(chip, sensor: sensor)
            } else {
                selector.map { .series($0) }
            }
        guard let quantity, let location, let origin else { return nil }
        self.init(quantity: quantity, location: location, origin: origin)
        self.scale = scale
        self.offset = offset
    }
}

extension Section {
    /// A selector of series.
    fileprivate func selector(_ key: String) -> SeriesSelector? {
        guard let node = take(key), let text = string(node, key) else { return nil }
        return SeriesSelector(text) ?? wrong(node, key, "a selector such as \"motor_temp_celsius{unit='3'}\"")
    }
}
