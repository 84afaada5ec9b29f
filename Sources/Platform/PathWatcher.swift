// SPDX-License-Identifier: Apache-2.0
//
// inotify: being told when something in a directory changes instead of reading it again and again. Directories, not
// files: editors and Kubernetes' ConfigMaps replace a file by renaming another one, and a watch on the old file would
// follow it into nothing.
//
// A watch is a hint. Where the kernel has none left (fs.inotify.max_user_watches, a file system without), nothing is
// told, and whoever watches still reads now and then.

internal import Dispatch
internal import Glibc
internal import Synchronization

/// Tells when files of some directories come, change or go.
public final class PathWatcher: Sendable {
    /// Directories of one watcher; each costs the kernel about a kilobyte.
    public static let limit = 1024

    private static let events = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF
    )

    private let descriptor: Int32
    private let watched = Mutex<Set<String>>([])
    /// `DispatchSourceRead` is safe to cancel from any thread; nothing else is done with it after `init`.
    private let source: Mutex<any DispatchSourceRead>

    /// Creates a watcher of nothing; nil where the kernel offers none.
    ///
    /// - Parameter onChange: called after every burst of changes, on a thread of its own.
    public init?(onChange: @escaping @Sendable () -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor,
            queue: DispatchQueue(label: "edgewatch.paths")
        )
        source.setEventHandler {
            // What changed is not looked at: it is found by reading the directory, also when the kernel's queue ran
            // over.
            var buffer = [UInt8](repeating: 0, count: 4096)
            while unsafe buffer.withUnsafeMutableBytes({
                unsafe read(descriptor, $0.baseAddress, $0.count)
            }) > 0 {}
            onChange()
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
        self.source = Mutex(source)
    }

    deinit {
        source.withLock { $0.cancel() }
    }

    /// Watches a directory, or goes on doing so; false when that is not possible.
    ///
    /// To be called again now and then: a directory that was removed and made again is another one.
    @discardableResult
    public func watch(_ directory: String) -> Bool {
        watched.withLock { watched in
            guard watched.contains(directory) || watched.count < PathWatcher.limit else { return false }
            let number = unsafe inotify_add_watch(descriptor, directory, PathWatcher.events)
            guard number >= 0 else {
                watched.remove(directory)
                return false
            }
            watched.insert(directory)
            return true
        }
    }
}
