// SPDX-License-Identifier: Apache-2.0
//
// The newest values of series the store has already: what a Modbus register, a scrape or a push brought can be the
// temperature of a place or say that the sun shines.

internal import Samples

/// Reads newest values.
struct SeriesReading: Sendable {
    /// As far back as an instant query looks in Prometheus.
    static let lookback = Duration.seconds(300)
    /// Series looked at for one value; a selector that finds more is one by mistake.
    static let seriesLimit = 64

    let source: any SeriesSource

    /// The newest value of each series, those that ended left out, in label order.
    func newest(_ matchers: [LabelMatcher], at time: Timestamp) -> [Double] {
        let from = Timestamp(milliseconds: time.milliseconds - SeriesReading.lookback.milliseconds)
        guard let found = try? source.select(matchers, from: from, through: time) else { return [] }
        let count = min(found.count, SeriesReading.seriesLimit)
        guard count > 0 else { return [] }
        var columns = [SampleColumns](repeating: SampleColumns(), count: count)
        // What could be read of a damaged store is still there.
        try? found.readNewest(0..<count, from: from, through: time, into: &columns)
        return columns.compactMap { column in
            guard let value = column.values.last, !value.isStale, value.isFinite else { return nil }
            return value
        }
    }
}
