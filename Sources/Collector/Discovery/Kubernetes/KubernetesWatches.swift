// SPDX-License-Identifier: Apache-2.0
//
// All lists and watches of the process. Discoveries ask here for what they need and share what is the same.
//
// A watch is a stream that stays open: a connection, a handle, with TLS some hundred kilobytes. `streamLimit` of them are
// open at once, which is every kind of object of three clusters, or of one with eight namespaces that are asked for one by
// one. The lists beyond are read again every now and then, and a gauge says how many.

internal import HTTPClient
internal import Platform
internal import Synchronization
internal import Wire

/// The watches discoveries share.
final class KubernetesWatches: Sendable {
    let http: HTTPClient
    let clock: any EdgeClock
    /// Streams at once.
    private let streamLimit: Int
    private let streams: Gauge
    private let lists: Gauge
    private let state = Mutex(State())

    private struct State {
        var watches: [SharedWatch] = []
        var nextFollower = 0
        /// Streams that are open, and watches that wait for one to end.
        var open = 0
        var polling = 0
    }

    init(
        http: HTTPClient,
        clock: any EdgeClock,
        telemetry: Telemetry,
        streamLimit: Int = HTTPClient.streamLimit
    ) {
        self.http = http
        self.clock = clock
        self.streamLimit = streamLimit
        let (name, help) = (
            "edgewatch_kubernetes_watches",
            "Lists of Kubernetes objects, by how they are kept: by a stream, or, where there are more than "
                + "\(streamLimit), by reading them again every \(KubernetesWatcher.silence.components.seconds) s."
        )
        streams = telemetry.gauge(name, help, [("by", "stream")])
        lists = telemetry.gauge(name, help, [("by", "list")])
    }

    /// Somebody's part in a watch; ended by `leave`.
    struct Following: Sendable {
        let watch: SharedWatch
        let follower: Int
    }

    /// Joins the watch for a request, or begins it.
    ///
    /// - Parameters:
    ///   - request: what is watched.
    ///   - access: the server and the credentials.
    ///   - news: told of every change, and once now.
    /// - Returns: what to run and to look at.
    func follow(
        _ request: KubernetesRequest,
        _ access: KubernetesAccess,
        _ news: AsyncStream<Void>.Continuation
    ) -> Following {
        state.withLock { state in
            let key = WatchKey(request, access)
            let watch: SharedWatch
            // A few dozen at most, and only when jobs come and go.
            if let known = state.watches.first(where: { $0.key == key }) {
                watch = known
            } else {
                watch = SharedWatch(key)
                state.watches.append(watch)
            }
            state.nextFollower += 1
            watch.add(state.nextFollower, news)
            return Following(watch: watch, follower: state.nextFollower)
        }
    }

    /// Ends somebody's part; a watch nobody needs is forgotten.
    func leave(_ following: Following) {
        state.withLock { state in
            following.watch.remove(following.follower)
            state.watches.removeAll { $0 === following.watch && !$0.hasFollowers }
        }
    }

    /// Runs a watch until cancelled, when it is this follower's turn.
    func run(_ following: Following) async {
        let watcher = KubernetesWatcher(shared: following.watch, watches: self)
        await following.watch.run(as: following.follower) { await watcher.run() }
    }

    /// The watches there are.
    var count: Int { state.withLock { $0.watches.count } }

    // MARK: - Places

    /// Runs what needs a stream, with one; false, and nothing is run, when all are taken.
    func withStream(_ body: () async -> Void) async -> Bool {
        let hasOne = state.withLock { state in
            guard state.open < streamLimit else { return false }
            state.open += 1
            streams.set(Double(state.open))
            return true
        }
        guard hasOne else { return false }
        await body()
        state.withLock { state in
            state.open -= 1
            streams.set(Double(state.open))
        }
        return true
    }

    /// Waits instead of watching.
    func withoutStream(_ body: () async -> Void) async {
        state.withLock { state in
            state.polling += 1
            lists.set(Double(state.polling))
        }
        await body()
        state.withLock { state in
            state.polling -= 1
            lists.set(Double(state.polling))
        }
    }
}
