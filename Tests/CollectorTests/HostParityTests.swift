// SPDX-License-Identifier: Apache-2.0
//
// Side by side with Debian's node_exporter on this machine: the same series with the same types, counters between
// two of our own passes, constants equal. The exporter is told upstream's default filters, for Debian changes them.
//
// What 1.12 has beyond Debian's 1.5 and is left out so that both agree: `adminstate` of node_network_info,
// `rotational` of node_disk_info, node_filesystem_mount_info, node_cpu_isolated.

import Foundation
import Glibc
import Logging
import Platform
import Samples
import Synchronization
import Testing

@testable import Collector

private let exporterPath = "/usr/bin/prometheus-node-exporter"

private let compared = [
    "cpu", "stat", "loadavg", "meminfo", "vmstat", "pressure", "diskstats", "filesystem", "netdev",
    "netclass",
    "thermal_zone", "hwmon", "powersupplyclass", "time", "timex", "uname",
]

/// Families we have and 1.5 does not, each with its reason.
private let newerThanTheExporter: Set<String> = [
    // Since node_exporter 1.8, from /proc/pressure/irq of Linux 6.1.
    "node_pressure_irq_stalled_seconds_total"
]

/// Gauges that do not change while the test runs.
private let constants: Set<String> = [
    "node_memory_MemTotal_bytes", "node_memory_SwapTotal_bytes", "node_memory_Hugepagesize_bytes",
    "node_memory_HugePages_Total", "node_memory_VmallocTotal_bytes", "node_memory_CommitLimit_bytes",
    "node_boot_time_seconds", "node_filesystem_size_bytes", "node_filesystem_files",
    "node_filesystem_readonly", "node_filesystem_device_error", "node_disk_info", "node_network_info",
    "node_network_up", "node_network_flags", "node_network_mtu_bytes", "node_network_speed_bytes",
    "node_network_iface_id", "node_network_device_id", "node_network_protocol_type", "node_network_carrier",
    "node_network_transmit_queue_length", "node_uname_info", "node_time_zone_offset_seconds",
    "node_time_clocksource_current_info", "node_time_clocksource_available_info", "node_timex_sync_status",
    "node_timex_tick_seconds", "node_timex_status", "node_timex_tai_offset_seconds",
    "node_scrape_collector_success",
]

@Test func sameAsNodeExporterOnThisMachine() throws {
    guard FileManager.default.isExecutableFile(atPath: exporterPath) else {
        print("SKIPPED: \(exporterPath) is not installed; parity with node_exporter is NOT tested")
        return
    }
    let exporter = try NodeExporter()
    defer { exporter.stop() }

    let host = HostCollector(clock: SystemClock(), logger: Logger(label: "test"))
    let sink = RecordingSink()
    var pass = PassBuffer(group: Labels(), sink: sink)
    func snapshot() throws -> [String: Double] {
        pass.begin()
        host.collect(into: &pass)
        _ = try pass.finish(at: Timestamp(milliseconds: 1))
        return sink.newestValues()
    }
    // The exporter reads its own files too: ask once so that both have seen the same devices.
    _ = try exporter.scrape()
    let before = try snapshot()
    let (theirs, types) = try exporter.scrape()
    let after = try snapshot()

    // A file system that cannot be asked has more series and one more label in 1.12 than in 1.5.
    let isUnanswered: (String) -> Bool = { series in
        series.contains("device_error=\"")
            || (family(series) == "node_filesystem_device_error" && theirs[series] == 1)
    }
    let missing = theirs.keys.filter { before[$0] == nil && !isUnanswered($0) }.sorted()
    #expect(missing.isEmpty, "node_exporter has, we have not")
    let extra = before.keys.filter {
        theirs[$0] == nil && !newerThanTheExporter.contains(family($0)) && !isUnanswered($0)
    }.sorted()
    #expect(extra.isEmpty, "we have, node_exporter has not")

    let kinds = sink.state.withLock { state in
        Dictionary(state.metadata.map { ($0.family, $0.kind.rawValue) }) { first, _ in first }
    }
    for (name, type) in types
    where name.hasPrefix("node_") && theirs.keys.contains(where: { family($0) == name }) {
        #expect(kinds[name] == (type == "untyped" ? "unknown" : type), "type of \(name)")
    }
    for (series, value) in theirs {
        guard let low = before[series], let high = after[series] else { continue }
        if constants.contains(family(series)) {
            #expect(low == value && value == high, "\(series)")
        } else if types[family(series)] == "counter" {
            let slack = abs(value) * 1e-12
            #expect(low - slack <= value && value <= high + slack, "\(series)")
        }
    }
    print("compared \(theirs.count) series with node_exporter")
    #expect(theirs.count > 200)
}

private func family(_ series: String) -> String {
    String(series.prefix { $0 != "{" })
}

extension RecordingSink {
    /// The newest batch as series notation → value, stale markers left out.
    func newestValues() -> [String: Double] {
        state.withLock { state in
            guard let batch = state.batches.last else { return [:] }
            var result: [String: Double] = [:]
            for (id, value) in zip(batch.series, batch.values) where !value.isStale {
                result[state.series[Int(id.rawValue)].description] = value
            }
            return result
        }
    }
}

/// A node_exporter of our own on a free port of the loopback.
private final class NodeExporter {
    struct Failure: Error {
        let what: String
    }

    private let process = Process()
    private let port: UInt16

    init() throws {
        port = try NodeExporter.freePort()
        process.executableURL = URL(fileURLWithPath: exporterPath)
        process.arguments =
            [
                "--web.listen-address=127.0.0.1:\(port)", "--collector.disable-defaults",
                "--web.disable-exporter-metrics", "--log.level=error",
                "--collector.netdev.device-exclude=^$",
                #"--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#,
                "--collector.filesystem.mount-points-exclude="
                    + "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
            ] + compared.map { "--collector.\($0)" }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<500 {
            if (try? request("/metrics")) != nil { return }
            guard process.isRunning else { throw Failure(what: "the exporter ended") }
            usleep(20_000)
        }
        throw Failure(what: "the exporter does not answer")
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    /// Series in our notation → value, and family → type.
    func scrape() throws -> ([String: Double], [String: String]) {
        var values: [String: Double] = [:]
        var types: [String: String] = [:]
        for line in try request("/metrics").split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                types[String(words[2])] = String(words[3])
            } else if line.hasPrefix("node_"), !line.hasPrefix("node_exporter_build_info") {
                let (labels, value) = try NodeExporter.sample(line)
                values[labels.description] = value
            }
        }
        return (values, types)
    }

    private static func sample(_ line: Substring) throws -> (Labels, Double) {
        var builder = LabelsBuilder()
        guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...])
        else {
            throw Failure(what: "line: \(line)")
        }
        let series = line[..<space]
        builder.set(Labels.metricNameLabel, String(series.prefix { $0 != "{" }))
        // Values on this machine hold no escaped quote; a comma may be inside them.
        let inside = series.drop { $0 != "{" }.dropFirst().dropLast()
        var rest = inside
        while let equal = rest.firstIndex(of: "=") {
            let name = String(rest[..<equal])
            let quoted = rest[rest.index(equal, offsetBy: 2)...]
            guard let end = quoted.firstIndex(of: "\"") else { throw Failure(what: "line: \(line)") }
            builder.set(name, String(quoted[..<end]))
            rest = quoted[quoted.index(after: end)...].drop { $0 == "," }
        }
        return (builder.labels(), value)
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        guard status == 0 else { throw Failure(what: "no free port") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// The body of a GET, over HTTP/1.0 so that the end of the connection is the end of the body.
    private func request(_ path: String) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = NodeExporter.loopback(port: port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(what: "connect: \(errno)") }
        let head = Array("GET \(path) HTTP/1.0\r\n\r\n".utf8)
        guard write(descriptor, head, head.count) == head.count else { throw Failure(what: "write") }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let got = read(descriptor, &chunk, chunk.count)
            if got <= 0 { break }
            answer += chunk[..<got]
        }
        let text = String(decoding: answer, as: UTF8.self)
        guard let body = text.range(of: "\r\n\r\n") else {
            throw Failure(what: "answer: \(text.prefix(100))")
        }
        return String(text[body.upperBound...])
    }
}
