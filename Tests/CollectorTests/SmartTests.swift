// SPDX-License-Identifier: Apache-2.0
//
// What disks say of themselves: answers written after smartctl's documented members, and a smartctl that plays them.

import Config
import Foundation
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

/// An ATA disk.
private let ata = """
    {"json_format_version": [1, 0], "smartctl": {"version": [7, 3], "svn_revision": "5338", "exit_status": 0},
     "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"},
     "model_family": "Rust", "model_name": "Rust 4000", "serial_number": "WX1", "firmware_version": "80.00",
     "user_capacity": {"blocks": 7814037168, "bytes": 4000787030016}, "logical_block_size": 512,
     "physical_block_size": 4096, "rotation_rate": 5400, "form_factor": {"ata_value": 2, "name": "3.5 inches"},
     "ata_version": {"string": "ACS-3 T13/2161-D"}, "sata_version": {"string": "SATA 3.1"},
     "interface_speed": {"max": {"units_per_second": 60, "bits_per_unit": 100000000},
                         "current": {"units_per_second": 30, "bits_per_unit": 100000000}},
     "smart_status": {"passed": true},
     "ata_smart_attributes": {"revision": 16, "table": [
       {"id": 5, "name": "Reallocated_Sector_Ct", "value": 200, "worst": 199, "thresh": 140,
        "flags": {"value": 51, "string": "PO--CK ", "prefailure": true, "updated_online": true, "performance": false,
                  "error_rate": false, "event_count": true, "auto_keep": true}, "raw": {"value": 8, "string": "8"}}]},
     "power_on_time": {"hours": 1000, "minutes": 30}, "power_cycle_count": 12,
     "temperature": {"current": 31, "lifetime_max": 55}, "ata_smart_error_log": {"summary": {"revision": 1, "count": 2}},
     "ata_smart_self_test_log": {"standard": {"revision": 1, "count": 21, "error_count_total": 1}},
     "ata_sct_erc": {"read": {"enabled": true, "deciseconds": 70}}, "ata_sct_status": {"device_state": {"value": 0}},
     "sata_phy_event_counters": {"table": [{"id": 1, "name": "Command failed", "value": 3}]},
     "ata_device_statistics": {"pages": [{"number": 1, "name": "General Statistics ", "table": [
       {"offset": 8, "name": "Lifetime Power-On Resets", "value": 9, "flags": {"string": "V---", "valid": true}}]}]}}
    """

private let nvme = """
    {"json_format_version": [1, 0], "smartctl": {"version": [7, 3], "exit_status": 8},
     "device": {"name": "/dev/nvme0", "type": "nvme", "protocol": "NVMe"}, "model_name": "Fast", "serial_number": "S1",
     "firmware_version": "F", "nvme_total_capacity": 512110190592, "smart_status": {"passed": false},
     "nvme_smart_health_information_log": {"critical_warning": 4, "temperature": 44, "available_spare": 90,
       "available_spare_threshold": 10, "percentage_used": 101, "data_units_read": 1000, "data_units_written": 2000,
       "media_errors": 7, "num_err_log_entries": 15}, "temperature": {"current": 44}}
    """

private let scsi = """
    {"smartctl": {"exit_status": 0}, "device": {"name": "/dev/sdb", "type": "scsi", "protocol": "SCSI"},
     "scsi_vendor": "V", "scsi_product": "P", "scsi_revision": "R", "scsi_version": "SPC-4", "model_name": "V P",
     "serial_number": "Z", "scsi_grown_defect_list": 6, "scsi_error_counter_log": {
       "read": {"errors_corrected_by_eccfast": 1, "errors_corrected_by_eccdelayed": 2,
                "errors_corrected_by_rereads_rewrites": 3, "total_uncorrected_errors": 4},
       "write": {"errors_corrected_by_eccfast": 5, "errors_corrected_by_eccdelayed": 6,
                 "errors_corrected_by_rereads_rewrites": 7, "total_uncorrected_errors": 8}}}
    """

private let standby = """
    {"smartctl": {"exit_status": 2, "messages": [{"string": "Device is in STANDBY mode, exit(2)", "severity": "information"}]},
     "device": {"name": "/dev/sda", "type": "sat", "protocol": "ATA"}}
    """

private let noSuchDisk = """
    {"smartctl": {"exit_status": 2, "messages": [{"string": "Smartctl open device: /dev/sda failed: No such device",
     "severity": "error"}]}, "device": {"name": "/dev/sda"}}
    """

@Suite struct SmartTests {
    private func values(_ json: String, status: Int32 = 0, device: String = "sda") -> [String: Double] {
        let sink = RecordingSink()
        var pass = PassBuffer(group: Labels(), sink: sink)
        pass.begin()
        for value in SmartReport(Array(json.utf8), status: status, device: device).values {
            pass.add(value.family, value.value, labels: value.labels)
        }
        _ = try? pass.finish(at: Timestamp(milliseconds: 1))
        return sink.newestValues()
    }

    @Test func everythingAnATADiskSays() {
        let attribute =
            #"{attribute_flags_long="prefailure,updated_online,event_count,auto_keep", attribute_flags_short="PO--CK", "#
            + #"attribute_id="5", attribute_name="Reallocated_Sector_Ct", attribute_value_type=""#
        #expect(
            values(ata) == [
                #"smartctl_device{ata_additional_product_id="unknown", ata_version="ACS-3 T13/2161-D", device="sda", "#
                    + #"firmware_version="80.00", form_factor="3.5 inches", interface="sat", model_family="Rust", "#
                    + #"model_name="Rust 4000", protocol="ATA", sata_version="SATA 3.1", serial_number="WX1"}"#:
                    1,
                #"smartctl_device_capacity_blocks{device="sda"}"#: 7_814_037_168,
                #"smartctl_device_capacity_bytes{device="sda"}"#: 4_000_787_030_016,
                #"smartctl_device_block_size{blocks_type="logical", device="sda"}"#: 512,
                #"smartctl_device_block_size{blocks_type="physical", device="sda"}"#: 4096,
                #"smartctl_device_interface_speed{device="sda", speed_type="max"}"#: 6e9,
                #"smartctl_device_interface_speed{device="sda", speed_type="current"}"#: 3e9,
                #"smartctl_device_rotation_rate{device="sda"}"#: 5400,
                #"smartctl_device_status{device="sda"}"#: 1,
                #"smartctl_device_smart_status{device="sda"}"#: 1,
                #"smartctl_device_smartctl_exit_status{device="sda"}"#: 0,
                #"smartctl_device_power_on_seconds{device="sda"}"#: 3_601_800,
                #"smartctl_device_power_cycle_count{device="sda"}"#: 12,
                #"smartctl_device_temperature{device="sda", temperature_type="current"}"#: 31,
                #"smartctl_device_temperature{device="sda", temperature_type="lifetime_max"}"#: 55,
                #"smartctl_device_state{device="sda"}"#: 0,
                "smartctl_device_attribute\(attribute)value\", device=\"sda\"}": 200,
                "smartctl_device_attribute\(attribute)worst\", device=\"sda\"}": 199,
                "smartctl_device_attribute\(attribute)thresh\", device=\"sda\"}": 140,
                "smartctl_device_attribute\(attribute)raw\", device=\"sda\"}": 8,
                #"smartctl_device_statistics{device="sda", statistic_flags_long="valid", statistic_flags_short="V---", "#
                    + #"statistic_name="Lifetime Power-On Resets", statistic_table="General Statistics"}"#: 9,
                #"smartctl_device_statistics{device="sda", statistic_flags_long="valid", statistic_flags_short="V---", "#
                    + #"statistic_name="Command failed", statistic_table="SATA PHY Event Counters"}"#: 3,
                #"smartctl_device_error_log_count{device="sda", error_log_type="summary"}"#: 2,
                #"smartctl_device_self_test_log_count{device="sda", self_test_log_type="standard"}"#: 21,
                #"smartctl_device_self_test_log_error_count{device="sda", self_test_log_type="standard"}"#: 1,
                #"smartctl_device_erc_seconds{device="sda", op_type="read"}"#: 7,
            ]
        )
    }

    @Test func anIllNVMeDiskAnswers() {
        let found = values(nvme, status: 8, device: "nvme0")
        #expect(found.count == 15)
        #expect(found[#"smartctl_device_smart_status{device="nvme0"}"#] == 0)
        #expect(found[#"smartctl_device_smartctl_exit_status{device="nvme0"}"#] == 8)
        #expect(found[#"smartctl_device_percentage_used{device="nvme0"}"#] == 101)
        #expect(found[#"smartctl_device_bytes_read{device="nvme0"}"#] == 512_000_000)
        #expect(found[#"smartctl_device_bytes_written{device="nvme0"}"#] == 1_024_000_000)
        #expect(found[#"smartctl_device_nvme_capacity_bytes{device="nvme0"}"#] == 512_110_190_592)
    }

    @Test func aSCSIDisk() {
        let found = values(scsi, device: "sdb")
        let labels = #"{device="sdb", model_name="V P", serial_number="Z"}"#
        #expect(found["smartctl_scsi_grown_defect_list\(labels)"] == 6)
        #expect(found["smartctl_read_errors_corrected_by_eccfast\(labels)"] == 1)
        #expect(found["smartctl_write_total_uncorrected_errors\(labels)"] == 8)
        #expect(found.count == 12)
    }

    @Test func answersThatAreNone() {
        for (text, status) in [
            ("", 0), ("[]", 0), ("{", 0), (ata, 1), (ata, 2), (ata, -1), (noSuchDisk, 2), ("nonsense", 4),
            (String(repeating: "[", count: 100_000), 0),
        ] as [(String, Int32)] {
            let report = SmartReport(Array(text.utf8), status: status, device: "sda")
            #expect(report.kind == .failed)
            #expect(report.values.isEmpty)
        }
        #expect(SmartReport(Array(standby.utf8), status: 2, device: "sda").kind == .resting)
        #expect(SmartReport(Array(ata.utf8), status: 0xf8, device: "sda").kind == .answered)
        #expect(SmartDevice.list(Array("{}".utf8)) == nil)
        #expect(SmartDevice.list(Array(#"{"smartctl": {}, "devices": [{"name": "-x"}, {}, 3]}"#.utf8)) == [])
    }

    @Test func disksOfOnePathAreToldApartByType() {
        let devices = SmartDevice.distinct(
            ["/dev/bus/0;megaraid,0", "/dev/bus/0;megaraid,1", "/dev/sda"].map(SmartDevice.init(configured:))
        )
        #expect(devices.map(\.label) == ["bus/0 [megaraid,0]", "bus/0 [megaraid,1]", "sda"])
        #expect(devices.map(\.type) == ["megaraid,0", "megaraid,1", nil])
    }

    // MARK: - The source

    /// A smartctl that answers what it is told to, and remembers what it was asked.
    private final class Player: Sendable {
        let answers = Mutex<[String: (text: String, status: Int32)]>([:])
        let asked = Mutex<[[String]]>([])

        func run(_ arguments: [String]) throws -> ChildProcess.Outcome {
            asked.withLock { $0.append(arguments) }
            let answer = answers.withLock { $0[arguments.last ?? ""] }
            guard let answer else { throw FileError(operation: "run", path: "smartctl", code: 110) }
            return ChildProcess.Outcome(status: answer.status, output: Array(answer.text.utf8))
        }

        func set(_ device: String, _ text: String, _ status: Int32 = 0) {
            answers.withLock { $0[device] = (text, status) }
        }
    }

    private let player = Player()
    private let sink = RecordingSink()
    private let telemetry = Telemetry()
    private let clock = ManualClock(wallMilliseconds: 0)

    private func source(_ config: SmartConfig = SmartConfig()) -> SmartSource {
        SmartSource(
            config,
            identity: Labels([(name: "instance", value: "gw"), (name: "job", value: "smart")]),
            sink: sink,
            clock: clock,
            tally: PassTally(telemetry, kind: "smart", sampling: SamplingTally(telemetry)),
            telemetry: telemetry,
            logger: Logger(label: "test")
        ) { [player] in try player.run($0) }
    }

    /// What a pass stored, without the identity; hours are since the start, and the time of day with them.
    private func pass(_ source: SmartSource, hours: Double) async -> [String: Double] {
        clock.advance(milliseconds: Int64(hours * 3_600_000) - clock.wallMilliseconds())
        let time = Timestamp(milliseconds: Int64(hours * 3_600_000))
        await source.pass(PassOrder(time: time, interval: .seconds(300), classes: .all))
        return Dictionary(
            sink.newestValues().map { series, value in
                (series.replacing(#", instance="gw", job="smart""#, with: ""), value)
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private let scan = """
        {"json_format_version": [1, 0], "smartctl": {"version": [7, 3], "svn_revision": "5338", "build_info": "(local)"},
         "devices": [{"name": "/dev/sda", "type": "sat", "protocol": "ATA"}]}
        """

    @Test func aRestingDiskKeepsItsValuesForADay() async {
        player.set("--scan", scan)
        player.set("/dev/sda", ata)
        let source = source()
        let awake = await pass(source, hours: 0)
        #expect(awake[#"edgewatch_smart_available{device="sda"}"#] == 1)
        #expect(awake[#"smartctl_device_state{device="sda"}"#] == 0)
        #expect(
            player.asked.withLock { $0 } == [
                ["--json", "--scan"],
                [
                    "--json", "--info", "--health", "--attributes", "--tolerance=verypermissive",
                    "--nocheck=standby", "--format=brief", "--log=error", "--device=sat", "/dev/sda",
                ],
            ]
        )
        player.set("/dev/sda", standby, 2)
        let resting = await pass(source, hours: 0.5)
        #expect(resting[#"edgewatch_smart_available{device="sda"}"#] == 1)
        #expect(resting[#"smartctl_device_state{device="sda"}"#] == 1)
        #expect(resting.count == awake.count)
        #expect(resting[#"smartctl_device_power_cycle_count{device="sda"}"#] == 12)
        // Half an hour later there was no new scan, for the last is not an hour old.
        #expect(player.asked.withLock { $0.filter { $0.contains("--scan") }.count } == 1)
        let late = await pass(source, hours: 23.9)
        #expect(late.count == awake.count)
        let old = await pass(source, hours: 24.1)
        #expect(old[#"smartctl_device_state{device="sda"}"#] == 1)
        #expect(old[#"smartctl_device_power_cycle_count{device="sda"}"#] == nil)
        player.set("/dev/sda", ata)
        #expect(await pass(source, hours: 25).count == awake.count)
    }

    @Test func aClockSetBackStopsNeitherTheScanNorTheEnd() async {
        player.set("--scan", scan)
        player.set("/dev/sda", ata)
        let source = source()
        // The first pass takes the time of day for weeks later than the others do.
        await source.pass(
            PassOrder(time: Timestamp(milliseconds: 3_000_000_000), interval: .seconds(300), classes: .all)
        )
        player.set("/dev/sda", noSuchDisk, 2)
        player.set("--scan", #"{"smartctl": {}, "devices": []}"#)
        clock.advance(milliseconds: 25 * 3_600_000)
        await source.pass(
            PassOrder(time: Timestamp(milliseconds: 1000), interval: .seconds(300), classes: .all)
        )
        #expect(player.asked.withLock { $0.filter { $0.contains("--scan") }.count } == 2)
        #expect(sink.newestValues().keys.allSatisfy { !$0.contains("device=\"sda\"") })
    }

    @Test func aCancelledPassEndsWhatItRunsAndStoresNothing() async throws {
        let fixture = try HostFixture([
            "smartctl": "#!/bin/sh\nsleep 1000 & echo $! > $0.pid; wait\n"
        ])
        let program = fixture.root + "/smartctl"
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        var config = SmartConfig()
        config.path = program
        let source = SmartSource(
            config,
            identity: Labels(),
            sink: sink,
            clock: clock,
            tally: PassTally(telemetry, kind: "smart", sampling: SamplingTally(telemetry)),
            telemetry: telemetry,
            logger: Logger(label: "test")
        )
        let pass = Task {
            let time = Timestamp(milliseconds: 1)
            await source.pass(PassOrder(time: time, interval: .seconds(300), classes: .all))
        }
        var child: Int32?
        while child == nil {
            let text = try? String(contentsOfFile: program + ".pid", encoding: .utf8)
            child = text.flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
            await Task.yield()
        }
        pass.cancel()
        await pass.value
        #expect(sink.newestValues().isEmpty)
        // It is dead, or a corpse that nobody has buried yet.
        let state = try? String(contentsOfFile: "/proc/\(child ?? 0)/stat", encoding: .utf8)
        #expect(state.map { $0.contains(") Z ") } ?? true)
    }

    @Test func aFailingDiskDoesNotVanish() async {
        player.set("--scan", scan)
        player.set("/dev/sda", ata)
        let source = source()
        let well = await pass(source, hours: 0)
        player.set("/dev/sda", noSuchDisk, 2)
        player.set("--scan", #"{"smartctl": {}, "devices": []}"#)
        for hours in [0.5, 2, 20] {
            let failed = await pass(source, hours: hours)
            #expect(failed[#"edgewatch_smart_available{device="sda"}"#] == 0)
            #expect(failed[#"smartctl_device_smart_status{device="sda"}"#] == 1)
            #expect(failed[#"smartctl_devices{instance="gw", job="smart"}"#] == 1)
            #expect(failed.count >= well.count - 1)
        }
        #expect(
            source.devices == [
                DeviceStatus(
                    kind: .disk,
                    name: "sda",
                    address: "/dev/sda",
                    isUp: false,
                    lastError: "smartctl gave no answer about it",
                    lastRead: Timestamp(milliseconds: 20 * 3_600_000)
                )
            ]
        )
        let gone = await pass(source, hours: 30)
        #expect(gone[#"edgewatch_smart_available{device="sda"}"#] == nil)
        #expect(gone[#"smartctl_devices{instance="gw", job="smart"}"#] == 0)
    }

    @Test func aProgramThatCannotBeRunIsDown() async {
        let source = source()
        #expect(
            await pass(source, hours: 0) == [
                #"up{instance="gw", job="smart"}"#: 0, #"smartctl_devices{instance="gw", job="smart"}"#: 0,
            ]
        )
        #expect(source.devices.map(\.name) == ["smartctl"])
        #expect(source.devices.map(\.isUp) == [false])
        player.set("--scan", scan)
        player.set("/dev/sda", ata)
        #expect(await pass(source, hours: 0.1)[#"up{instance="gw", job="smart"}"#] == 1)
        #expect(source.devices.map(\.name) == ["sda"])
        #expect(source.devices.map(\.isUp) == [true])
    }

    @Test func configuredDisksAreNotLookedFor() async throws {
        var config = SmartConfig()
        config.devices = ["/dev/bus/0;megaraid,4", "/dev/nvme0"]
        config.powerMode = .never
        player.set("--scan", scan)
        player.set("/dev/nvme0", nvme, 8)
        let found = await pass(source(config), hours: 0)
        #expect(found[#"edgewatch_smart_available{device="nvme0"}"#] == 1)
        #expect(found[#"edgewatch_smart_available{device="bus/0"}"#] == 0)
        #expect(
            player.asked.withLock {
                $0.contains { $0.contains("--device=megaraid,4") && $0.contains("--nocheck=never") }
            }
        )
        #expect(player.asked.withLock { $0.allSatisfy { $0.last != "/dev/sda" } })
    }

    @Test func aRealProgramOnARealLane() async throws {
        let fixture = try HostFixture([
            "smartctl": "#!/bin/sh\ncase $2 in --scan) cat $0.scan;; *) cat $0.ata;; esac\n",
            "smartctl.scan": scan, "smartctl.ata": ata,
        ])
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755],
            ofItemAtPath: fixture.root + "/smartctl"
        )
        var config = SmartConfig()
        config.path = fixture.root + "/smartctl"
        let source = SmartSource(
            config,
            identity: Labels([(name: "instance", value: "gw"), (name: "job", value: "smart")]),
            sink: sink,
            clock: clock,
            tally: PassTally(telemetry, kind: "smart", sampling: SamplingTally(telemetry)),
            telemetry: telemetry,
            logger: Logger(label: "test")
        )
        let found = await pass(source, hours: 0)
        #expect(found[#"smartctl_device_power_cycle_count{device="sda"}"#] == 12)
        #expect(
            found[
                #"smartctl_version{build_info="(local)", json_format_version="1.0", "#
                    + #"smartctl_version="7.3", svn_revision="5338"}"#
            ] == 1
        )
    }
}
