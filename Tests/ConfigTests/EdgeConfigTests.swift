// SPDX-License-Identifier: Apache-2.0

import Conditions
import Foundation
import Samples
import Testing

@testable import Config

@Suite struct EdgeConfigTests {
    @Test func anEmptySectionMeasuresAll() throws {
        #expect(try configuration("collectors: {host: {}}").collectors.edge == nil)
        let edge = try #require(try configuration("collectors: {edge: {}}").collectors.edge)
        #expect(edge == EdgeConfig())
        #expect(edge.network.interval == .seconds(30))
        #expect(edge.power.interval == .seconds(10))
        #expect(edge.environment.interval == .seconds(5))
        #expect(edge.network.probes == [.gateway])
    }

    @Test func everyKey() throws {
        let config = try configuration(
            """
            collectors:
              edge:
                network: {enabled: false, interval: 1m, interfaces: "eth.*", exclude: "eth9",
                          probes: [gateway, 10.0.0.1, "2001:db8::1", "tcp://m.example.com:443", "tcp://[::1]:80"]}
                power:
                  interval: 2s
                  solar_supplies: "pv.*"
                  states: [{state: solar, when: "pv_power_watts > 50", labels: {string: east}}]
                environment:
                  interval: 1s
                  map:
                    - {metric: temperature, sensor_location: a, iio: bme280, channel: temp_ambient, scale: 2, offset: -1}
                    - {metric: humidity, sensor_location: a, hwmon: sht3x, sensor: humidity2}
                    - {metric: vibration, sensor_location: b, series: 'm{unit="3"}'}
            """
        )
        var edge = EdgeConfig()
        edge.network.enabled = false
        edge.network.interval = .seconds(60)
        edge.network.interfaces = try Pattern("eth.*")
        edge.network.exclude = try Pattern("eth9")
        edge.network.probes = [
            .gateway, .host("10.0.0.1"), .host("2001:db8::1"), .tcp("m.example.com", port: 443),
            .tcp("::1", port: 80),
        ]
        edge.power.interval = .seconds(2)
        edge.power.solarSupplies = try Pattern("pv.*")
        var solar = EdgePowerConfig.State(
            state: "solar",
            condition: try Condition.parse("pv_power_watts > 50")
        )
        solar.labels = labels(("string", "east"))
        edge.power.conditions = [solar]
        edge.environment.interval = .seconds(1)
        var first = EdgeEnvironmentConfig.Place(
            quantity: .temperature,
            location: "a",
            origin: .iio("bme280", channel: "temp_ambient")
        )
        first.scale = 2
        first.offset = -1
        edge.environment.map = [
            first,
            .init(quantity: .humidity, location: "a", origin: .hwmon("sht3x", sensor: "humidity2")),
            .init(
                quantity: .vibration,
                location: "b",
                origin: .series(try #require(SeriesSelector(#"m{unit="3"}"#)))
            ),
        ]
        #expect(config.collectors.edge == edge)
    }

    @Test(arguments: [
        ("network: {probes: [\"tcp://a\"]}", "expected \"gateway\", a host"),
        ("network: {probes: [\"10.0.0.1:80\"]}", "expected \"gateway\", a host"),
        ("network: {interfaces: \"(\"}", "invalid regular expression"),
        ("power: {states: [{state: coal, when: \"a > 1\"}]}", "one of grid, battery, ups, solar"),
        ("power: {states: [{state: solar}]}", "\"when\" is missing"),
        ("environment: {map: [{metric: temperature, sensor_location: a}]}", "a place needs one of"),
        (
            "environment: {map: [{metric: temperature, sensor_location: a, iio: x, hwmon: y}]}",
            "a place needs one of"
        ),
        (
            "environment: {map: [{metric: pressure, sensor_location: a, iio: x}]}",
            "one of temperature, humidity"
        ),
        (
            "environment: {map: [{metric: vibration, sensor_location: a, hwmon: x}]}",
            "do not measure vibration"
        ),
        ("environment: {map: [{metric: humidity, sensor_location: a, series: \"{\"}]}", "a selector such as"),
        ("environment: {map: [{metric: humidity, sensor_location: a, series: x, channel: y}]}", "belongs to"),
        (
            "environment: {map: [{metric: humidity, sensor_location: a, iio: x}, {metric: humidity, "
                + "sensor_location: a, iio: y}]}",
            "two places are both the humidity of \"a\""
        ),
        ("light: {}", "unknown key \"light\""),
    ])
    func mistakes(section: String, message: String) {
        #expect {
            try configuration("collectors: {edge: {\(section)}}")
        } throws: { error in
            (error as? ConfigErrors)?.errors.contains { $0.message.contains(message) } ?? false
        }
    }

    @Test func selectors() throws {
        func matchers(_ text: String) -> [String]? { SeriesSelector(text)?.matchers.map(\.description) }
        #expect(matchers("up") == [#"__name__="up""#])
        #expect(
            matchers(#" a:b { x = 'y"' , z!="", p=~"q|r", s!~"\\d\n", } "#)
                == [#"__name__="a:b""#, #"x="y\"""#, #"z!="""#, #"p=~"q|r""#, #"s!~"\\d\n""#]
        )
        #expect(matchers(#"{job="x"}"#) == [#"job="x""#])
        for bad in [
            "", "{}", #"{a=""}"#, #"{a=~".*"}"#, "up{", "up}", "up{a}", "up{a=b}", #"up{a="b"c="d"}"#,
            "up[5m]",
            "1up", "a-b", #"up{a="b}"#, #"up{a="\x"}"#, #"up{a=~"("}"#, "up{a!\"b\"}",
        ] {
            #expect(SeriesSelector(bad) == nil, "\(bad)")
        }
        #expect(
            SeriesSelector(metric: "pv", labels: labels(("a", "b"))).matchers.map(\.description)
                == [#"__name__="pv""#, #"a="b""#]
        )
    }

    // MARK: - The stack document

    private func stack(_ text: String) throws -> (edge: EdgeConfig?, problems: Problems) {
        let root = try YAMLReader.parse(Array(text.utf8), file: "stack.yaml")
        let problems = Problems()
        let context = ReadContext(directory: "", environment: { _ in nil })
        let edge = Section.read(root, problems, context) { EdgeConfig(readingStack: $0) }
        return (edge, problems)
    }

    @Test func theMetricsOfTheStackDocument() throws {
        let (edge, problems) = try stack(
            """
            edgeSpecificMetrics:
              - name: "edge_network_quality"
                type: "gauge"
                help: "边缘网络质量评分"
                labels: ["edge_node", "interface"]
                collectionInterval: "31s"
              - name: "edge_power_status"
                type: "enum"
                values: ["grid", "battery", "ups", "solar"]
                collectionInterval: "11s"
              - name: "edge_environment"
                type: "multi_gauge"
                metrics:
                  - name: "temperature"
                    labels: ["sensor_location"]
                  - name: "humidity"
                collectionInterval: "6s"
            """
        )
        #expect(problems.errors.isEmpty && problems.warnings.isEmpty)
        var expected = EdgeConfig()
        expected.network.interval = .seconds(31)
        expected.power.interval = .seconds(11)
        expected.environment.interval = .seconds(6)
        expected.environment.quantities = [.temperature, .humidity]
        #expect(edge == expected)
    }

    @Test func aStackNamesWhatItWants() throws {
        #expect(try stack("collectors: []").edge == nil)
        let (edge, problems) = try stack(
            "edgeSpecificMetrics: [{name: edge_power_status, values: [grid, wind], labels: [site]}]"
        )
        #expect(edge?.power.enabled == true)
        #expect(edge?.network.enabled == false)
        #expect(edge?.environment.enabled == false)
        #expect(
            problems.warnings.map(\.message) == [
                "edge_power_status has no label \"site\"", "edge_power_status never says \"wind\"",
            ]
        )
        let unknown = try stack("edgeSpecificMetrics: [{name: edge_power_statu}]").problems
        #expect(unknown.errors.first?.message.contains("one of edge_network_quality") == true)
    }

    /// The document everybody is given, where the shared material is beside the repository.
    @Test func theConformanceDocument() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: "../shared/conformance/edge-native-monitoring.yaml").path
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            print("SKIPPED: no \(path)")
            return
        }
        let document = try YAMLReader.parse(Array(text.utf8), file: path)
        let spec = try #require(document["spec"])
        let problems = Problems()
        let context = ReadContext(directory: "", environment: { _ in nil })
        let edge = Section.read(spec, problems, context) { EdgeConfig(readingStack: $0) }
        #expect(edge == EdgeConfig())
        #expect(problems.warnings.isEmpty)
    }
}
