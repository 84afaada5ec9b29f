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

    /// The questions one lane works on, in an order; the others are not asked.
    private final class Errand: Sendable {
        struct State {
            /// By question; `timedOut` until answered.
            var answers: [MountAnswer]
            /// How many in the order are answered.
            var done = 0
            var isAbandoned = false
        }

        let questions: [Question]
        let order: [Int]
        let state: Mutex<State>
        let isDone = DispatchSemaphore(value: 0)

        init(_ questions: [Question], order: [Int]) {
            self.questions = questions
            self.order = order
            state = Mutex(State(answers: [MountAnswer](repeating: .timedOut, count: questions.count)))
        }
    }

    /// Each hanging lane holds a thread; more servers than this are not asked while so many are dead.
    static let laneLimit = 8

    private let ask: @Sendable (String) -> MountAnswer
    private let wait: (DispatchSemaphore) -> Bool
    /// Paths some lane hangs on; shared with the lanes.
    private let stuck = SharedPaths()
    private var lane = MountProbe.makeLane()
    /// The last errand, which serves again for the same questions when it has ended well.
    private var last: Errand?

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
        if questions.isEmpty { return [] }
        let errand = errand(questions)
        var (answers, done) = run(errand)
        guard done < errand.order.count else { return answers }
        // What is behind the one that hangs is asked on a new lane, as long as not too many hang.
        var rest = Array(errand.order[(done + 1)...])
        if stuck.paths.withLock({ $0.count >= MountProbe.laneLimit }) {
            rest.removeAll { questions[$0].mayHang }
        }
        if rest.isEmpty { return answers }
        let second = Errand(questions, order: rest)
        let more = run(second)
        for index in rest[..<more.done] { answers[index] = more.answers[index] }
        return answers
    }

    /// What is asked first: all that nothing hangs on, local ones before the others.
    ///
    /// The last errand when it serves again.
    private func errand(_ questions: [Question]) -> Errand {
        let hanging = stuck.paths.withLock { $0 }
        if hanging.isEmpty, let last, last.questions == questions { return last }
        let asked = questions.indices.filter { !hanging.contains(questions[$0].path) }
        // A stable partition: what answers for sure comes first.
        var order = asked.filter { !questions[$0].mayHang }
        if hanging.count < MountProbe.laneLimit { order += asked.filter { questions[$0].mayHang } }
        let fresh = Errand(questions, order: order)
        last = hanging.isEmpty ? fresh : nil
        return fresh
    }

    /// Whether a lane still hangs on the path.
    func isStuck(_ path: String) -> Bool {
        stuck.paths.withLock { $0.contains(path) }
    }

    /// Asks in order until all have answered or the time is over.
    ///
    /// - Returns: the answers by question, and how many in the order there are.
    private func run(_ errand: Errand) -> (answers: [MountAnswer], done: Int) {
        errand.state.withLock { $0.done = 0 }
        lane.async { [ask, stuck] in
            for index in errand.order {
                let path = errand.questions[index].path
                let answer = ask(path)
                let isAbandoned = errand.state.withLock { state in
                    if !state.isAbandoned {
                        state.answers[index] = answer
                        state.done += 1
                    }
                    return state.isAbandoned
                }
                if isAbandoned {
                    stuck.paths.withLock { _ = $0.remove(path) }
                    return
                }
            }
            errand.isDone.signal()
        }
        let isInTime = wait(errand.isDone)
        return errand.state.withLock { state in
            if !isInTime {
                // Its semaphore may still be signalled, and old answers be those of an earlier pass.
                last = nil
                for index in errand.order[state.done...] { state.answers[index] = .timedOut }
            }
            if state.done < errand.order.count {
                state.isAbandoned = true
                let culprit = errand.questions[errand.order[state.done]].path
                stuck.paths.withLock { _ = $0.insert(culprit) }
                lane = MountProbe.makeLane()
            }
            return (state.answers, state.done)
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
