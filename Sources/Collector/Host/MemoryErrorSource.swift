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

    private struct Controller {
        let number: String
        let path: String
        var rows: DeviceDirectory<Row>
    }

    private struct Row {
        let number: String
        let path: String
        let channels: [Channel]
    }

    /// One channel of a row; an empty slot leaves a gap in their numbers.
    private struct Channel {
        let number: String
        let corrected: String
        let uncorrected: String
        let label: String

        /// The channel a file of the row's directory belongs to; nil for other files.
        init?(corrected file: String) {
            guard file.hasPrefix("ch"), file.hasSuffix("_ce_count") else { return nil }
            number = String(file.dropFirst(2).dropLast("_ce_count".count))
            guard !number.isEmpty, number.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
            corrected = file
            uncorrected = "ch\(number)_ue_count"
            label = "ch\(number)_dimm_label"
        }
    }

    private var directory = DeviceDirectory<Controller>(sys: "/devices/system/edac/mc")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        // Without the directory there are none.
        directory.updateIfThere(&kernel, limit: MemoryErrorSource.limit) { name, path, _ in
            DeviceName.number(name, after: "mc").map {
                Controller(number: $0, path: path, rows: DeviceDirectory(path: path))
            }
        }
        for index in directory.devices.indices {
            MemoryErrorSource.add(&directory.devices[index], &kernel, into: &pass)
        }
    }

    private static func add(
        _ controller: inout Controller,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        let number = controller.number
        KernelText.withDirectory(controller.path) { place in
            if let count = kernel.number("ce_count", in: place) { pass.add(Family.corrected, count, number) }
            if let count = kernel.number("ce_noinfo_count", in: place) {
                pass.add(Family.rowCorrected, count, number, "unknown")
            }
            if let count = kernel.number("ue_count", in: place) {
                pass.add(Family.uncorrected, count, number)
            }
            if let count = kernel.number("ue_noinfo_count", in: place) {
                pass.add(Family.rowUncorrected, count, number, "unknown")
            }
        }
        controller.rows.updateIfThere(&kernel, limit: limit) { name, path, _ in
            DeviceName.number(name, after: "csrow").map { number in
                let channels = KernelText.names(in: path).sorted().lazy.compactMap(Channel.init(corrected:))
                return Row(number: number, path: path, channels: Array(channels.prefix(limit)))
            }
        }
        for row in controller.rows.devices {
            KernelText.withDirectory(row.path) { place in
                if let count = kernel.number("ce_count", in: place) {
                    pass.add(Family.rowCorrected, count, number, row.number)
                }
                if let count = kernel.number("ue_count", in: place) {
                    pass.add(Family.rowUncorrected, count, number, row.number)
                }
                addChannels(of: row, place, number, &kernel, into: &pass)
            }
        }
    }

    private static func addChannels(
        of row: Row,
        _ place: Int32,
        _ controller: String,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) {
        for channel in row.channels {
            let corrected = kernel.number(channel.corrected, in: place)
            let uncorrected = kernel.number(channel.uncorrected, in: place)
            let label = kernel.value(channel.label, in: place)
            func write(_ labels: inout SeriesKey) {
                labels.append(controller)
                labels.append(row.number)
                labels.append(channel.number)
                labels.append(label)
            }
            if let corrected { pass.add(Family.channelCorrected, corrected, write: write) }
            if let uncorrected { pass.add(Family.channelUncorrected, uncorrected, write: write) }
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
