// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics on its way out (the OpenMetrics specification, 1.0): as the text format, but times are seconds, numbers
// always have a point or an exponent, and the last line is `# EOF`, which is the caller's to write.

public import Samples

/// Renders OpenMetrics.
public enum OpenMetricsWriter {
    /// Appends the TYPE line of a family.
    public static func appendType(_ family: String, kind: MetricMetadata.Kind, to out: inout [UInt8]) {
        out.append(contentsOf: "# TYPE ".utf8)
        ExpositionWriter.appendName(family, to: &out)
        out.append(contentsOf: " \(kind.rawValue)\n".utf8)
    }

    /// Appends a line.
    public static func append(
        _ name: String,
        _ labels: [(name: String, value: String)],
        _ value: Double,
        at timestamp: Timestamp,
        to out: inout [UInt8]
    ) {
        ExpositionWriter.appendSeries(name, labels, to: &out)
        out.append(UInt8(ascii: " "))
        let start = out.count
        PromNumber.append(value, to: &out)
        let isWhole = out[start...].allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
        if isWhole { out.append(contentsOf: ".0".utf8) }
        out.append(UInt8(ascii: " "))
        appendSeconds(timestamp.milliseconds, to: &out)
        out.append(UInt8(ascii: "\n"))
    }

    /// Seconds with all three decimals, or none where they are zeros.
    private static func appendSeconds(_ milliseconds: Int64, to out: inout [UInt8]) {
        if milliseconds < 0 { out.append(UInt8(ascii: "-")) }
        out.append(contentsOf: String(milliseconds.magnitude / 1000).utf8)
        let rest = milliseconds.magnitude % 1000
        guard rest != 0 else { return }
        let digits = String(rest)
        out.append(contentsOf: ("." + String(repeating: "0", count: 3 - digits.count) + digits).utf8)
    }
}
