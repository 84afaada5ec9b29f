// SPDX-License-Identifier: Apache-2.0

import Platform
import TSDB

extension Benchmarks {
    /// Size and speed of segments.
    static func codec(_ set: SeriesFile) throws {
        let report = try CodecTrial(file: set.bytes, rowsPerWindow: 1024).run()
        let bytes = report.valueBytes + report.timeBytes + report.directoryBytes
        print(
            "segment  \(set.name): \(number(Double(bytes) / Double(max(1, report.samples)), 4)) B/sample, "
                + "encode \(number(report.encodeRate, 1)) M samples/s, "
                + "decode \(number(report.decodeRate, 1)) M samples/s"
                + (report.mismatch.map { ", MISMATCH \($0)" } ?? "")
        )
    }

    /// Size and speed of rows of the log.
    static func rows(_ set: SeriesFile) throws {
        let report = try RowTrial(file: set.bytes).run()
        print(
            "log rows \(set.name): \(number(report.bytesPerSample, 3)) B/sample, "
                + "\(number(report.rate, 1)) M samples/s"
        )
    }

    /// A number with so many digits behind the point.
    static func number(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64(min(max(0, value * scale), 1e15).rounded())
        let unit = Int64(scale)
        guard digits > 0 else { return "\(scaled)" }
        let fraction = String(scaled % unit)
        return "\(scaled / unit)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }
}
