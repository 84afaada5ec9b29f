// SPDX-License-Identifier: Apache-2.0
//
// The table of tracked connections (kernel, Documentation/networking/nf_conntrack-sysctl.rst): when it is full the node
// drops packets. /proc/net/stat/nf_conntrack has a header and a row of hexadecimal counters for each CPU; the sums are
// given. node_exporter calls all of them gauges.

internal import Samples

/// node_nf_conntrack_*.
struct ConntrackSource: HostSource {
    private static let entries = Family(
        "node_nf_conntrack_entries",
        .gauge,
        "Connections tracked.",
        class: .health
    )
    private static let limit = Family(
        "node_nf_conntrack_entries_limit",
        .gauge,
        "Connections the kernel tracks at most.",
        class: .health
    )
    private static let counters: [(column: StaticString, family: Family)] = [
        ("found", counter("found", "Searches that found a connection.")),
        ("invalid", counter("invalid", "Packets that could not be tracked.")),
        ("ignore", counter("ignore", "Packets that belong to a connection already.")),
        ("insert", counter("insert", "Connections put into the table.")),
        ("insert_failed", counter("insert_failed", "Connections that could not be put into the table.")),
        ("drop", counter("drop", "Packets dropped because tracking failed.")),
        ("early_drop", counter("early_drop", "Connections given up to make room.")),
        ("search_restart", counter("search_restart", "Searches begun again because the table was resized.")),
    ]
    /// Columns of the file; Linux has seventeen.
    private static let columnLimit = 64

    private static func counter(_ name: String, _ help: String) -> Family {
        Family("node_nf_conntrack_stat_\(name)", .gauge, help, class: .detailedPerformance)
    }

    private let count = KernelFile(proc: "/sys/net/netfilter/nf_conntrack_count")
    private let most = KernelFile(proc: "/sys/net/netfilter/nf_conntrack_max")
    private let statistics = KernelFile(proc: "/net/stat/nf_conntrack")
    private var header = RowMemo<[Int?]>()

    mutating func collect(_ kernel: inout KernelText, into pass: inout PassBuffer) throws(HostFailure) {
        guard let count = kernel.number(count), let most = kernel.number(most) else { throw .absent }
        pass.add(ConntrackSource.entries, count)
        pass.add(ConntrackSource.limit, most)
        try kernel.loadOptional(statistics)
        var text = kernel.scanner
        guard let titles = text.nextLine() else { return }
        let columns = header.value(row: 0, key: titles.rest) { ConntrackSource.columns(titles) }
        var sums = [8 of UInt64](repeating: 0)
        while let line = text.nextLine() {
            var fields = line
            for column in columns {
                guard let value = fields.nextField().flatMap({ KernelNumber.hexadecimal($0) }) else { break }
                if let column { sums[column] &+= value }
            }
        }
        for index in ConntrackSource.counters.indices where columns.contains(index) {
            pass.add(ConntrackSource.counters[index].family, Double(sums[index]))
        }
    }

    /// The counter of each column, nil for one that is not given.
    private static func columns(_ titles: TextScanner) -> [Int?] {
        var titles = titles
        var columns: [Int?] = []
        while columns.count < columnLimit, let title = titles.nextField() {
            columns.append(counters.firstIndex { title.spells($0.column) })
        }
        return columns
    }
}
