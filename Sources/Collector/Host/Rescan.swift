// SPDX-License-Identifier: Apache-2.0

internal import Samples

/// Says in which passes a collector looks anew at what the machine has, instead of reading the files it knows.
struct Rescan {
    /// Devices that come or go while the node runs are seen after so many passes.
    private static let passes = 40

    private var left = 0

    /// Whether it is time; counts the pass.
    mutating func isDue() -> Bool {
        left -= 1
        if left > 0 { return false }
        left = Rescan.passes
        return true
    }

    /// Makes the next pass look, for a file that vanished.
    mutating func hurry() { left = 0 }
}

/// The numbers of CPUs as text, remembered for those that machines have.
struct CPUNames {
    /// More CPUs than Linux supports (NR_CPUS).
    private static let limit = 8192

    private var names: [String] = []

    subscript(_ cpu: UInt64) -> String {
        mutating get {
            guard cpu < CPUNames.limit else { return "\(cpu)" }
            while names.count <= cpu { names.append("\(names.count)") }
            return names[Int(cpu)]
        }
    }
}

/// Names of devices, `prefix` and a number: nvme0, mc12.
enum DeviceName {
    /// The number as text, nil when the name is another.
    static func number(_ name: String, after prefix: StaticString) -> String? {
        guard let digits = Array(name.utf8)[...].after(prefix), KernelNumber.unsigned(digits) != nil else {
            return nil
        }
        return String(decoding: digits, as: UTF8.self)
    }
}
