// SPDX-License-Identifier: Apache-2.0
//
// The devices of a class are the entries of a directory: /sys/class/net, /sys/class/thermal. It is read in each pass, for
// devices come and go; what is made of an entry (its path, whether a pattern wants it) is kept until the entries change.
//
// Invariant: `devices` are of the entries read last. The entries' inode numbers are compared as well as their names, for a
// device that was taken out and another one that came by its name are two.

internal import Glibc

/// The devices of a class, with what is known of each.
struct DeviceDirectory<Device> {
    private var place: KernelPlace
    private var entries: [UInt8] = []
    /// How many entries the directory has, also those nothing was made of.
    private(set) var count = 0
    /// What was made of the entries, in the order of their names.
    var devices: [Device] = []

    /// A directory below /sys.
    init(sys place: String) {
        self.place = KernelPlace(sys: place)
    }

    /// A directory below /proc.
    init(proc place: String) {
        self.place = KernelPlace(proc: place)
    }

    /// A directory by its path.
    init(path: String) {
        place = KernelPlace(path: path)
    }

    /// The directory's path on the machine whose files are at these roots.
    mutating func path(in roots: HostRoots) -> String { place.path(in: roots) }

    /// Looks which devices there are now.
    ///
    /// - Parameters:
    ///   - kernel: reads.
    ///   - limit: the most entries something is made of; there may be more (`count`).
    ///   - isAnew: whether everything is made anew although the entries are the same.
    ///   - make: makes a device of an entry's name and path, nil for what is none.
    /// - Throws: `HostFailure` when the directory cannot be read, `absent` when there is none; there are no devices then.
    mutating func update(
        _ kernel: inout KernelText,
        limit: Int,
        isAnew: Bool = false,
        make: (_ name: String, _ path: String, _ kernel: inout KernelText) -> Device?
    ) throws(HostFailure) {
        let code = look(&kernel, limit, isAnew, make)
        if code == ENOENT { throw .absent }
        if code != 0 { throw .unreadable(place.path(in: kernel.roots), code) }
    }

    /// The same, where a directory that is missing or cannot be read means that there are no devices.
    mutating func updateIfThere(
        _ kernel: inout KernelText,
        limit: Int,
        make: (_ name: String, _ path: String, _ kernel: inout KernelText) -> Device?
    ) {
        _ = look(&kernel, limit, false, make)
    }

    private mutating func look(
        _ kernel: inout KernelText,
        _ limit: Int,
        _ isAnew: Bool,
        _ make: (_ name: String, _ path: String, _ kernel: inout KernelText) -> Device?
    ) -> Int32 {
        let path = place.path(in: kernel.roots)
        let code = kernel.readEntries(path)
        guard code == 0 else {
            entries = []
            count = 0
            devices = []
            return code
        }
        if !isAnew, kernel.holds(entries) { return 0 }
        entries = Array(kernel.scanner.rest)
        let names = KernelText.names(ofEntries: entries)
        count = names.count
        devices = []
        for name in names.prefix(limit) {
            if let device = make(name, "\(path)/\(name)", &kernel) { devices.append(device) }
        }
        return 0
    }
}
