// SPDX-License-Identifier: Apache-2.0
//
// Mounts: which are taken, what is said of them, and that one that hangs stops nothing.

import Dispatch
import Glibc
import Samples
import Synchronization
import Testing

@testable import Collector

private func mount(_ line: String, rootfs: String = "/") -> FilesystemSource.Mount? {
    FilesystemSource.mount(TextScanner(line), rootfs: rootfs)
}

@Test func mountLines() {
    #expect(
        mount("/dev/sda1 / ext4 rw,relatime 0 0")
            == FilesystemSource.Mount(
                device: "/dev/sda1",
                mountPoint: "/",
                type: "ext4",
                isReadOnly: false,
                path: "/"
            )
    )
    #expect(
        mount(#"//srv/a /media/USB\040stick\011x\134y cifs nosuid,ro 0 0"#)
            == FilesystemSource.Mount(
                device: "//srv/a",
                mountPoint: "/media/USB stick\tx\\y",
                type: "cifs",
                isReadOnly: true,
                path: "/media/USB stick\tx\\y"
            )
    )
    let seen = mount("/dev/sda1 /host/var ext4 rw 0 0", rootfs: "/host")
    #expect(seen?.mountPoint == "/var")
    #expect(seen?.path == "/host/var")
    let root = mount("/dev/sda1 /host ext4 rw 0 0", rootfs: "/host")
    #expect(root?.mountPoint == "/")
    #expect(root?.path == "/host/")
    // Not an option of its own: `errors=remount-ro` is no read-only mount.
    #expect(mount("/dev/sda1 / ext4 rw,errors=remount-ro 0 0")?.isReadOnly == false)
    #expect(mount("/dev/sda1 / ext4") == nil)
    #expect(mount("") == nil)
    #expect(mount(#"a /x\4 t rw"#)?.mountPoint == #"/x\4"#)
    #expect(mount(#"a /x\777\08 t rw"#)?.mountPoint == "/x\u{fffd}\\08")
}

@Test func excludedMountsAreLeftOut() throws {
    let fixture = try HostFixture([
        "root/srv/": "",
        "proc/1/mounts": """
        proc /proc proc rw 0 0
        tmpfs /dev/shm tmpfs rw 0 0
        /dev/sda1 / ext4 rw 0 0
        /dev/sda1 / ext4 rw 0 0
        overlay /over overlay rw 0 0
        cgroup2 /cg cgroup2 rw 0 0
        x /var/lib/docker/overlay2/x ext4 rw 0 0
        y /run/credentials/a.service ramfs ro 0 0
        tmpfs /gone tmpfs ro 0 0

        """,
    ])
    var source = FilesystemSource(timeout: .seconds(20))
    let (values, failure) = try fixture.pass(&source)
    #expect(failure == nil)
    let root = #"device="/dev/sda1", fstype="ext4", mountpoint="/""#
    let gone =
        #"device="tmpfs", device_error="no such file or directory", fstype="tmpfs", mountpoint="/gone""#
    #expect(
        Set(values.keys)
            == Set(
                [
                    "size_bytes", "free_bytes", "avail_bytes", "files", "files_free", "readonly",
                    "device_error",
                ]
                .map { "node_filesystem_\($0){\(root)}" }
                    + ["readonly", "device_error"].map { "node_filesystem_\($0){\(gone)}" }
            )
    )
    #expect(values["node_filesystem_device_error{\(root)}"] == 0)
    #expect(values["node_filesystem_device_error{\(gone)}"] == 1)
    #expect(values["node_filesystem_readonly{\(gone)}"] == 1)
    #expect(values["node_filesystem_size_bytes{\(root)}"].map { $0 > 0 } == true)
}

@Test func withoutInitsMountsOurOwnAreTaken() throws {
    let fixture = try HostFixture(["root/": "", "proc/self/mounts": "/dev/sda1 / ext4 rw 0 0\n"])
    var source = FilesystemSource(timeout: .seconds(20))
    #expect(try fixture.pass(&source).values.count == 7)
    try fixture.remove("proc/self/mounts")
    #expect(try fixture.pass(&source).failure == .unreadable(fixture.root + "/proc/self/mounts", 2))
}

/// Answers at once, but for paths that begin with `/hang`: those wait until released.
///
/// Time is over when one waits.
private final class FakeKernel: Sendable {
    let released = DispatchSemaphore(value: 0)
    let asked = Mutex<[String]>([])
    private let isHanging = Mutex(false)

    func probe() -> MountProbe {
        MountProbe(ask: { self.answer($0) }, wait: { self.wait($0) })
    }

    private func answer(_ path: String) -> MountAnswer {
        asked.withLock { $0.append(path) }
        if path.hasPrefix("/hang") {
            isHanging.withLock { $0 = true }
            released.wait()
            released.signal()
        }
        return .failed(Int32(path.utf8.count))
    }

    private func wait(_ done: DispatchSemaphore) -> Bool {
        while done.wait(timeout: .now()) == .timedOut {
            let isOver = isHanging.withLock { hanging in
                defer { hanging = false }
                return hanging
            }
            if isOver { return false }
            sched_yield()
        }
        return true
    }
}

private func question(_ path: String, remote: Bool = false) -> MountProbe.Question {
    MountProbe.Question(path: path, mayHang: remote)
}

@Test func aMountThatHangsIsReportedAndNotAskedAgain() {
    let kernel = FakeKernel()
    let probe = kernel.probe()
    let questions = [question("/hang", remote: true), question("/a"), question("/remote", remote: true)]
    #expect(probe.answers(questions) == [.timedOut, .failed(2), .failed(7)])
    // Local ones first, then the hanging one, then what was behind it.
    #expect(kernel.asked.withLock { $0 } == ["/a", "/hang", "/remote"])
    kernel.asked.withLock { $0 = [] }
    #expect(probe.answers(questions) == [.timedOut, .failed(2), .failed(7)])
    #expect(kernel.asked.withLock { $0 } == ["/a", "/remote"])
    kernel.released.signal()
    // The lane left behind returns in its own time; from then on the mount is asked again.
    while probe.isStuck("/hang") { sched_yield() }
    #expect(probe.answers(questions) == [.failed(5), .failed(2), .failed(7)])
}

@Test func manyDeadServersHoldAFewThreadsAndNoLocalAnswer() {
    let kernel = FakeKernel()
    let probe = kernel.probe()
    let questions = (0..<30).map { question("/hang\($0)", remote: true) } + [question("/a")]
    for _ in 0..<20 { #expect(probe.answers(questions).last == .failed(2)) }
    let hanging = kernel.asked.withLock { asked in asked.filter { $0.hasPrefix("/hang") } }
    #expect(hanging.count <= MountProbe.laneLimit)
    #expect(Set(hanging).count == hanging.count)
    kernel.released.signal()
}

@Test func noMountsNoAnswers() {
    #expect(MountProbe(timeout: .seconds(20)).answers([]).isEmpty)
    #expect(MountProbe(timeout: .seconds(20)).answers([question("/does/not/exist")]) == [.failed(2)])
}
