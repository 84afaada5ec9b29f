// SPDX-License-Identifier: Apache-2.0
//
// The threads queries run on. A query computes for milliseconds to seconds without a pause; on the cooperative pool,
// which has as many threads as the machine has cores, one or two of them would hold up collection and alerting. So
// queries get threads of their own, among which the kernel shares the cores, with a stack sized for the deepest tree.
//
// Threads start when there is work and end after a minute without; an idle engine has none. As long as cores are idle a
// query with much to compute is helped by further threads; they leave it when another query comes.

internal import Glibc
internal import Synchronization

/// An executor with its own threads, for tasks that compute.
final class QueryThreads: TaskExecutor {
    /// Virtual; only what is used becomes resident.
    ///
    /// A level of the tree takes below 4 KiB in a debug build, and there are at most
    /// `ExpressionParser.depthLimit` of them.
    private static let stackSize = 4 << 20
    private static let idleSeconds = 60

    private let queue: Queue
    /// Threads at most.
    let limit: Int
    /// Queries that compute or wait for a thread, and leases.
    let load = Atomic(0)
    /// Cores that may be used.
    let cores: Int
    /// Queries that compute, and threads that help one.
    private let busy = Atomic(0)
    /// Threads asked to help that have not come back; fewer than there are threads and cores, since one has the query.
    private let helpers = Atomic(0)

    init(limit: Int, cores: Int) {
        self.limit = max(1, limit)
        self.cores = max(1, cores)
        queue = Queue(limit: max(1, limit))
    }

    deinit {
        queue.close()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        push(Work(duty: .job(job), executor: self))
    }

    private func push(_ work: Work) {
        let needsThread = queue.push(work)
        if needsThread, !Self.startThread(queue) {
            // No thread to be had: the caller's then, unless another will come to it.
            guard let work = queue.threadFailed() else { return }
            if work.isHelp { helpers.subtract(1, ordering: .relaxed) } else { work.run() }
        }
    }

    fileprivate struct Work {
        enum Duty {
            case job(UnownedJob)
            case help(@Sendable (_ isWanted: () -> Bool) -> Void)
        }

        let duty: Duty
        /// Kept alive until the duty is done, even if the engine is gone by then.
        let executor: QueryThreads

        /// Nobody waits for help.
        var isHelp: Bool {
            if case .help = duty { return true }
            return false
        }

        func run() {
            switch duty {
            case .job(let job): job.runSynchronously(on: executor.asUnownedTaskExecutor())
            case .help(let body): executor.help(body)
            }
        }
    }

    // MARK: - Helping

    /// Runs a query's computation, which counts as one core's work.
    func computing<Output, Failure: Error>(_ body: () throws(Failure) -> Output) throws(Failure) -> Output {
        busy.add(1, ordering: .relaxed)
        defer { busy.subtract(1, ordering: .relaxed) }
        return try body()
    }

    /// Cores without a query.
    var idleCores: Int { max(0, cores - busy.load(ordering: .relaxed)) }

    /// Has other threads run `body` if cores are idle by then; it is to return when `isWanted` says no: another query
    /// needs the core.
    func askForHelp(_ threads: Int, _ body: @escaping @Sendable (_ isWanted: () -> Bool) -> Void) {
        for _ in 0..<min(threads, idleCores) {
            guard helpers.add(1, ordering: .relaxed).newValue < min(cores, limit) else {
                helpers.subtract(1, ordering: .relaxed)
                return
            }
            push(Work(duty: .help(body), executor: self))
        }
    }

    private func help(_ body: (_ isWanted: () -> Bool) -> Void) {
        defer { helpers.subtract(1, ordering: .relaxed) }
        guard busy.add(1, ordering: .relaxed).newValue <= cores else {
            busy.subtract(1, ordering: .relaxed)
            return
        }
        body { busy.load(ordering: .relaxed) <= cores }
        busy.subtract(1, ordering: .relaxed)
    }

    private static func startThread(_ queue: Queue) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let argument = Unmanaged.passRetained(queue).toOpaque()
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, serve, argument)
        pthread_attr_destroy(&attributes)
        if code != 0 { Unmanaged<Queue>.fromOpaque(argument).release() }
        return code == 0
    }

    /// Jobs waiting, and the threads that serve them.
    ///
    /// `@unchecked Sendable`: all that changes is looked at and changed under `lock` only.
    fileprivate final class Queue: @unchecked Sendable {
        private let limit: Int
        private let lock = ConditionLock()
        /// Bounded by the engine's gate, of which at most its limit of queries has entered, and by the number of
        /// helpers.
        private var waiting: [Work] = []
        private var threads = 0
        private var idle = 0
        private var isClosed = false

        init(limit: Int) {
            self.limit = limit
        }

        /// Adds a job; true when the caller must start a thread for it.
        func push(_ work: Work) -> Bool {
            lock.lock()
            defer { lock.unlock() }
            waiting.append(work)
            if idle >= waiting.count {
                lock.signal()
                return false
            }
            guard threads < limit else { return false }
            threads += 1
            return true
        }

        /// A thread could not be started; the newest job when no other thread can take it.
        func threadFailed() -> Work? {
            lock.lock()
            defer { lock.unlock() }
            threads -= 1
            return threads == 0 ? waiting.popLast() : nil
        }

        /// Waits for a job; nil tells the thread to end.
        func next() -> Work? {
            var deadline = timespec()
            clock_gettime(CLOCK_REALTIME, &deadline)
            deadline.tv_sec += time_t(idleSeconds)
            lock.lock()
            defer { lock.unlock() }
            while waiting.isEmpty {
                if isClosed {
                    threads -= 1
                    return nil
                }
                idle += 1
                let isInTime = lock.wait(until: &deadline)
                idle -= 1
                if !isInTime, waiting.isEmpty {
                    threads -= 1
                    return nil
                }
            }
            return waiting.removeFirst()
        }

        func close() {
            lock.lock()
            isClosed = true
            lock.broadcast()
            lock.unlock()
        }
    }
}

/// A thread of an engine, kept for one request until this is gone.
public final class QueryLease: Sendable {
    private let threads: QueryThreads

    /// Where the request's task is to run.
    public var executor: any TaskExecutor { threads }

    private init(_ threads: QueryThreads) {
        self.threads = threads
    }

    /// Nil when as many are at work as there are threads.
    static func take(of threads: QueryThreads) -> QueryLease? {
        guard threads.load.add(1, ordering: .relaxed).newValue <= threads.limit else {
            threads.load.subtract(1, ordering: .relaxed)
            return nil
        }
        return QueryLease(threads)
    }

    deinit {
        threads.load.subtract(1, ordering: .relaxed)
    }
}

/// A thread's life: jobs until the queue says to end.
private func serve(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let raw else { return nil }
    let queue = Unmanaged<QueryThreads.Queue>.fromOpaque(raw).takeRetainedValue()
    while let work = queue.next() { work.run() }
    return nil
}
