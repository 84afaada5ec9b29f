// SPDX-License-Identifier: Apache-2.0
//
// Errors in memory that was found and corrected, or not (kernel, Documentation/ABI/testing/sysfs-devices-edac):
//
//     mc0/ce_count            corrected, whole controller       mc0/csrow1/ce_count        one row of chips
//     mc0/ue_noinfo_count     not corrected, place unknown      mc0/csrow1/ch0_ce_count    one channel of the row

internal import Glibc
internal import Samples

/// node_edac_*.
struct MemoryErrorSource: HostSource {
    /// More controllers, rows and channels than a machine has.
    private static let limit = 64

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let base = kernel.roots.sys + "/devices/system/edac/mc"
        for name in KernelText.names(in: base).prefix(MemoryErrorSource.limit) {
            guard let controller = DeviceName.number(name, after: "mc") else { continue }
            addController("\(base)/\(name)", controller, &kernel, into: &pass)
        }
    }

    private func addController(
        _ directory: String,
        _ controller: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        if let count = kernel.number(directory + "/ce_count") {
            pass.add(Family.corrected, count, controller)
        }
        if let count = kernel.number(directory + "/ce_noinfo_count") {
            pass.add(Family.rowCorrected, count, controller, "unknown")
        }
        if let count = kernel.number(directory + "/ue_count") {
            pass.add(Family.uncorrected, count, controller)
        }
        if let count = kernel.number(directory + "/ue_noinfo_count") {
            pass.add(Family.rowUncorrected, count, controller, "unknown")
        }
        for name in KernelText.names(in: directory).prefix(MemoryErrorSource.limit) {
            guard let row = DeviceName.number(name, after: "csrow") else { continue }
            let place = "\(directory)/\(name)"
            if let count = kernel.number(place + "/ce_count") {
                pass.add(Family.rowCorrected, count, controller, row)
            }
            if let count = kernel.number(place + "/ue_count") {
                pass.add(Family.rowUncorrected, count, controller, row)
            }
            addChannels(place, controller, row, &kernel, into: &pass)
        }
    }

    private func addChannels(
        _ directory: String,
        _ controller: String,
        _ row: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        for channel in 0..<MemoryErrorSource.limit {
            let prefix = "\(directory)/ch\(channel)_"
            let corrected = kernel.number(prefix + "ce_count")
            let uncorrected = kernel.number(prefix + "ue_count")
            // The channels of a row are numbered from 0 without gaps but where a slot is empty; two in a row end it.
            if corrected == nil, uncorrected == nil {
                if channel > 0 { return }
                continue
            }
            let labels = [controller, row, "\(channel)", kernel.text(prefix + "dimm_label")]
            if let corrected { pass.add(Family.channelCorrected, corrected, labels: labels) }
            if let uncorrected { pass.add(Family.channelUncorrected, uncorrected, labels: labels) }
        }
    }
}

extension Family {
    private static func errors(_ name: String, _ help: String, _ labels: [String]) -> Family {
        Family("node_edac_\(name)_errors_total", .counter, help, labels: labels, class: .health)
    }

    fileprivate static let corrected = errors("correctable", "Memory errors put right.", ["controller"])
    fileprivate static let uncorrected = errors(
        "uncorrectable",
        "Memory errors that could not be put right.",
        ["controller"]
    )
    fileprivate static let rowCorrected = errors(
        "csrow_correctable",
        "Memory errors put right, by row.",
        ["controller", "csrow"]
    )
    fileprivate static let rowUncorrected = errors(
        "csrow_uncorrectable",
        "Memory errors that could not be put right, by row.",
        ["controller", "csrow"]
    )
    private static let channelLabels = ["controller", "csrow", "channel", "dimm_label"]
    fileprivate static let channelCorrected = errors(
        "channel_correctable",
        "Memory errors put right, by module.",
        channelLabels
    )
    fileprivate static let channelUncorrected = errors(
        "channel_uncorrectable",
        "Memory errors that could not be put right, by module.",
        channelLabels
    )
}
