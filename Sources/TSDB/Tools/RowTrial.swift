// SPDX-License-Identifier: Apache-2.0
//
// What the log would make of somebody's data: codes the rows of a file of series one record each, as an append does.

public import Bytes
internal import Platform

/// Codes the rows of one file of series.
public struct RowTrial: Sendable {
    /// What coding the rows came to.
    public struct Report: Sendable {
        /// Values in all rows.
        public var samples = 0
        /// Bytes of the rows, without the framing of records and pages.
        public var bytes = 0
        /// Processor time of the fastest pass.
        public var nanoseconds = UInt64.max

        /// Bytes a sample.
        public var bytesPerSample: Double { Double(bytes) / Double(max(1, samples)) }
        /// Millions of samples coded in a second of processor time.
        public var rate: Double { Double(samples) * 1000 / Double(max(1, nanoseconds)) }
    }

    private let data: DataSet

    /// Reads a file of series; see `CodecTrial`.
    public init(file: [UInt8]) throws(CorruptionError) {
        data = try DataSet(file)
    }

    /// Codes all rows, several times for the speed.
    public func run(passes: Int = 3) -> Report {
        var report = Report()
        report.samples = data.sampleCount
        for _ in 0..<max(1, passes) {
            var nanoseconds: UInt64 = 0
            var bytes = 0
            for group in data.times.indices {
                let members = data.series.filter { $0.group == group }
                var coder = RowCoder()
                var scratch = RowScratch()
                var out: [UInt8] = []
                for (row, time) in data.times[group].enumerated() {
                    scratch.begin(columns: members.count)
                    for (column, series) in members.enumerated() {
                        let start = data.times[group].count - series.values.count
                        if row >= start { scratch.set(column, series.values[row - start].bitPattern) }
                    }
                    out.removeAll(keepingCapacity: true)
                    let began = ThreadTime.nanoseconds()
                    coder.append(scratch, timestamp: time, to: &out)
                    nanoseconds += ThreadTime.nanoseconds() - began
                    bytes += out.count
                }
            }
            report.bytes = bytes
            report.nanoseconds = min(report.nanoseconds, nanoseconds)
        }
        return report
    }
}
