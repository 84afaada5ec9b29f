// SPDX-License-Identifier: Apache-2.0
//
// What the collectors of the kernel's files ask of a descriptor beyond reading it, without allocating.

internal import CPlatform
internal import Glibc

/// Questions about open files and directories of the kernel.
public enum KernelDescriptor {
    /// The least room `entries` needs for an entry.
    public static let leastRoom = 512

    /// Whether the file is one of procfs itself, not one put over it or one of a tree that looks like it.
    public static func isOfProcfs(_ descriptor: Int32) -> Bool {
        ew_is_procfs(descriptor) != 0
    }

    /// Reads entries of a directory but for those that begin with a dot, as far as there is room.
    ///
    /// - Parameters:
    ///   - descriptor: the open directory.
    ///   - room: where to put them, each as its inode number (8 bytes), its name, and a NUL.
    /// - Returns: the bytes filled, 0 at the end, nil with the reason in `errno`.
    public static func entries(_ descriptor: Int32, into room: UnsafeMutableRawBufferPointer) -> Int? {
        let filled = unsafe ew_read_entries(descriptor, room.baseAddress, room.count)
        return filled < 0 ? nil : Int(filled)
    }
}
