// SPDX-License-Identifier: Apache-2.0
//
// The load averages of /proc/loadavg.

internal import Samples

/// node_load1, node_load5, node_load15.
struct LoadSource: HostSource {
    private static let families = [
        Family("node_load1", .gauge, "Tasks running or waiting, averaged over a minute.", class: .health),
        Family("node_load5", .gauge, "Tasks running or waiting, averaged over five minutes.", class: .health),
        Family(
            "node_load15",
            .gauge,
            "Tasks running or waiting, averaged over a quarter of an hour.",
            class: .health
        ),
    ]

    private let file = KernelFile(proc: "/loadavg")

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try kernel.load(file)
        var fields = kernel.scanner
        for family in LoadSource.families {
            guard let value = fields.nextField().flatMap({ KernelNumber.decimal($0) }) else {
                throw .malformed(file.path(in: kernel.roots))
            }
            pass.add(family, value)
        }
    }
}
