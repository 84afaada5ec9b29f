// SPDX-License-Identifier: Apache-2.0
//
// Asks file systems for their space without trusting them to answer. statfs on a network mount whose server is gone
// blocks in the kernel and cannot be interrupted; the thread that asked is lost until the server returns.
//
// So questions are asked on a lane of their own, and the pass waits for the lane only so long. A lane that does not
// come back is left behind with the one mount it hangs on: the mount is `stuck` and is not asked again until the
// lane returns. Local file systems are asked first, so that a dead server never hides a full disk.
//
// Invariants: remote file systems are not asked while `laneLimit` lanes hang; a pass waits at most twice.

internal import Dispatch
internal import Glibc
internal import Samples
internal import Synchronization

/// What a file system says of its space.
enum MountAnswer: Equatable, Sendable {
    /// Bytes and inodes.
    case space(size: Double, free: Double, available: Double, files: Double, filesFree: Double)
    /// The system's error number.
    case failed(Int32)
    /// No answer in time.
    case timedOut
}

/// Asks mounted file systems for their space.
final class MountProbe {
    /// A question: where, and whether an answer can take forever.
    struct Question: Equatable, Sendable {
        let path: String
        let mayHang: Bool
    }

    /// The questions one lane works on.
    private final class Errand: Sendable {
        struct State {
            var answers: [MountAnswer] = []
            var isAbandoned = false
        }

        let paths: [String]
        let state = Mutex(State())
        let isDone = DispatchSemaphore(value: 0)

        init(_ paths: [String]) {
            self.paths = paths
        }
    }

    /// Each hanging lane holds a thread; more servers than this are not asked while so many are dead.
    static let laneLimit = 8

    private let ask: @Sendable (String) -> MountAnswer
    private let wait: (DispatchSemaphore) -> Bool
    /// Paths some lane hangs on; shared with the lanes.
    private let stuck = SharedPaths()
    private var lane = MountProbe.makeLane()

    /// Creates a probe that asks the kernel.
    ///
    /// - Parameter timeout: how long to wait for all answers together.
    convenience init(timeout: Duration) {
        let milliseconds = Int(clamping: timeout.milliseconds)
        self.init(ask: MountProbe.statistics) {
            $0.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
        }
    }

    /// Creates a probe.
    ///
    /// - Parameters:
    ///   - ask: the question.
    ///   - wait: waits until the semaphore is signalled; false when that takes too long.
    init(ask: @escaping @Sendable (String) -> MountAnswer, wait: @escaping (DispatchSemaphore) -> Bool) {
        self.ask = ask
        self.wait = wait
    }

    /// The answers, in the order of the questions.
    func answers(_ questions: [Question]) -> [MountAnswer] {
        var answers = [MountAnswer](repeating: .timedOut, count: questions.count)
        let hanging = stuck.paths.withLock { $0 }
        let asked = questions.indices.filter { !hanging.contains(questions[$0].path) }
        // A stable partition: what answers for sure comes first.
        var order = asked.filter { !questions[$0].mayHang } + asked.filter { questions[$0].mayHang }
        for _ in 0..<2 {
            if stuck.paths.withLock({ $0.count >= MountProbe.laneLimit }) {
                order.removeAll { questions[$0].mayHang }
            }
            if order.isEmpty { break }
            let got = run(order.map { questions[$0].path })
            for (index, answer) in zip(order, got) { answers[index] = answer }
            order.removeFirst(min(order.count, got.count + 1))
        }
        return answers
    }

    /// Whether a lane still hangs on the path.
    func isStuck(_ path: String) -> Bool {
        stuck.paths.withLock { $0.contains(path) }
    }

    /// Asks in order until all have answered or the time is over; answers of those that did.
    private func run(_ paths: [String]) -> [MountAnswer] {
        let errand = Errand(paths)
        lane.async { [ask, stuck] in
            for path in errand.paths {
                let answer = ask(path)
                let isAbandoned = errand.state.withLock { state in
                    if !state.isAbandoned { state.answers.append(answer) }
                    return state.isAbandoned
                }
                if isAbandoned {
                    stuck.paths.withLock { _ = $0.remove(path) }
                    return
                }
            }
            errand.isDone.signal()
        }
        if wait(errand.isDone) {
            return errand.state.withLock { $0.answers }
        }
        return errand.state.withLock { state in
            guard state.answers.count < paths.count else { return state.answers }
            state.isAbandoned = true
            let culprit = paths[state.answers.count]
            stuck.paths.withLock { _ = $0.insert(culprit) }
            lane = MountProbe.makeLane()
            return state.answers
        }
    }

    private static func makeLane() -> DispatchQueue {
        DispatchQueue(label: "edgewatch.mounts")
    }

    /// Asks the kernel.
    static func statistics(_ path: String) -> MountAnswer {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return .failed(errno) }
        let unit = Double(status.f_frsize > 0 ? status.f_frsize : status.f_bsize)
        return .space(
            size: Double(status.f_blocks) * unit,
            free: Double(status.f_bfree) * unit,
            available: Double(status.f_bavail) * unit,
            files: Double(status.f_files),
            filesFree: Double(status.f_ffree)
        )
    }
}

/// A set of paths shared between the probe and its lanes.
private final class SharedPaths: Sendable {
    let paths = Mutex<Set<String>>([])
}
