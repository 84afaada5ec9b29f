// SPDX-License-Identifier: Apache-2.0
//
// Clock rates of the CPUs and what governs them (kernel, Documentation/admin-guide/pm/cpufreq.rst). The files count kHz.
// A file that is missing, or for root only, costs its own family.

internal import Samples

/// node_cpu_frequency_*, node_cpu_scaling_*.
struct CPUFrequencySource: HostSource {
    private struct CPU {
        let number: String
        let directory: String
        var governors: [String]
    }

    private static let files: [(file: String, family: Family)] = [
        ("cpuinfo_cur_freq", family("frequency_hertz", "Clock rate the hardware says it has.", .standard)),
        ("cpuinfo_min_freq", family("frequency_min_hertz", "Lowest clock rate of the hardware.")),
        ("cpuinfo_max_freq", family("frequency_max_hertz", "Highest clock rate of the hardware.")),
        (
            "scaling_cur_freq",
            family("scaling_frequency_hertz", "Clock rate the kernel asked for.", .standard)
        ),
        (
            "scaling_min_freq",
            family("scaling_frequency_min_hertz", "Lowest clock rate the kernel may choose.")
        ),
        (
            "scaling_max_freq",
            family("scaling_frequency_max_hertz", "Highest clock rate the kernel may choose.")
        ),
    ]
    private static let governor = Family(
        "node_cpu_scaling_governor",
        .gauge,
        "Whether this governor chooses the clock rate.",
        labels: ["cpu", "governor"],
        class: .detailedPerformance
    )
    /// More CPUs than Linux supports.
    private static let cpuLimit = 8192

    private static func family(
        _ name: String,
        _ help: String,
        _ metricClass: MetricClass = .detailedPerformance
    ) -> Family {
        Family("node_cpu_\(name)", .gauge, help, labels: ["cpu"], class: metricClass)
    }

    private var rescan = Rescan()
    private var cpus: [CPU] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        if rescan.isDue() { lookUp(&kernel) }
        for cpu in cpus {
            let found: Void? = KernelText.withDirectory(cpu.directory) { directory in
                for (file, family) in CPUFrequencySource.files {
                    guard pass.wants(family), let value = kernel.number(file, in: directory) else { continue }
                    pass.add(family, value * 1000, cpu.number)
                }
                guard !cpu.governors.isEmpty, let now = kernel.value("scaling_governor", in: directory) else {
                    return
                }
                for governor in cpu.governors {
                    let isInForce = now.elementsEqual(governor.utf8)
                    pass.add(CPUFrequencySource.governor, isInForce ? 1 : 0, cpu.number, governor)
                }
            }
            if found == nil { rescan.hurry() }
        }
    }

    private mutating func lookUp(_ kernel: inout KernelText) {
        let base = kernel.roots.sys + "/devices/system/cpu"
        cpus = KernelText.names(in: base).prefix(CPUFrequencySource.cpuLimit).compactMap { name in
            let directory = "\(base)/\(name)/cpufreq"
            guard let number = DeviceName.number(name, after: "cpu"), KernelText.isDirectory(directory) else {
                return nil
            }
            let governors = kernel.text(directory + "/scaling_available_governors")
            return CPU(
                number: number,
                directory: directory,
                governors: governors.split(separator: " ").prefix(32).map(String.init)
            )
        }
    }
}
