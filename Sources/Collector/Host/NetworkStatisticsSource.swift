// SPDX-License-Identifier: Apache-2.0
//
// Counters of the network protocols. /proc/net/netstat and /proc/net/snmp have a line of names and a line of values for
// each protocol (proc_net(5)), /proc/net/snmp6 one counter a line with the protocol in its name:
//
//     TcpExt: SyncookiesSent SyncookiesRecv …        Ip6InReceives    12
//     TcpExt: 0 0 …                                  Udp6InDatagrams  3
//
// Of some 400 counters those are taken that `fields` matches as `Protocol_Name`. A value may be negative (MaxConn), and
// some are gauges: node_exporter gives all without a type, so they are `unknown` here.

internal import Config
internal import Samples

/// node_netstat_*.
struct NetworkStatisticsSource: HostSource {
    /// Protocols in one file; Linux has about ten.
    private static let protocolLimit = 64
    /// Counters in snmp6; Linux has about a hundred.
    private static let lineLimit = 1024

    /// A file of pairs of lines.
    private struct Pairs {
        let file: KernelFile
        var memo = RowMemo<[Family?]>()
    }

    private let fields: HostPattern
    private var netstat = Pairs(file: KernelFile(proc: "/net/netstat"))
    private var snmp = Pairs(file: KernelFile(proc: "/net/snmp"))
    private let snmp6File = KernelFile(proc: "/net/snmp6")
    private var snmp6 = RowMemo<Family?>()

    init(_ settings: HostCollectorSettings = HostCollectorSettings(.netstat)) {
        fields = settings[pattern: .fields]
    }

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        try NetworkStatisticsSource.add(&netstat, fields, &kernel, into: &pass)
        try NetworkStatisticsSource.add(&snmp, fields, &kernel, into: &pass)
        // A kernel without IPv6 has no such file.
        if kernel.tryLoad(snmp6File) {
            addLines(kernel.scanner, into: &pass)
        }
    }

    /// Adds a file of pairs of lines.
    private static func add(
        _ pairs: inout Pairs,
        _ wanted: HostPattern,
        _ kernel: inout KernelText,
        into pass: inout PassBuffer
    ) throws(HostFailure) {
        try kernel.load(pairs.file)
        var text = kernel.scanner
        var row = 0
        while row < protocolLimit, let names = text.nextLine() {
            guard var values = text.nextLine() else { throw .malformed(pairs.file.path(in: kernel.roots)) }
            let families = pairs.memo.value(row: row, key: names.rest) {
                NetworkStatisticsSource.families(names, wanted)
            }
            row += 1
            var header = names
            guard let title = header.nextField(), let check = values.nextField(), title.elementsEqual(check)
            else { throw .malformed(pairs.file.path(in: kernel.roots)) }
            for family in families {
                guard let value = values.nextField() else { break }
                guard let family, let number = KernelNumber.decimal(value) else { continue }
                pass.add(family, number)
            }
        }
        pairs.memo.end(at: row)
    }

    private static func families(_ names: TextScanner, _ wanted: HostPattern) -> [Family?] {
        var names = names
        guard let title = names.take(until: UInt8(ascii: ":")) else { return [] }
        let subject = String(decoding: title, as: UTF8.self)
        var families: [Family?] = []
        // More columns than TcpExt has by far; the line itself is bounded by the file.
        while families.count < 1024, let name = names.nextField() {
            families.append(family(subject, String(decoding: name, as: UTF8.self), wanted))
        }
        return families
    }

    private mutating func addLines(_ scanner: TextScanner, into pass: inout PassBuffer) {
        var text = scanner
        var row = 0
        while row < NetworkStatisticsSource.lineLimit, let line = text.nextLine() {
            var parts = line
            guard let key = parts.nextField() else { continue }
            let known = snmp6.value(row: row, key: key) { [fields] in
                guard let six = key.firstIndex(of: UInt8(ascii: "6")) else { return nil }
                return NetworkStatisticsSource.family(
                    String(decoding: key[...six], as: UTF8.self),
                    String(decoding: key[(six + 1)...], as: UTF8.self),
                    fields
                )
            }
            row += 1
            guard let known, let value = parts.nextField().flatMap({ KernelNumber.decimal($0) }) else {
                continue
            }
            pass.add(known, value)
        }
        snmp6.end(at: row)
    }

    private static func family(_ subject: String, _ name: String, _ wanted: HostPattern) -> Family? {
        let key = "\(subject)_\(name)"
        let metric = "node_netstat_\(key)"
        guard wanted.matches(key), Labels.isLegacyMetricName(metric) else { return nil }
        let isUsual = ["Tcp_CurrEstab", "Tcp_RetransSegs", "Tcp_ActiveOpens", "Tcp_PassiveOpens"].contains(
            key
        )
        return Family(
            metric,
            .unknown,
            "\(name) of the protocol \(subject), as the kernel counts it.",
            class: isUsual || key.hasSuffix("Errors") ? .standard : .detailedPerformance
        )
    }
}
