// SPDX-License-Identifier: Apache-2.0
//
// How many files and sockets this process may have open. Libraries below us end the process when they find none left
// (libdispatch reads its threads' state from /proc), so what others can open here is bounded by this number.

internal import Glibc

/// The limit of open descriptors, RLIMIT_NOFILE.
public enum DescriptorLimit {
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
