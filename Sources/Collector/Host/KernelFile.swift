// SPDX-License-Identifier: Apache-2.0
//
// A file that is read in every pass. Its path is put together once, and it stays open when procfs itself serves it: finding
// a file, setting up the kernel's state of it and taking that down again cost more than reading most of them. What is read
// at offset 0 the kernel makes anew, so pread(2) there says what is so now.
//
// A file of another file system (a tree of files, what lxcfs puts over /proc/stat) can be replaced by one of the same name,
// so it is opened in each pass. What is mounted over a file of /proc while it is open is seen after `readsPerOpening` reads.
// Files of /sys are never kept: a network device has some twenty, and the kernel keeps a page for each one that is open.
//
// Bound: one descriptor for each KernelFile a collector declares, some thirty together.

internal import Glibc
internal import Platform

/// The path of something below /proc or /sys, put together once.
struct KernelPlace {
    private let isInProc: Bool
    private let place: String
    private var base = ""
    private var path = ""

    /// A place below /proc, for example `/net/dev`.
    init(proc place: String) {
        isInProc = true
        self.place = place
    }

    /// A place below /sys.
    init(sys place: String) {
        isInProc = false
        self.place = place
    }

    /// A place that is a path already.
    init(path: String) {
        isInProc = false
        place = ""
        self.path = path
    }

    /// The path on the machine whose files are at these roots.
    mutating func path(in roots: HostRoots) -> String {
        if place.isEmpty { return path }
        let now = isInProc ? roots.proc : roots.sys
        if base != now || path.isEmpty {
            base = now
            path = now + place
        }
        return path
    }
}

/// A file that is read in every pass.
final class KernelFile {
    /// A file is opened anew after so many reads.
    static let readsPerOpening = 40

    private var place: KernelPlace
    private var path = ""
    private var descriptor: Int32 = -1
    private var readsLeft = 0

    /// A file below /proc, for example `/net/dev`.
    init(proc place: String) {
        self.place = KernelPlace(proc: place)
    }

    /// A file below /sys.
    init(sys place: String) {
        self.place = KernelPlace(sys: place)
    }

    deinit {
        drop()
    }

    /// Whether a descriptor is kept.
    var isOpen: Bool { descriptor >= 0 }

    /// The file's path on the machine whose files are at these roots; another machine's is another file.
    func path(in roots: HostRoots) -> String {
        let now = place.path(in: roots)
        if now != path {
            drop()
            path = now
        }
        return path
    }

    /// The descriptor kept, for one read; nil when the file has to be opened.
    func take() -> Int32? {
        guard descriptor >= 0 else { return nil }
        readsLeft -= 1
        if readsLeft > 0 { return descriptor }
        drop()
        return nil
    }

    /// Keeps a descriptor of the file; false when it must not be kept, and is the caller's to close.
    func keep(_ opened: Int32) -> Bool {
        guard KernelDescriptor.isOfProcfs(opened) else { return false }
        drop()
        descriptor = opened
        readsLeft = KernelFile.readsPerOpening
        return true
    }

    /// Closes the descriptor kept.
    func drop() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
