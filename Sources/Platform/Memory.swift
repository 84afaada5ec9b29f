// SPDX-License-Identifier: Apache-2.0
//
// What an edge node asks of the allocator: few arenas, and memory given back after a large query or a seal.

internal import CPlatform

/// The process' heap.
public enum Memory {
    /// Bounds the allocator to a number of arenas.
    ///
    /// Call once, before threads start. Two arenas cost a third of what glibc's default does here.
    public static func limitArenas(to count: Int32) {
        ew_malloc_limit_arenas(count)
    }

    /// Gives free heap memory back to the kernel.
    ///
    /// Cost: a walk over the free lists, well below a millisecond.
    public static func trim() {
        ew_malloc_trim()
    }
}
