// SPDX-License-Identifier: Apache-2.0
//
// What an edge node asks of the allocator: few arenas, and memory given back after a large query or a seal.

internal import CPlatform
internal import Glibc

/// The process' heap.
public enum Memory {
    /// Bounds the allocator to a number of arenas.
    ///
    /// Call once, before threads start. Two arenas cost a third of what glibc's default does here.
    public static func limitArenas(to count: Int32) {
        ew_malloc_limit_arenas(count)
    }

    /// Gives large buffers back as soon as they are freed.
    ///
    /// Call once, before threads start. Without it one buffer of 30 MB, a large request for example, makes glibc keep that
    /// much in an arena, where not even `trim` reaches it.
    /// - Parameter size: bytes from which a buffer is large; each then costs its page faults anew.
    public static func returnLarge(from size: Int32) {
        ew_malloc_return_large(size)
    }

    /// Gives free heap memory back to the kernel.
    ///
    /// Cost: a walk over the free lists, well below a millisecond.
    public static func trim() {
        ew_malloc_trim()
    }

    /// Gives free heap memory back when more than this many resident bytes hold nothing.
    ///
    /// glibc by itself gives back only what is free at the top of an arena, so that after one large query a single
    /// small allocation above it would keep all of it resident for good.
    ///
    /// Cost without a reason to trim: one read of `/proc/self/statm` and a walk over the free lists.
    /// - Parameter slack: resident memory outside live allocations that is left alone; stacks and globals are part of it.
    /// - Returns: whether memory was given back.
    @discardableResult
    public static func trim(beyond slack: Int) -> Bool {
        guard let anonymous = anonymousBytes(), anonymous - Int(clamping: ew_malloc_used()) > slack else {
            return false
        }
        trim()
        return true
    }

    /// Resident bytes of this process that no file backs; nil where the kernel does not tell.
    static func anonymousBytes() -> Int? {
        guard let text = try? TextFile.read("/proc/self/statm") else { return nil }
        // Pages: size resident shared text lib data dt (proc(5)).
        let pages = text.split(separator: 0x20, maxSplits: 3).compactMap {
            Int(String(decoding: $0, as: UTF8.self))
        }
        guard pages.count >= 3 else { return nil }
        return (pages[1] - pages[2]) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
