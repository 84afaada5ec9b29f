// SPDX-License-Identifier: Apache-2.0

import Config
import Foundation
import Samples
import Testing

@Suite struct HostCollectorsConfigTests {
    private func host(_ text: String) throws -> HostCollectorConfig {
        try configuration("collectors:\n  host: \(text)\n").collectors.host
    }

    private func errors(_ text: String) -> [String] {
        do {
            let bytes = Array("collectors:\n  host: \(text)\n".utf8)
            _ = try Configuration.parse(bytes, file: "edgewatch.yml") { _ in nil }
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    private func names(_ host: HostCollectorConfig) -> Set<String> {
        Set(host.collectors.enabled.map(\.name.rawValue))
    }

    @Test func defaultsAreNodeExporters() throws {
        let off: Set = ["interrupts", "processes", "systemd", "tcpstat"]
        #expect(names(try host("{}")) == Set(HostCollectorName.allCases.map(\.rawValue)).subtracting(off))
        #expect(try host("{}").collectors == HostCollectorsConfig())
        #expect(try host("{}").passes.count == 1)
    }

    /// The arguments of conformance/edge-native-monitoring.yaml.
    @Test func flagsOfTheStackDocument() throws {
        let flags = [
            "--collector.disable-defaults", "--collector.cpu", "--collector.meminfo",
            "--collector.diskstats", "--collector.netdev", "--collector.thermal", "--collector.edac",
            "--collector.hwmon", "--collector.nvme",
        ]
        let config = try configuration("collectors:\n  host: {args: \(flags)}\n")
        #expect(config.warnings.isEmpty)
        #expect(
            names(config.collectors.host)
                == ["cpu", "meminfo", "diskstats", "netdev", "thermal_zone", "edac", "hwmon", "nvme"]
        )
    }

    @Test func flagsWithValues() throws {
        let host = try host(
            """
            {args: ["--no-collector.arp", "--collector.systemd", "--collector.systemd.unit-include=.+[.]service",
                    "--collector.netdev.device-exclude", "^(veth.*)$", "--no-collector.cpu.guest",
                    "--collector.stat.softirq", "--collector.textfile.directory=/a", "--collector.textfile.directory",
                    "/b", "--path.procfs=/host/proc", "--path.sysfs", "/host/sys", "--no-collector.zfs"]}
            """
        )
        let collectors = host.collectors
        #expect(!collectors[.arp].isEnabled)
        #expect(collectors[.systemd].isEnabled)
        #expect(collectors[.systemd][pattern: .include].source == ".+[.]service")
        #expect(!collectors[.netdev].collects("veth12"))
        #expect(collectors[.netdev].collects("eth0"))
        #expect(!collectors[.cpu][switch: .guest])
        #expect(collectors[.stat][switch: .softirq])
        #expect(collectors[.textfile].directories == ["/a", "/b"])
        #expect(host.procPath == "/host/proc")
        #expect(host.sysPath == "/host/sys")
    }

    @Test func unknownFlagsAreNamed() throws {
        let config = try configuration(
            """
            collectors:
              host:
                args: ["--web.listen-address=:9100", "--collector.zfs", "--collector.cpus", "--collector.cpu.gust"]
            """
        )
        #expect(
            config.warnings.map(\.description) == [
                "/etc/edgewatch/edgewatch.yml:3:12: the flag \"--web.listen-address=:9100\" has no effect in edgewatch",
                "/etc/edgewatch/edgewatch.yml:3:42: \"--collector.zfs\": edgewatch does not have this collector",
                "/etc/edgewatch/edgewatch.yml:3:61: unknown flag \"--collector.cpus\"; did you mean \"cpu\"?",
                "/etc/edgewatch/edgewatch.yml:3:81: unknown flag \"--collector.cpu.gust\"; did you mean \"guest\"?",
            ]
        )
        #expect(
            errors("{args: [cpu, \"--collector.netdev.device-exclude=(\", \"--collector.vmstat.fields\"]}")
                == [
                    "edgewatch.yml:2:17: expected a flag of node_exporter such as \"--collector.cpu\"",
                    "edgewatch.yml:2:22: \"--collector.netdev.device-exclude=(\": invalid regular expression \"(\": missing ): (",
                    "edgewatch.yml:2:61: the flag \"--collector.vmstat.fields\" needs a value; "
                        + "write \"--collector.vmstat.fields=…\"",
                ]
        )
    }

    @Test func flagsOfHowAreKnown() throws {
        let config = try configuration(
            """
            collectors:
              host:
                args: ["--collector.netclass.netlink", "--collector.filesystem.mount-timeout", 5s,
                       "--collector.filesystem.mount-timeout=5s", "--no-collector.cpu"]
            """
        )
        #expect(
            config.warnings.map(\.description) == [
                "/etc/edgewatch/edgewatch.yml:3:12: the flag \"--collector.netclass.netlink\" has no effect in edgewatch",
                "/etc/edgewatch/edgewatch.yml:3:44: the flag \"--collector.filesystem.mount-timeout\" has no effect in edgewatch",
                "/etc/edgewatch/edgewatch.yml:4:12: the flag \"--collector.filesystem.mount-timeout=5s\" has no effect in edgewatch",
            ]
        )
        #expect(config.collectors.host.collectors[.cpu].isEnabled == false)
    }

    @Test func intervalsAreNoLoops() throws {
        let words = "the machine is looked at every 100 ms at most; write \"100ms\" or more"
        #expect(errors("{interval: 99ms}") == ["edgewatch.yml:2:10: \(words)"])
        #expect(errors("{collectors: {cpu: {interval: 1ms}}}") == ["edgewatch.yml:2:29: \(words)"])
        #expect(errors("{interval: 100ms}") == [])
    }

    @Test func keysWinOverFlags() throws {
        let host = try host(
            """
            {disable_defaults: true, args: ["--collector.cpu", "--collector.netdev.device-include=a"],
             collectors: {cpu: {enabled: false}, netdev: {enabled: true, include: b},
                          filesystem: {enabled: true, exclude: '', fs_types_exclude: ^tmpfs$},
                          textfile: {enabled: true, directories: [more, /x]}}}
            """
        )
        #expect(names(host) == ["netdev", "filesystem", "textfile"])
        #expect(host.collectors[.netdev][pattern: .include].source == "b")
        #expect(host.collectors[.filesystem].collects("/dev/shm"))
        #expect(
            !host.collectors[.filesystem].allows("tmpfs", include: .typesInclude, exclude: .typesExclude)
        )
        #expect(host.collectors[.textfile].directories == ["/etc/edgewatch/more", "/x"])
    }

    @Test func mistakesAreSaid() throws {
        #expect(
            errors("{collectors: {cpuu: {}, arp: {fields: x}, netstat: {fields: (}}}") == [
                "edgewatch.yml:2:23: unknown key \"cpuu\"; did you mean \"cpu\"?",
                "edgewatch.yml:2:39: unknown key \"fields\"; known here: enabled, exclude, include, interval",
                "edgewatch.yml:2:69: \"fields\": invalid regular expression \"(\": missing ): (",
            ]
        )
        let config = try configuration("collectors: {host: {collectors: {systemd: {include: x}}}}")
        #expect(
            config.warnings.map(\.description) == [
                "/etc/edgewatch/edgewatch.yml:1:43: the collector \"systemd\" is off; add \"enabled: true\""
            ]
        )
    }

    @Test func wordsThatAreNearlyRightNameTheRightOne() {
        #expect(
            errors("{collectors: {thermal: {enabled: false}, textfile: {directory: /x}}}") == [
                "edgewatch.yml:2:23: unknown key \"thermal\"; did you mean \"thermal_zone\"?",
                "edgewatch.yml:2:61: unknown key \"directory\"; did you mean \"directories\"?",
            ]
        )
    }

    @Test func collectorsWithAnIntervalOfTheirOwnRunInFurtherPasses() throws {
        let host = try host(
            """
            {interval: 15s, collectors: {netstat: {interval: 5s}, os: {interval: 1h}, dmi: {interval: 60m},
             cpu: {interval: 15s}, systemd: {enabled: true, interval: 2m}}}
            """
        )
        let passes = host.passes
        #expect(passes.map(\.interval) == [.seconds(15), .seconds(5), .seconds(3600), .seconds(120)])
        #expect(passes.map(\.passName) == ["node", "node/5s", "node/1h", "node/systemd"])
        #expect(passes.map(\.isFurtherPass) == [false, true, true, true])
        #expect(names(passes[3]) == ["systemd"])
        #expect(names(passes[1]) == ["netstat"])
        #expect(names(passes[2]) == ["os", "dmi"])
        #expect(names(passes[0]) == names(host).subtracting(["netstat", "os", "dmi", "systemd"]))
    }

    @Test func filesThatMayHaveToBeWaitedForHoldNobodyElse() throws {
        #expect(try host("{collectors: {textfile: {}}}").passes.map(\.passName) == ["node"])
        let passes = try host("{interval: 15s, collectors: {textfile: {directories: [/a], interval: 1m}}}")
            .passes
        #expect(passes.map(\.passName) == ["node", "node/textfile"])
        #expect(passes.map(\.interval) == [.seconds(15), .seconds(60)])
        #expect(names(passes[1]) == ["textfile"] && !names(passes[0]).contains("textfile"))
    }

    @Test func everyCollectorAndSettingIsDocumented() throws {
        let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        for name in HostCollectorName.allCases { #expect(page.contains("`\(name.rawValue)`"), "\(name)") }
        for option in HostOption.allCases { #expect(page.contains("`\(option.rawValue)`"), "\(option)") }
    }
}
