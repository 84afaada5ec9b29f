// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Processor time of the calling thread: what a piece of work costs, whatever else the machine does.
public enum ThreadTime {
    /// Nanoseconds of processor time used so far by this thread.
    public static func nanoseconds() -> UInt64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
