// SPDX-License-Identifier: Apache-2.0
//
// What the engine has to say about a result beside the result. Each text appears once, with the place where it was
// first noticed.

internal import Samples

/// The warnings and infos of one query.
struct Annotations {
    private var warnings: [(text: String, range: SourceRange)] = []
    private var infos: [(text: String, range: SourceRange)] = []
    private var seen: Set<String> = []
    /// Buckets that had to be raised to grow, told once per metric and place.
    private var forced: [ForcedMonotonicity] = []
    /// Counters that began before the sample ahead, told once per metric and place.
    private var overlaps: [OverlappingStarts] = []

    mutating func warn(_ text: String, at range: SourceRange) {
        if seen.insert("w" + text).inserted { warnings.append((text, range)) }
    }

    mutating func inform(_ text: String, at range: SourceRange) {
        if seen.insert("i" + text).inserted { infos.append((text, range)) }
    }

    mutating func add(_ monotonicity: ForcedMonotonicity) {
        if let index = forced.firstIndex(where: { $0.metric == monotonicity.metric }) {
            forced[index].merge(monotonicity)
        } else {
            forced.append(monotonicity)
        }
    }

    mutating func add(_ overlap: OverlappingStarts) {
        if let index = overlaps.firstIndex(where: { $0.metric == overlap.metric }) {
            overlaps[index].windows += overlap.windows
        } else {
            overlaps.append(overlap)
        }
    }

    func warnings(in source: [UInt8]) -> [String] {
        (warnings + overlaps.map { ($0.text, $0.range) })
            .map { "PromQL warning: \($0.text) (\($0.range.position(in: source)))" }
    }

    func infos(in source: [UInt8]) -> [String] {
        (infos + forced.map { ($0.text, $0.range) })
            .map { "PromQL info: \($0.text) (\($0.range.position(in: source)))" }
    }
}

/// Windows of a metric with samples whose counter began, by what the source says, before the sample ahead of them.
struct OverlappingStarts {
    let metric: String
    let range: SourceRange
    var windows: Int

    var text: String {
        let words = "sample has start time that overlaps with previous sample timestamp for metric"
        let count = windows > 1 ? " (\(windows) occurrences)" : ""
        return "\(words) \(Labels.quoted(metric))\(count)"
    }
}

/// How far a classic histogram's buckets were from growing with their bounds.
struct ForcedMonotonicity {
    let metric: String
    let range: SourceRange
    var lowest: Double
    var highest: Double
    var difference: Double
    var samples = 1
    var first: Int64
    var last: Int64

    mutating func merge(_ other: ForcedMonotonicity) {
        lowest = min(lowest, other.lowest)
        highest = max(highest, other.highest)
        difference = max(difference, other.difference)
        samples += other.samples
        first = min(first, other.first)
        last = max(last, other.last)
    }

    var text: String {
        let page = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"
        let name = metric.isEmpty ? "" : " for metric name \(Labels.quoted(metric))"
        let buckets = "from buckets \(NumberText.general(lowest)) to \(NumberText.general(highest))"
        let difference = "with a max diff of \(NumberText.general(difference))"
        let times = "from \(Self.time(first)) to \(Self.time(last))"
        return
            "input to histogram_quantile needed to be fixed for monotonicity (see \(page))\(name), \(buckets), "
            + "\(difference), over \(samples) samples \(times)"
    }

    private static func time(_ milliseconds: Int64) -> String {
        CivilTime(milliseconds: milliseconds).rfc3339
    }
}
