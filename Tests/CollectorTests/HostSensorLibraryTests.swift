// SPDX-License-Identifier: Apache-2.0
//
// libsensors knows only /sys of the machine it runs on. So a thread of its own leaves the others' mount namespace,
// puts a chip of files where the kernel's would be, and reads it the way the daemon does.

import Foundation
import Glibc
import Samples
import Testing

@testable import Collector

/// mount(2) and unshare(2), which Swift's Glibc module does not declare.
private enum Namespace {
    private static func symbol<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }

    /// Gives the calling thread mounts of its own; false where that is not allowed.
    static func leave() -> Bool {
        let newMounts: Int32 = 0x0002_0000
        let isPrivate: UInt = 0x4_0000
        let isRecursive: UInt = 0x4000
        guard let unshare = symbol("unshare", as: (@convention(c) (Int32) -> Int32).self) else {
            return false
        }
        return unshare(newMounts) == 0 && mount("none", "/", nil, isPrivate | isRecursive)
    }

    static func mount(_ source: String, _ target: String, _ type: String?, _ flags: UInt = 0) -> Bool {
        typealias Mount =
            @convention(c) (
                UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt, UnsafeRawPointer?
            ) -> Int32
        guard let mount = symbol("mount", as: Mount.self) else { return false }
        return source.withCString { source in
            target.withCString { target in
                guard let type else { return mount(source, target, nil, flags, nil) == 0 }
                return type.withCString { mount(source, target, $0, flags, nil) == 0 }
            }
        }
    }
}

@Test func valuesAreCorrectedByTheBoardsConfiguration() throws {
    let configuration = "/etc/sensors3.conf"
    guard getuid() == 0, FileManager.default.fileExists(atPath: configuration) else {
        print("SKIPPED: needs root and \(configuration); libsensors is NOT tested")
        return
    }
    guard KernelText.names(in: "/sys/class/hwmon").isEmpty else {
        print("SKIPPED: this machine has sensors of its own; the planted libsensors chip is NOT tested")
        return
    }
    let chip = "devices/platform/nct6775.656"
    let fixture = try HostFixture([
        "\(chip)/hwmon/hwmon0/name": "nct6775\n", "\(chip)/hwmon/hwmon0/device": "->../..",
        "\(chip)/hwmon/hwmon0/in1_input": "1000\n", "\(chip)/hwmon/hwmon0/in1_alarm": "1\n",
        "\(chip)/hwmon/hwmon0/temp1_input": "45500\n", "\(chip)/hwmon/hwmon0/pwm1": "90\n",
        "\(chip)/subsystem": "->../../../bus/platform", "bus/platform/": "",
        // This input sits behind a divider by two.
        "sensors3.conf": "chip \"nct6775-*\"\n    compute in1 @*2, @/2\n",
    ])
    // Seen from /sys/class the tree is elsewhere, so this link is absolute.
    try fixture.write("class/hwmon/hwmon0", "->\(fixture.root)/\(chip)/hwmon/hwmon0")
    let done = DispatchSemaphore(value: 0)
    let outcome = Outcome()
    Thread {
        if Namespace.leave(), Namespace.mount(fixture.root + "/class", "/sys/class", nil, 0x1000),
            Namespace.mount(fixture.root + "/sensors3.conf", configuration, nil, 0x1000)
        {
            var source = HardwareMonitorSource(roots: HostRoots())
            outcome.values = (try? fixture.pass(&source, roots: HostRoots()))?.values
        }
        done.signal()
    }.start()
    done.wait()
    guard let values = outcome.values else {
        print("SKIPPED: mount namespaces are not allowed here; libsensors is NOT tested")
        return
    }
    #expect(
        values == [
            #"node_hwmon_chip_names{chip="platform_nct6775_656", chip_name="nct6775"}"#: 1,
            #"node_hwmon_in_volts{chip="platform_nct6775_656", sensor="in1"}"#: 2,
            #"node_hwmon_in_alarm{chip="platform_nct6775_656", sensor="in1"}"#: 1,
            #"node_hwmon_temp_celsius{chip="platform_nct6775_656", sensor="temp1"}"#: 45.5,
            #"node_hwmon_pwm{chip="platform_nct6775_656", sensor="pwm1"}"#: 90,
        ]
    )
}

/// What the thread found; `@unchecked Sendable`: written before the semaphore is signalled, read after.
private final class Outcome: @unchecked Sendable {
    var values: [String: Double]?
}
