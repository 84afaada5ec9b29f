// SPDX-License-Identifier: Apache-2.0
//
// The families of disk health, by smartctl_exporter's names (0.14). They are counters or gauges as there.

internal import Samples

extension Family {
    private static func disk(
        _ name: String,
        _ help: String,
        _ kind: MetricMetadata.Kind = .gauge,
        labels: [String] = [],
        class metricClass: MetricClass = .standard
    ) -> Family {
        Family("smartctl_device\(name)", kind, help, labels: ["device"] + labels, class: metricClass)
    }

    static let smartVersion = Family(
        "smartctl_version",
        .gauge,
        "The smartctl that is asked; always 1.",
        labels: ["json_format_version", "smartctl_version", "svn_revision", "build_info"]
    )
    static let smartDevices = Family("smartctl_devices", .gauge, "Disks known.")
    static let smartAvailable = Family(
        "edgewatch_smart_available",
        .gauge,
        "Whether the disk answered, or rests; 0 when what is shown of it is old.",
        labels: ["device"],
        class: .health
    )
    static let smartInfo = disk(
        "",
        "What the disk is; always 1.",
        labels: [
            "interface", "protocol", "model_family", "model_name", "serial_number",
            "ata_additional_product_id", "firmware_version", "ata_version", "sata_version", "form_factor",
            "scsi_vendor", "scsi_product", "scsi_revision", "scsi_version",
        ]
    )
    static let smartBlocks = disk("_capacity_blocks", "Blocks of the disk.")
    static let smartBytes = disk("_capacity_bytes", "Bytes of the disk.")
    static let smartNVMeBytes = disk("_nvme_capacity_bytes", "Bytes of the NVMe disk.")
    static let smartBlockSize = disk("_block_size", "Bytes of a block.", labels: ["blocks_type"])
    static let smartSpeed = disk("_interface_speed", "Bits per second.", labels: ["speed_type"])
    static let smartAttribute = disk(
        "_attribute",
        "An attribute of the disk.",
        labels: [
            "attribute_name", "attribute_flags_short", "attribute_flags_long", "attribute_value_type",
            "attribute_id",
        ],
        class: .detailedPerformance
    )
    static let smartPowerOn = disk("_power_on_seconds", "Time the disk was switched on.", .counter)
    static let smartRotation = disk("_rotation_rate", "Revolutions per minute.")
    static let smartTemperature = disk(
        "_temperature",
        "Degrees Celsius.",
        labels: ["temperature_type"],
        class: .health
    )
    static let smartPowerCycles = disk("_power_cycle_count", "Times the disk was switched on.", .counter)
    static let smartState = disk("_state", "0 active, 1 standby, 2 sleep, 3 dst, 4 offline, 5 sct.")
    static let smartStatistics = disk(
        "_statistics",
        "A statistic of the disk.",
        labels: ["statistic_table", "statistic_name", "statistic_flags_short", "statistic_flags_long"],
        class: .debug
    )
    static let smartStatus = disk("_status", "Whether the disk thinks it is well.", class: .health)
    static let smartHealth = disk("_smart_status", "Whether the disk thinks it is well.", class: .health)
    static let smartExit = disk("_smartctl_exit_status", "What smartctl ended with.")
    static let smartErrors = disk(
        "_error_log_count",
        "Entries of the error log.",
        labels: ["error_log_type"],
        class: .health
    )
    static let smartTests = disk("_self_test_log_count", "Tests logged.", labels: ["self_test_log_type"])
    static let smartTestErrors = disk(
        "_self_test_log_error_count",
        "Tests that failed.",
        labels: ["self_test_log_type"],
        class: .health
    )
    static let smartRecovery = disk(
        "_erc_seconds",
        "How long the disk tries to save a block.",
        labels: ["op_type"]
    )
    /// Of an NVMe disk's log of its health, by the members' names.
    static let smartNVMe: [(member: String, family: Family)] = [
        ("percentage_used", disk("_percentage_used", "Wear in percent.", .counter, class: .health)),
        (
            "available_spare",
            disk("_available_spare", "Spare blocks left in percent.", .counter, class: .health)
        ),
        (
            "available_spare_threshold",
            disk("_available_spare_threshold", "Percent of spare below which the disk warns.", .counter)
        ),
        ("critical_warning", disk("_critical_warning", "Bits of what is wrong.", .counter, class: .health)),
        ("media_errors", disk("_media_errors", "Data that could not be read.", .counter, class: .health)),
        ("num_err_log_entries", disk("_num_err_log_entries", "Errors logged so far.", .counter)),
    ]
    static let smartRead = disk("_bytes_read", "Bytes read.", .counter)
    static let smartWritten = disk("_bytes_written", "Bytes written.", .counter)

    private static func scsi(_ name: String, _ help: String) -> Family {
        let labels = ["device", "model_family", "model_name", "serial_number"]
        return Family("smartctl_\(name)", .counter, help, labels: labels)
    }

    static let smartDefects = scsi("scsi_grown_defect_list", "Defects found since the disk was made.")
    static let smartSCSI: [(log: String, member: String, family: Family)] = ["read", "write"].flatMap { log in
        [
            (
                log, "errors_corrected_by_rereads_rewrites",
                scsi("\(log)_errors_corrected_by_rereads_rewrites", "Errors put right by trying again.")
            ),
            (
                log, "errors_corrected_by_eccfast",
                scsi("\(log)_errors_corrected_by_eccfast", "Errors put right at once.")
            ),
            (
                log, "errors_corrected_by_eccdelayed",
                scsi("\(log)_errors_corrected_by_eccdelayed", "Errors put right with delay.")
            ),
            (
                log, "total_uncorrected_errors",
                scsi("\(log)_total_uncorrected_errors", "Errors that could not be put right.")
            ),
        ]
    }
}
