// SPDX-License-Identifier: Apache-2.0

import Config
import Foundation
import Glibc
import Samples

@testable import Collector

/// A node_exporter of our own on a free port of the loopback.
final class NodeExporter {
    /// The flags that undo Debian's changes, and make 1.5 ask what 1.12 asks by default.
    private static let upstreamDefaults = [
        "--collector.netdev.device-exclude=^$",
        #"--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"#,
        "--collector.filesystem.mount-points-exclude="
            + "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
        "--collector.netstat.fields=\(HostCollectorSettings(.netstat)[pattern: .fields].source)",
        "--collector.systemd.unit-exclude=\(HostCollectorSettings(.systemd)[pattern: .exclude].source)",
    ]

    /// Whether there is an exporter to compare with; says loudly when not.
    static func isInstalled() -> Bool {
        if FileManager.default.isExecutableFile(atPath: path) { return true }
        print("SKIPPED: \(path) is not installed; parity with node_exporter is NOT tested")
        return false
    }

    private static let path = "/usr/bin/prometheus-node-exporter"

    struct Failure: Error {
        let what: String
    }

    private let process = Process()
    private let port: UInt16

    /// Starts the exporter with these collectors and upstream's default filters, which Debian changes.
    ///
    /// - Parameters:
    ///   - collectors: their names.
    ///   - roots: other roots than this machine's.
    ///   - arguments: further flags.
    ///   - environment: further variables.
    /// - Throws: when it does not start.
    init(
        _ collectors: [String],
        roots: HostRoots? = nil,
        arguments: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        port = try NodeExporter.freePort()
        process.executableURL = URL(fileURLWithPath: NodeExporter.path)
        process.arguments =
            [
                "--web.listen-address=127.0.0.1:\(port)", "--collector.disable-defaults",
                "--web.disable-exporter-metrics", "--log.level=error",
            ]
            + NodeExporter.upstreamDefaults.filter { standard in
                !arguments.contains { $0.prefix { $0 != "=" } == standard.prefix { $0 != "=" } }
            }
            + arguments + collectors.map { "--collector.\($0)" }
        if let roots {
            process.arguments? += [
                "--path.procfs=\(roots.proc)", "--path.sysfs=\(roots.sys)", "--path.rootfs=\(roots.rootfs)",
                "--path.udev.data=\(roots.udev)",
            ]
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
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
    ///
    /// - Parameter all: also families that do not begin with `node_`.
    /// - Returns: the two.
    /// - Throws: when it does not answer.
    func scrape(all: Bool = false) throws -> ([String: Double], [String: String]) {
        var values: [String: Double] = [:]
        var types: [String: String] = [:]
        for line in try request("/metrics").split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                types[String(words[2])] = String(words[3])
            } else if !line.hasPrefix("#"), all || line.hasPrefix("node_"),
                !line.hasPrefix("node_exporter_build_info"),
                !line.hasPrefix("promhttp_")
            {
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
