// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Samples

/// node_uname_info: what uname(2) says.
struct UnameSource: HostSource {
    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        var names = utsname()
        guard uname(&names) == 0 else { throw .unreadable("uname", errno) }
        pass.add(
            Family.uname,
            1,
            labels: [
                text(names.sysname), text(names.release), text(names.version), text(names.machine),
                text(names.nodename), text(names.__domainname),
            ]
        )
    }

    /// The text of a C character array, up to its end or first NUL.
    private func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
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
