// SPDX-License-Identifier: Apache-2.0
//
// Graphics processors whose driver says how busy they are and how full their memory is (kernel,
// Documentation/gpu/amdgpu/thermal.rst and driver-misc.rst), by node_exporter's names.

internal import Samples

/// node_drm_*.
struct GraphicsSource: HostSource {
    private static let memory: [(file: String, family: Family)] = [
        ("mem_info_gtt_total", size("gtt_size", "Memory of the machine the card may use.")),
        ("mem_info_gtt_used", size("gtt_used", "Memory of the machine the card uses.")),
        ("mem_info_vis_vram_total", size("vis_vram_size", "The card's memory the CPU can see.")),
        (
            "mem_info_vis_vram_used",
            size("vis_vram_used", "The card's memory in use that the CPU can see.")
        ),
        ("mem_info_vram_total", size("vram_size", "The card's memory.")),
        ("mem_info_vram_used", size("vram_used", "The card's memory in use.")),
    ]
    private static let info = Family(
        "node_drm_card_info",
        .gauge,
        "A graphics card; always 1.",
        labels: ["card", "memory_vendor", "power_performance_level", "unique_id", "vendor"]
    )
    private static let busy = Family(
        "node_drm_gpu_busy_percent",
        .gauge,
        "How busy the graphics processor is.",
        labels: ["card"]
    )
    /// More cards than a machine has.
    private static let limit = 64
    private static let texts = ["mem_info_vram_vendor", "power_dpm_force_performance_level", "unique_id"]

    private var directory = DeviceDirectory<(card: String, path: String)>(sys: "/class/drm")

    private static func size(_ name: String, _ help: String) -> Family {
        Family("node_drm_memory_\(name)_bytes", .gauge, help, labels: ["card"])
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var found = false
        // Connectors are called card0-HDMI-A-1; without the directory there are none.
        directory.updateIfThere(&kernel, limit: GraphicsSource.limit) { name, path, _ in
            DeviceName.number(name, after: "card") == nil ? nil : (name, path + "/device")
        }
        for (card, path) in directory.devices {
            KernelText.withDirectory(path) { device in
                guard let busy = kernel.number("gpu_busy_percent", in: device) else { return }
                found = true
                pass.add(GraphicsSource.busy, busy, card)
                for (file, family) in GraphicsSource.memory {
                    guard let bytes = kernel.number(file, in: device) else { continue }
                    pass.add(family, bytes, card)
                }
                pass.add(GraphicsSource.info, 1) { labels in
                    labels.append(card)
                    for text in GraphicsSource.texts { labels.append(kernel.value(text, in: device)) }
                    labels.append("amd")
                }
            }
        }
        if !found { throw .absent }
    }
}

/// edgewatch_accelerator_*: other processors, as far as /sys tells of them.
///
/// devfreq devices (kernel, Documentation/ABI/testing/sysfs-class-devfreq), the clock of Intel graphics, the load of
/// Jetson's graphics processor in thousandths, the temperature of an Edge TPU in thousandths of a degree.
struct AcceleratorSource: HostSource {
    private struct File {
        let device: String
        let path: String
        let family: Family
        /// Values are multiplied, or divided where the file counts parts.
        let factor: Double
        let divisor: Double
    }

    private static let frequency = gauge("frequency_hertz", "Clock rate of the processor.")
    private static let frequencyLimit = gauge("frequency_max_hertz", "Highest clock rate of the processor.")
    private static let load = gauge("load_ratio", "How busy the processor is, 0 to 1.")
    private static let temperature = gauge("temperature_celsius", "Temperature of the processor.", .health)
    /// More such devices than a board has.
    private static let limit = 64

    private static func gauge(
        _ name: String,
        _ help: String,
        _ metricClass: MetricClass = .standard
    ) -> Family {
        Family("edgewatch_accelerator_\(name)", .gauge, help, labels: ["device"], class: metricClass)
    }

    private var rescan = Rescan()
    private var files: [File] = []

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        if rescan.isDue() { lookUp(kernel.roots.sys) }
        var found = false
        for file in files {
            // A devfreq load is `23@800000000Hz`.
            guard let text = kernel.value(file.path),
                let value = KernelNumber.decimal(text.prefix { $0 != UInt8(ascii: "@") })
            else { continue }
            pass.add(file.family, value * file.factor / file.divisor, file.device)
            found = true
        }
        if !found { throw .absent }
    }

    private mutating func lookUp(_ sys: String) {
        files = []
        for name in KernelText.names(in: sys + "/class/devfreq").prefix(AcceleratorSource.limit) {
            let place = "\(sys)/class/devfreq/\(name)"
            add(name, place + "/cur_freq", AcceleratorSource.frequency)
            add(name, place + "/max_freq", AcceleratorSource.frequencyLimit)
            add(name, place + "/load", AcceleratorSource.load, per: 100)
        }
        for name in KernelText.names(in: sys + "/class/drm").prefix(AcceleratorSource.limit * 4)
        where DeviceName.number(name, after: "card") != nil {
            add(name, "\(sys)/class/drm/\(name)/gt_cur_freq_mhz", AcceleratorSource.frequency, 1e6)
            add(name, "\(sys)/class/drm/\(name)/gt_max_freq_mhz", AcceleratorSource.frequencyLimit, 1e6)
        }
        add("gpu.0", sys + "/devices/gpu.0/load", AcceleratorSource.load, per: 1000)
        for name in KernelText.names(in: sys + "/devices/platform")
        where ["gpu.0", ".gpu", ".gv11b", ".ga10b", ".gp10b", ".gm20b"].contains(where: { name.hasSuffix($0) }
        ) {
            add(name, "\(sys)/devices/platform/\(name)/load", AcceleratorSource.load, per: 1000)
        }
        for name in KernelText.names(in: sys + "/class/apex").prefix(AcceleratorSource.limit) {
            add(name, "\(sys)/class/apex/\(name)/temp", AcceleratorSource.temperature, per: 1000)
        }
    }

    private mutating func add(
        _ device: String,
        _ path: String,
        _ family: Family,
        _ factor: Double = 1,
        per divisor: Double = 1
    ) {
        guard KernelText.isFile(path) else { return }
        files.append(File(device: device, path: path, family: family, factor: factor, divisor: divisor))
    }
}
