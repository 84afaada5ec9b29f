// SPDX-License-Identifier: Apache-2.0
//
// Sources made for one test mostly change how series are selected or read; nobody asks them anything else.

import Samples

/// A source that has nothing to tell but series.
protocol SelectingSource: SeriesSource {}

extension SelectingSource {
    func labelNames(_ matchers: [LabelMatcher], from: Timestamp, through: Timestamp) -> [String] { [] }

    func labelValues(
        _ name: String,
        _ matchers: [LabelMatcher],
        from: Timestamp,
        through: Timestamp
    ) -> [String] { [] }

    func metadata() -> [String: MetricMetadata] { [:] }
}
