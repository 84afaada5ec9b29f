// SPDX-License-Identifier: Apache-2.0
//
// systemd's part of the bus, played by Tests/Integration/systemd_stub.py: systemd itself is the first process of a machine
// and cannot be started for a test. Debian's node_exporter reads the same bus: the same series, types and values.

import Config
import Foundation
import Glibc
import Samples
import Synchronization
import Testing

@testable import Collector

/// The stub, and the bus it is on.
private final class SystemdStub {
    let address: String
    private let directory: String
    private let process = Process()
    private let input = Pipe()

    /// Starts it; nil, said loudly, where it cannot run here.
    init?() throws {
        directory = NSTemporaryDirectory() + "systemd-\(UUID().uuidString)"
        address = "unix:path=\(directory)/bus"
        let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent()
        let pythons = [
            ProcessInfo.processInfo.environment["EDGEWATCH_PYTHON"] ?? "",
            tests.deletingLastPathComponent().appending(path: ".venv/bin/python3").path, "/usr/bin/python3",
        ]
        guard let python = pythons.first(where: SystemdStub.canServe),
            FileManager.default.isExecutableFile(atPath: "/usr/bin/dbus-daemon")
        else {
            print("SKIPPED: dbus-daemon or Python's dbus_next is not installed; systemd is NOT tested")
            return nil
        }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [tests.appending(path: "Integration/systemd_stub.py").path, directory]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = input
        try process.run()
        // The stub prints its address once it can be asked.
        let line = output.fileHandleForReading.availableData
        #expect(String(decoding: line, as: UTF8.self).contains(address))
    }

    private static func canServe(_ python: String) -> Bool {
        guard FileManager.default.isExecutableFile(atPath: python) else { return false }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["-c", "import dbus_next"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: directory)
    }
}

@Suite(.serialized) struct HostSystemdTests {
    @Test func sameAsNodeExporterOnOneBus() throws {
        guard NodeExporter.isInstalled(), let stub = try SystemdStub() else { return }
        defer { stub.stop() }
        let exporter = try NodeExporter(
            ["systemd"],
            arguments: [
                "--collector.systemd.enable-restarts-metrics",
                "--collector.systemd.enable-start-time-metrics",
                "--collector.systemd.enable-task-metrics",
            ],
            environment: ["DBUS_SYSTEM_BUS_ADDRESS": stub.address]
        )
        defer { exporter.stop() }
        let (theirs, types) = try exporter.scrape()

        var settings = HostCollectorSettings(.systemd)
        for option in [HostOption.restarts, .startTimes, .taskMetrics] { settings[switch: option] = true }
        var source = SystemdSource(settings, address: stub.address)
        let fixture = try HostFixture([:])
        // The second pass is on the connection of the first.
        for _ in 0..<2 {
            let (ours, failure) = try fixture.pass(&source)
            #expect(failure == nil)
            let compared = theirs.filter { !$0.key.hasPrefix("node_scrape_collector") }
            #expect(compared.keys.filter { ours[$0] == nil }.sorted() == [])
            // Since node_exporter 1.8.
            let newer = #"node_systemd_virtualization_info{virtualization_type="kvm"}"#
            #expect(ours.keys.filter { compared[$0] == nil }.sorted() == [newer])
            for (series, value) in compared { #expect(ours[series] == value, "\(series)") }
            #expect(compared.count > 40)
        }
        #expect(types["node_systemd_socket_accepted_connections_total"] == "counter")
        #expect(types["node_systemd_socket_refused_connections_total"] == "gauge")
    }

    @Test func onlyTheUnitsWanted() throws {
        guard let stub = try SystemdStub() else { return }
        defer { stub.stop() }
        var settings = HostCollectorSettings(.systemd)
        settings[pattern: .include] = try HostPattern(#".+\.service"#)
        settings[pattern: .exclude] = try HostPattern("bro")
        var source = SystemdSource(settings, address: stub.address)
        let fixture = try HostFixture([:])
        let names = Set(try fixture.pass(&source).values.keys.filter { $0.contains("unit_state") })
        #expect(names.count == 10)
        #expect(
            names.allSatisfy { $0.contains(#"name="ssh.service""#) || $0.contains(#"name="broken.service""#) }
        )
    }

    @Test func withoutABusThereIsNothing() throws {
        var source = SystemdSource(HostCollectorSettings(.systemd), address: "unix:path=/nonexistent/bus")
        let fixture = try HostFixture([:])
        for _ in 0..<2 {
            let (values, failure) = try fixture.pass(&source)
            #expect(values.isEmpty)
            #expect(failure != nil)
        }
    }

    @Test func aBusThatEndsIsSoughtAgain() throws {
        guard let stub = try SystemdStub() else { return }
        var source = SystemdSource(HostCollectorSettings(.systemd), address: stub.address)
        let fixture = try HostFixture([:])
        #expect(try fixture.pass(&source).failure == nil)
        stub.stop()
        #expect(try fixture.pass(&source).failure != nil)
        #expect(try fixture.pass(&source).failure != nil)
    }
}
