// SPDX-License-Identifier: Apache-2.0
//
// How many files and sockets this process may have open. libdispatch ends the process when it finds none left to read its
// threads' state from /proc, so what others can open here is bounded by this number, and one is kept in reserve for it.

internal import CPlatform
internal import Glibc

/// The limit of open descriptors, RLIMIT_NOFILE.
public enum DescriptorLimit {
    /// Keeps one descriptor in reserve, which serves libdispatch where none is left (CPlatform's reserve.c).
    ///
    /// Call once, before threads start. Without memory for it the process starts all the same, without the reserve.
    public static func keepReserve() {
        _ = ew_keep_reserve_descriptor()
    }

    /// Raises the limit to what the system allows this process, as daemons do.
    ///
    /// - Returns: the limit, at most `Int.max`; 1024 where the system does not say.
    public static func raise() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        let current = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            limit.rlim_cur = current
        }
        return Int(clamping: limit.rlim_cur)
    }
}
