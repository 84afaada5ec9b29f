// SPDX-License-Identifier: Apache-2.0

internal import HTTPClient

/// What a receiver of remote write 2.0 says it has stored of a request.
struct WrittenCounts: Sendable, Equatable {
    var samples = 0
    var histograms = 0
    var exemplars = 0

    private static let names = (
        samples: "x-prometheus-remote-write-samples-written",
        histograms: "x-prometheus-remote-write-histograms-written",
        exemplars: "x-prometheus-remote-write-exemplars-written"
    )

    /// Reads the answer's header fields; nil when it has none of them.
    ///
    /// A field that is missing or no number counts as 0, as the protocol says.
    init?(_ response: HTTPClientResponse) {
        let fields = [Self.names.samples, Self.names.histograms, Self.names.exemplars].map(response.header)
        guard fields.contains(where: { $0.flatMap(Self.number) != nil }) else { return nil }
        samples = fields[0].flatMap(Self.number) ?? 0
        histograms = fields[1].flatMap(Self.number) ?? 0
        exemplars = fields[2].flatMap(Self.number) ?? 0
    }

    init(samples: Int = 0, histograms: Int = 0, exemplars: Int = 0) {
        self.samples = samples
        self.histograms = histograms
        self.exemplars = exemplars
    }

    /// Samples as we count them: a histogram is one.
    var total: Int {
        let (sum, isOver) = samples.addingReportingOverflow(histograms)
        return isOver ? .max : sum
    }

    /// A count: digits only.
    private static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}
