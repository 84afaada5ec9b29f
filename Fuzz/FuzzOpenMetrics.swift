// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics text as `tsdb import` reads it: a sample that was read and is written again, everything quoted, must read
// as the same sample.

import Samples
import Wire

extension Targets {
    /// The bytes are lines.
    @Sendable static func openMetrics(_ input: [UInt8]) {
        var parser = OpenMetricsParser()
        var lines = 0
        for line in input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            lines += 1
            guard let sample = try? parser.read(Array(line)) else { continue }
            precondition(
                sample.timeColumn >= 1 && sample.timeColumn <= line.count + 1,
                "a column of the line"
            )
            // Beyond it milliseconds get lost: seconds are read as floating point numbers.
            let times = [sample.timestamp, sample.exemplar?.timestamp].compactMap(\.self)
            guard times.allSatisfy({ $0.milliseconds.magnitude < 1 << 50 }) else { continue }
            var again = OpenMetricsParser()
            let text = text(of: sample)
            guard let second = try? again.read(text) else {
                preconditionFailure(
                    "what was written does not read: \(String(decoding: text, as: UTF8.self))"
                )
            }
            precondition(second.labels == sample.labels, "other labels")
            precondition(second.timestamp == sample.timestamp, "another time")
            precondition(second.exemplar?.labels == sample.exemplar?.labels, "other labels of the exemplar")
            precondition(second.exemplar?.timestamp == sample.exemplar?.timestamp, "another exemplar's time")
            precondition(isSame(second.value, sample.value), "another value")
            precondition(
                isSame(second.exemplar?.value ?? 0, sample.exemplar?.value ?? 0),
                "another value of the exemplar"
            )
        }
        precondition(parser.metadata.count <= lines, "more families than lines")
    }

    /// The bytes are an exposition to be judged.
    @Sendable static func lint(_ input: [UInt8]) {
        guard let families = try? LintReader.families(of: input) else { return }
        let metrics = families.reduce(0) { $0 + $1.metrics.count }
        precondition(metrics <= input.count, "more metrics than bytes")
        precondition(families.allSatisfy { !$0.name.isEmpty }, "a family without a name")
        let problems = MetricLint.problems(of: families)
        precondition(problems == problems.sorted(), "problems in order")
    }

    /// Not a number has many bit patterns and one word.
    private static func isSame(_ left: Double, _ right: Double) -> Bool {
        left.isNaN ? right.isNaN : left.bitPattern == right.bitPattern
    }

    private static func text(of sample: OpenMetricsSample) -> [UInt8] {
        var out: [UInt8] = []
        append(sample.labels, to: &out)
        append(sample.value, sample.timestamp, to: &out)
        if let exemplar = sample.exemplar {
            out += Array(" # ".utf8)
            append(exemplar.labels, to: &out)
            append(exemplar.value, exemplar.timestamp, to: &out)
        }
        return out
    }

    private static func append(_ labels: Labels, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "{"))
        for (number, pair) in labels.pairs.enumerated() {
            if number > 0 { out.append(UInt8(ascii: ",")) }
            if pair.name != Labels.metricNameLabel {
                appendQuoted(pair.name, to: &out)
                out.append(UInt8(ascii: "="))
            }
            appendQuoted(pair.value, to: &out)
        }
        out.append(UInt8(ascii: "}"))
    }

    private static func appendQuoted(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): out += Array("\\n".utf8)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): out += [UInt8(ascii: "\\"), byte]
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func append(_ value: Double, _ time: Timestamp?, to out: inout [UInt8]) {
        out.append(UInt8(ascii: " "))
        PromNumber.append(value, to: &out)
        guard let time else { return }
        let (whole, rest) = time.milliseconds.magnitude.quotientAndRemainder(dividingBy: 1000)
        let sign = time.milliseconds < 0 ? "-" : ""
        out += Array(" \(sign)\(whole).\(String(rest + 1000).dropFirst())".utf8)
    }
}
