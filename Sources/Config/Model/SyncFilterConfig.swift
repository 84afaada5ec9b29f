// SPDX-License-Identifier: Apache-2.0
//
// What becomes of samples on the way to a destination. Every filter is a function of the samples of one series in one
// aligned window (k·W, (k+1)·W] since 1970, so that what was sent once comes out the same again.

internal import Samples

/// One filter of a rule of shipping.
public struct SyncFilterConfig: Sendable, Hashable {
    /// What filters can do.
    public enum Work: Sendable, Hashable {
        /// A window becomes one value for each operation.
        ///
        /// - Parameters:
        ///   - operations: at least one, each once.
        ///   - window: its length.
        ///   - suffix: whether names get `:5m_avg` and the like; nil where the meaning changes.
        case aggregation(_ operations: [SyncOperation], window: Duration, suffix: Bool?)
        /// Fewer samples that draw the same picture.
        case downsampling(Spacing, Method)
        /// A window's first sample, and those that differ from the one before.
        case deduplication(window: Duration)
    }

    /// How far apart samples are afterwards.
    public enum Spacing: Sendable, Hashable {
        /// One of so many.
        case factor(Int)
        /// One in so much time.
        case interval(Duration)
    }

    /// Which sample stands for the others.
    public enum Method: Sendable, Hashable {
        /// Their average.
        case average
        /// The smallest and the largest.
        case minMax
        /// Those that span the largest triangles (Steinarsson 2013), block by block; nil takes ten spacings as a block.
        case largestTriangle(block: Duration?)
    }

    /// The family that the filter is for; nil is for all.
    public var metric: String?
    /// What it does.
    public var work: Work

    /// Creates a filter.
    public init(_ work: Work, metric: String? = nil) {
        self.work = work
        self.metric = metric
    }

    /// What a family's name may be followed by in the names of its series.
    public static let endings = ["", "_total", "_bucket", "_sum", "_count"]

    /// Whether the filter is for series of this name.
    ///
    /// A family's name is also that of its `_total`, `_bucket`, `_sum` and `_count`.
    public func applies(to name: String) -> Bool {
        guard let metric else { return true }
        guard name.utf8.starts(with: metric.utf8) else { return false }
        let rest = String(decoding: name.utf8.dropFirst(metric.utf8.count), as: UTF8.self)
        return SyncFilterConfig.endings.contains(rest)
    }
}

/// What one value says of a window.
public enum SyncOperation: Sendable, Hashable, CustomStringConvertible {
    /// The arithmetic mean.
    case average
    /// All values added up.
    case sum
    /// The smallest.
    case min
    /// The largest.
    case max
    /// How many there are.
    case count
    /// The newest.
    case last
    /// What a counter gains in a second.
    case rate
    /// The φ-quantile, 0…1.
    case quantile(Double)

    /// Reads `avg`, `sum`, `min`, `max`, `count`, `last`, `rate`, `quantile(0.99)` or `p99`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "avg", "average": self = .average
        case "sum": self = .sum
        case "min": self = .min
        case "max": self = .max
        case "count": self = .count
        case "last": self = .last
        case "rate": self = .rate
        default:
            guard let fraction = SyncOperation.fraction(text) else { return nil }
            self = .quantile(fraction)
        }
    }

    /// `p99`, `p99.9`, `quantile(0.99)`.
    private static func fraction(_ text: String) -> Double? {
        if text.hasPrefix("quantile("), text.hasSuffix(")") {
            let number = text.dropFirst("quantile(".count).dropLast()
            guard isDecimal(number), let value = PromNumber.parse(String(number)) else { return nil }
            return (0...1).contains(value) ? value : nil
        }
        guard text.hasPrefix("p"), isDecimal(text.dropFirst()),
            // Read as a decimal fraction of 1, so that p99 is the same number as quantile(0.99).
            let percent = PromNumber.parse(String(text.dropFirst()) + "e-2")
        else { return nil }
        return (0...1).contains(percent) ? percent : nil
    }

    private static func isDecimal(_ text: Substring) -> Bool {
        let digits = text.utf8.filter { $0 != UInt8(ascii: ".") }
        return text.utf8.first != UInt8(ascii: ".") && !digits.isEmpty
            && digits.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            && text.utf8.count - digits.count <= 1 && text.utf8.count <= 12
    }

    /// The operation as the end of a metric's name: `avg`, `p99`, `p99_9`.
    public var description: String {
        switch self {
        case .average: return "avg"
        case .sum: return "sum"
        case .min: return "min"
        case .max: return "max"
        case .count: return "count"
        case .last: return "last"
        case .rate: return "rate"
        case .quantile(let fraction):
            // Rounded to what a percentage of ten digits can say; the configuration has no more.
            let scaled = (fraction * 1e10).rounded()
            let whole = Int64(scaled / 1e8)
            var rest = Int64(scaled) - whole * 100_000_000
            guard rest > 0 else { return "p\(whole)" }
            var digits = 8
            while rest % 10 == 0 { (rest, digits) = (rest / 10, digits - 1) }
            let text = String(rest)
            return "p\(whole)_" + String(repeating: "0", count: digits - text.utf8.count) + text
        }
    }
}
