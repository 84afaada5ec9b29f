// SPDX-License-Identifier: Apache-2.0
//
// Another program, run for what it prints. It gets a deadline and a limit of output, nothing of ours but three descriptors,
// and a process group of its own, so that whatever it starts goes with it.
//
// Invariant: when `run` returns or throws the child is dead and reaped, but for one case: a child that hangs in the kernel (a
// dead disk) does not die of SIGKILL. It is left behind, counted, and reaped by a later run; while `strayLimit` hang, none is
// started. Blocking: call it on a lane.

internal import CPlatform
internal import Glibc
internal import Synchronization

/// Runs other programs.
@safe public enum ChildProcess {
    /// What a program left.
    public struct Outcome: Sendable, Equatable {
        /// Its exit status; 128 and the signal's number when a signal ended it.
        public let status: Int32
        /// What it wrote to standard output.
        public let output: [UInt8]

        /// Creates an outcome.
        public init(status: Int32, output: [UInt8]) {
            self.status = status
            self.output = output
        }
    }

    /// Ends programs from another thread: one that runs is killed, none is started any more.
    public final class Leash: Sendable {
        private let cutting = Atomic(false)

        /// Creates a leash that holds nothing back.
        public init() {}

        /// Whether programs shall end.
        public var isCut: Bool { cutting.load(ordering: .relaxed) }

        /// Ends programs, now and from now on.
        public func cut() { cutting.store(true, ordering: .relaxed) }
    }

    /// How soon a program notices that its leash is cut.
    private static let leashMilliseconds = 100
    /// Children that could not be killed yet; more than this and the machine is in trouble that more children make worse.
    private static let strayLimit = 8
    private static let strays = Mutex<[pid_t]>([])
    /// How long a killed child may take to die before it is left behind.
    private static let graceMilliseconds = 1000

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - path: the program's file; it is not searched for.
    ///   - arguments: its arguments, without its name.
    ///   - timeout: how long it may take.
    ///   - outputLimit: the most bytes it may write.
    ///   - leash: kills it when it is cut.
    /// - Returns: its status and output.
    /// - Throws: `FileError` when it cannot be started, with ETIMEDOUT when it takes too long, EFBIG when it writes too much,
    ///   EAGAIN while too many earlier ones hang, ECANCELED when the leash was cut.
    public static func run(
        _ path: String,
        _ arguments: [String],
        timeout: Duration,
        outputLimit: Int,
        leash: Leash = Leash()
    ) throws(FileError) -> Outcome {
        guard !leash.isCut else { throw FileError(operation: "spawn", path: path, code: ECANCELED) }
        guard reapStrays() < strayLimit else { throw FileError(operation: "spawn", path: path, code: EAGAIN) }
        let (child, descriptor) = try spawn(path, arguments)
        defer { close(descriptor) }
        let deadline =
            now() + Int(clamping: timeout.components.seconds) * 1000
            + Int(timeout.components.attoseconds / 1_000_000_000_000_000)
        let (output, failure) = read(descriptor, limit: outputLimit, deadline: deadline, leash)
        if failure == 0, let status = wait(for: child, until: deadline, leash) {
            return Outcome(status: exitStatus(status), output: output)
        }
        kill(-child, SIGKILL)
        kill(child, SIGKILL)
        if wait(for: child, until: now() + graceMilliseconds, Leash()) == nil {
            strays.withLock { $0.append(child) }
        }
        let code = leash.isCut ? ECANCELED : failure == 0 ? ETIMEDOUT : failure
        throw FileError(operation: "run", path: path, code: code)
    }

    // MARK: - Start

    private static func spawn(
        _ path: String,
        _ arguments: [String]
    ) throws(FileError) -> (child: pid_t, output: Int32) {
        let environment = ["LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        var output: Int32 = -1
        let child = unsafe withCStrings([path] + arguments) { argv in
            unsafe withCStrings(environment) { environment in
                unsafe ew_spawn(path, argv, environment, &output)
            }
        }
        guard child > 0 else { throw FileError(operation: "spawn", path: path, code: -child) }
        return (child, output)
    }

    /// Runs `body` with a null-terminated list of C strings.
    private static func withCStrings<Result>(
        _ texts: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe texts.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe pointers.indices { unsafe free(pointers[index]) }
        }
        return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
            // The list has at least the terminator, so there is an address.
            guard let base = buffer.baseAddress else { preconditionFailure("an empty list of C strings") }
            return unsafe body(base)
        }
    }

    // MARK: - Output and end

    /// What is written until the end, and why reading was given up, 0 when it was not.
    private static func read(
        _ descriptor: Int32,
        limit: Int,
        deadline: Int,
        _ leash: Leash
    ) -> (output: [UInt8], failure: Int32) {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let left = deadline - now()
            guard left > 0 else { return (output, ETIMEDOUT) }
            guard !leash.isCut else { return (output, ECANCELED) }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&waiting, 1, Int32(clamping: min(left, leashMilliseconds)))
            if ready < 0, errno != EINTR { return (output, errno) }
            guard ready > 0 else { continue }
            let got = unsafe chunk.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { return (output, errno) }
            if got == 0 { return (output, 0) }
            guard output.count + got <= limit else { return (output, EFBIG) }
            output += chunk[..<got]
        }
    }

    /// The status of a child that ends before the deadline, nil when it does not.
    private static func wait(for child: pid_t, until deadline: Int, _ leash: Leash) -> Int32? {
        var pause: UInt32 = 1000
        while true {
            var status: Int32 = 0
            let reaped = unsafe waitpid(child, &status, WNOHANG)
            if reaped == child { return status }
            // Somebody else has reaped it: it is gone, its status unknown.
            if reaped < 0, errno == ECHILD { return 0 }
            guard now() < deadline, !leash.isCut else { return nil }
            // A child whose output has ended ends within microseconds; the pause grows for one that does not.
            usleep(pause)
            pause = min(pause * 2, 50_000)
        }
    }

    /// Reaps children left behind that have died meanwhile; how many still hang.
    private static func reapStrays() -> Int {
        strays.withLock { strays in
            strays.removeAll { child in
                var status: Int32 = 0
                return unsafe waitpid(child, &status, WNOHANG) != 0
            }
            return strays.count
        }
    }

    private static func exitStatus(_ status: Int32) -> Int32 {
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Milliseconds of the monotonic clock.
    private static func now() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
