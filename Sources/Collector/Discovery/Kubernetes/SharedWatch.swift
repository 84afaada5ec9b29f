// SPDX-License-Identifier: Apache-2.0
//
// Lists and watches that are shared: two jobs that look at the pods of one cluster with the same credentials cost the
// server, the network and the memory of this machine one stream and one set of objects, whatever each makes of them.
//
// Who needs a watch follows it. One of the followers runs it, within its own task; when that one goes the next goes on
// from where the watch was. So nothing outlives those who need it, and a reload that takes a job away does not make the
// others read the list again.

internal import Platform
internal import Synchronization
internal import Wire

/// What is watched, and as whom.
struct WatchKey: Sendable, Equatable {
    let access: KubernetesAccess
    let request: KubernetesRequest

    init(_ request: KubernetesRequest, _ access: KubernetesAccess) {
        self.request = request
        var access = access
        // Only says which namespaces are asked for.
        access.ownNamespace = nil
        self.access = access
    }
}

/// A list and watch, and who needs it.
final class SharedWatch: Sendable {
    /// Changed keys kept for a follower; one that has more looks at everything.
    private static let changeLimit = 20_000

    let key: WatchKey
    private let state: Mutex<State>

    private struct State {
        var watch: ObjectWatch
        var followers: [Int: Follower] = [:]
        /// The follower whose task runs the watch.
        var runner: Int?
        /// Those who would, in the order they came.
        var waiting: [(follower: Int, turn: AsyncStream<Never>.Continuation)] = []
    }

    fileprivate struct Follower {
        /// What changed since this one looked; nil for everything.
        var changes: Set<String>?
        let news: AsyncStream<Void>.Continuation
    }

    init(_ key: WatchKey) {
        self.key = key
        state = Mutex(State(watch: ObjectWatch(key.request.resource)))
    }

    /// Looks at or changes the watch, and tells everyone that there may be something new.
    func change<Result: Sendable>(_ body: (inout ObjectWatch) -> Result) -> Result {
        state.withLock { state in
            let result = body(&state.watch)
            let changes = state.watch.takeChanges()
            for number in state.followers.keys {
                state.followers[number]?.add(changes, limit: SharedWatch.changeLimit)
            }
            return result
        }
    }

    /// Looks at the watch.
    func look<Result: Sendable>(_ body: (ObjectWatch) -> Result) -> Result {
        state.withLock { body($0.watch) }
    }

    // MARK: - Followers

    var hasFollowers: Bool { state.withLock { !$0.followers.isEmpty } }

    func add(_ follower: Int, _ news: AsyncStream<Void>.Continuation) {
        state.withLock { $0.followers[follower] = Follower(news: news) }
        // What is known already may be all there is.
        news.yield()
    }

    func remove(_ follower: Int) {
        state.withLock { _ = $0.followers.removeValue(forKey: follower) }
    }

    /// What the list is now, and what of it is new to a follower.
    func take(_ follower: Int) -> KubernetesList {
        state.withLock { state in
            let changes = state.followers[follower].flatMap(\.changes)
            state.followers[follower]?.changes = []
            return KubernetesList(state.watch, changes: changes)
        }
    }

    // MARK: - Running

    /// Waits until it is this follower's turn to run the watch, runs it, and hands it on when the task is cancelled.
    func run(as follower: Int, _ body: () async -> Void) async {
        let (turns, turn) = AsyncStream.makeStream(of: Never.self)
        let isMine = state.withLock { state in
            guard state.runner != nil else {
                state.runner = follower
                return true
            }
            state.waiting.append((follower, turn))
            return false
        }
        // Ends with the turn, and with the task.
        if !isMine { for await _ in turns {} }
        if !Task.isCancelled { await body() }
        state.withLock { state in
            state.waiting.removeAll { $0.follower == follower }
            guard state.runner == follower else { return }
            state.runner = state.waiting.first?.follower
            if !state.waiting.isEmpty { state.waiting.removeFirst().turn.finish() }
        }
    }
}

extension SharedWatch.Follower {
    fileprivate mutating func add(_ keys: Set<String>, limit: Int) {
        if !keys.isEmpty { changes?.formUnion(keys) }
        if let count = changes?.count, count > limit { changes = nil }
        news.yield()
    }
}
