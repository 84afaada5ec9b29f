// SPDX-License-Identifier: Apache-2.0
//
// Processes and threads by state, counted over /proc/<pid> and /proc/<pid>/task (proc(5)). Off unless switched on: several
// files for each process. One that ends while it is looked at is left out.

internal import Glibc
internal import Samples

/// node_processes_*.
struct ProcessesSource: HostSource {
    /// What is known of processes and threads after a walk.
    private struct Counts {
        var states = [128 of Int](repeating: 0)
        var total = 0

        mutating func add(_ state: UInt8) {
            total += 1
            if state < 128 { states[Int(state)] += 1 }
        }
    }

    /// A kernel may have four million processes, which would take seconds to walk: the rest is left out.
    private static let processLimit = 65_536
    private static let threadLimit = 262_144

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        let proc = kernel.roots.proc
        guard let stream = opendir(proc) else { throw .unreadable(proc, errno) }
        defer { closedir(stream) }
        var processes = Counts()
        var threads = Counts()
        while processes.total < ProcessesSource.processLimit, let name = ProcessesSource.number(stream) {
            guard let state = ProcessesSource.state("\(proc)/\(name)/stat", &kernel) else { continue }
            processes.add(state)
            guard let tasks = opendir("\(proc)/\(name)/task") else { continue }
            defer { closedir(tasks) }
            while threads.total < ProcessesSource.threadLimit, let task = ProcessesSource.number(tasks) {
                guard let state = ProcessesSource.state("\(proc)/\(name)/task/\(task)/stat", &kernel) else {
                    continue
                }
                threads.add(state)
            }
        }
        pass.add(Family.processes, Double(processes.total))
        pass.add(Family.threads, Double(threads.total))
        for code in 0..<128 where processes.states[code] > 0 {
            pass.add(Family.processStates, Double(processes.states[code]), [UInt8(code)][...])
        }
        for code in 0..<128 where threads.states[code] > 0 {
            pass.add(Family.threadStates, Double(threads.states[code]), [UInt8(code)][...])
        }
        if let most = kernel.number(proc + "/sys/kernel/threads-max") { pass.add(Family.threadLimit, most) }
        if let most = kernel.number(proc + "/sys/kernel/pid_max") { pass.add(Family.processLimit, most) }
    }

    /// The next entry of a directory that is a number.
    private static func number(_ stream: OpaquePointer) -> String? {
        while let entry = readdir(stream) {
            guard entry.pointee.d_name.0 >= 48, entry.pointee.d_name.0 <= 57 else { continue }
            return withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
        }
        return nil
    }

    /// The letter after the name in parentheses.
    private static func state(_ path: String, _ kernel: inout KernelText) -> UInt8? {
        guard kernel.tryLoad(path), let end = kernel.scanner.rest.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        var fields = kernel.scanner
        fields.skip(through: end)
        return fields.nextField()?.first
    }
}

extension Family {
    private static func process(_ name: String, _ help: String, labels: [String] = []) -> Family {
        Family("node_processes_\(name)", .gauge, help, labels: labels, class: .detailedPerformance)
    }

    fileprivate static let processes = process("pids", "Processes.")
    fileprivate static let threads = process("threads", "Threads.")
    fileprivate static let processStates = process("state", "Processes in this state.", labels: ["state"])
    fileprivate static let threadStates = process(
        "threads_state",
        "Threads in this state.",
        labels: ["thread_state"]
    )
    fileprivate static let threadLimit = process("max_threads", "Threads there can be.")
    fileprivate static let processLimit = process("max_processes", "Processes there can be.")
}
