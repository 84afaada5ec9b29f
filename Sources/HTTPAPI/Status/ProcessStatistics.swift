// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of this process, read from /proc/self (proc(5)) when somebody asks.

internal import Glibc
internal import Platform
internal import Samples

/// Counters of the process.
struct ProcessStatistics: Sendable {
    /// User and system time.
    var cpuSeconds = 0.0
    /// Resident memory.
    var residentBytes = 0.0
    /// Address space.
    var virtualBytes = 0.0
    /// Threads.
    var threads = 0
    /// Open file descriptors.
    var openFiles = 0
    /// The most there may be.
    var maxFiles = 0.0

    /// Reads the counters; what cannot be read stays zero.
    static func read() -> ProcessStatistics {
        var statistics = ProcessStatistics()
        if let bytes = try? TextFile.read("/proc/self/stat", limit: 4096) { statistics.take(stat: bytes) }
        // The listing itself opens one descriptor.
        if let names = try? SystemFileStore().list("/proc/self/fd") {
            statistics.openFiles = max(0, names.count - 1)
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            statistics.maxFiles = Double(limit.rlim_cur)
        }
        return statistics
    }

    /// Adds the process to its own metrics, under the names all Prometheus clients use.
    static func register(in telemetry: Telemetry, startTime: Timestamp) {
        func metric(
            _ name: String,
            _ help: String,
            isCounter: Bool = false,
            _ value: @escaping @Sendable (ProcessStatistics) -> Double
        ) {
            telemetry.computed("process_\(name)", help, isCounter: isCounter) { value(read()) }
        }
        metric("cpu_seconds_total", "Total user and system CPU time spent in seconds.", isCounter: true) {
            $0.cpuSeconds
        }
        metric("max_fds", "Maximum number of open file descriptors.") { $0.maxFiles }
        metric("open_fds", "Number of open file descriptors.") { Double($0.openFiles) }
        metric("resident_memory_bytes", "Resident memory size in bytes.") { $0.residentBytes }
        metric("threads", "Number of threads of the process.") { Double($0.threads) }
        metric("virtual_memory_bytes", "Virtual memory size in bytes.") { $0.virtualBytes }
        let started = telemetry.gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds."
        )
        started.set(startTime.seconds)
    }

    /// Takes the fields of /proc/self/stat; they are counted behind the name, which may hold anything.
    mutating func take(stat bytes: [UInt8]) {
        guard let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return }
        let fields = bytes[bytes.index(after: close)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 21 else { return }
        func number(_ index: Int) -> Double { PromNumber.parse(fields[index]) ?? 0 }
        let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        // Field numbers of proc(5) minus 3: the state is the first behind the name.
        cpuSeconds = (number(11) + number(12)) / ticksPerSecond
        threads = Int(exactly: number(17)) ?? 0
        virtualBytes = number(20)
        residentBytes = number(21) * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// The current directory, empty when it is gone.
    static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "" }
        defer { free(path) }
        return String(cString: path)
    }
}
