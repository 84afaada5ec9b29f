// SPDX-License-Identifier: Apache-2.0
//
// Whether a series counts or measures. What the rule says goes first, then what the source said of the family, then the
// ending of the name, as everybody writes them.

internal import Samples

/// What the numbers of a series are.
enum SeriesKind: Sendable, Hashable {
    /// They rise, and begin anew when they fall.
    case counter
    /// They are what they are.
    case gauge

    /// The kind of a series.
    ///
    /// `declared` is what a source said of the family with a name; it is asked for the series' name and for what stays of
    /// it without `_total`, `_bucket`, `_sum` or `_count`.
    static func of(_ labels: Labels, declared: (String) -> MetricMetadata.Kind?) -> SeriesKind {
        guard let name = labels.metricName else { return .gauge }
        switch declared(name) {
        case .counter?: return .counter
        case .gauge?, .info?, .stateset?, .gaugehistogram?: return .gauge
        // Under the family's own name a summary has its quantiles; a histogram has nothing but native ones.
        case .summary?, .histogram?: return .gauge
        case .unknown?, nil: break
        }
        for ending in ["_total", "_bucket", "_sum", "_count"] where name.utf8.count > ending.utf8.count {
            guard name.hasSuffix(ending) else { continue }
            switch declared(String(name.dropLast(ending.count))) {
            case .gaugehistogram?, .gauge?, .info?, .stateset?: return .gauge
            default: return .counter
            }
        }
        return .gauge
    }
}
