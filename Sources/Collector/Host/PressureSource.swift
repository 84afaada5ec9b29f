// SPDX-License-Identifier: Apache-2.0
//
// Pressure stall information: how long tasks waited for a resource (kernel, Documentation/accounting/psi.rst).
//
//     some avg10=0.00 avg60=0.00 avg300=0.00 total=12345     at least one task waited, microseconds
//     full …                                                 all tasks waited

internal import Samples

/// node_pressure_*.
struct PressureSource: HostSource {
    private struct Resource {
        let file: KernelFile
        let waiting: Family?
        let stalled: Family?
    }

    /// A CPU cannot be missing for all tasks at once, and interrupts are only counted when all wait.
    private let resources = [
        Resource(
            file: KernelFile(proc: "/pressure/cpu"),
            waiting: PressureSource.family("cpu_waiting", "waited for a CPU"),
            stalled: nil
        ),
        Resource(
            file: KernelFile(proc: "/pressure/io"),
            waiting: PressureSource.family("io_waiting", "waited for input or output"),
            stalled: PressureSource.family(
                "io_stalled",
                "could not go on because all waited for input or output"
            )
        ),
        Resource(
            file: KernelFile(proc: "/pressure/memory"),
            waiting: PressureSource.family("memory_waiting", "waited for memory"),
            stalled: PressureSource.family("memory_stalled", "could not go on because all waited for memory")
        ),
        Resource(
            file: KernelFile(proc: "/pressure/irq"),
            waiting: nil,
            stalled: PressureSource.family("irq_stalled", "could not go on because interrupts were served")
        ),
    ]

    private static func family(_ name: String, _ what: String) -> Family {
        Family("node_pressure_\(name)_seconds_total", .counter, "Time in which tasks \(what).")
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var found = false
        for resource in resources {
            guard kernel.tryLoad(resource.file) else { continue }
            var text = kernel.scanner
            while let line = text.nextLine() {
                var fields = line
                guard let kind = fields.nextField() else { continue }
                let family =
                    kind.spells("some") ? resource.waiting : kind.spells("full") ? resource.stalled : nil
                guard let family, let total = PressureSource.total(&fields) else { continue }
                pass.add(family, Double(total) / 1e6)
                found = true
            }
        }
        // Kernels before 4.20, and those booted with psi=0, have none.
        if !found { throw .absent }
    }

    private static func total(_ fields: inout TextScanner) -> UInt64? {
        while let field = fields.nextField() {
            if let digits = field.after("total=") { return KernelNumber.unsigned(digits) }
        }
        return nil
    }
}
