// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Samples

/// node_uname_info: what uname(2) says.
struct UnameSource: HostSource {
    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var names = utsname()
        guard uname(&names) == 0 else { throw .unreadable("uname", errno) }
        pass.add(Family.uname, 1) { labels in
            labels.append(characters: names.sysname)
            labels.append(characters: names.release)
            labels.append(characters: names.version)
            labels.append(characters: names.machine)
            labels.append(characters: names.nodename)
            labels.append(characters: names.__domainname)
        }
    }
}

extension Family {
    fileprivate static let uname = Family(
        "node_uname_info",
        .gauge,
        "Names and versions of the system; always 1.",
        labels: ["sysname", "release", "version", "machine", "nodename", "domainname"],
        class: .health
    )
}
