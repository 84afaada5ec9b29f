// SPDX-License-Identifier: Apache-2.0
//
// What a target is asked for, as Prometheus does (scrape/scrape.go, acceptHeader): the formats in the order wanted, each
// a tenth less than the one before, and anything else last. The newer text formats say how names are to be written.

internal import Config

enum ScrapeAccept {
    /// The Accept header for a job.
    static func header(_ formats: ScrapeFormats, _ features: ScrapeFeatures) -> String {
        let wantsProtobuf = formats.nativeHistograms || features.contains(.startTimestamps)
        let protocols =
            formats.protocols ?? (wantsProtobuf ? ScrapeProtocol.protobufFirst : ScrapeProtocol.standard)
        var weight = ScrapeProtocol.allCases.count + 1
        var values: [String] = []
        for format in protocols {
            var value = mediaType(format)
            if format == .text1 || format == .openMetrics1 {
                value += ";escaping=\(formats.effectiveEscaping.rawValue)"
            }
            values.append("\(value);q=0.\(weight)")
            weight -= 1
        }
        values.append("*/*;q=0.\(weight)")
        return values.joined(separator: ",")
    }

    private static func mediaType(_ format: ScrapeProtocol) -> String {
        switch format {
        case .protobuf:
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
        case .text0: "text/plain;version=0.0.4"
        case .text1: "text/plain;version=1.0.0"
        case .openMetrics0: "application/openmetrics-text;version=0.0.1"
        case .openMetrics1: "application/openmetrics-text;version=1.0.0"
        }
    }
}
