// SPDX-License-Identifier: Apache-2.0
//
// In which form `/federate` answers, by what the scraper accepts: as Prometheus' client libraries choose
// (prometheus/common, expfmt.Negotiate). Names beyond the old character set are written only to those who say that they
// take them (`escaping=allow-utf-8`); others get them with underscores.

internal import Samples

/// A form of exposition.
struct FederationFormat: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case text
        /// With the version the scraper named.
        case openMetrics(String)
        /// Protobuf messages, each behind its length.
        case protobuf
    }

    let kind: Kind
    /// Whether names may have any characters.
    let allowsUTF8: Bool

    /// The form to answer in.
    ///
    /// - Parameter accept: the header `Accept`, empty for none.
    init(accept: String) {
        for item in QualityList(accept).items where item.quality > 0 {
            guard let kind = FederationFormat.kind(item) else { continue }
            self.kind = kind
            allowsUTF8 = item.parameters["escaping"] == "allow-utf-8"
            return
        }
        kind = .text
        allowsUTF8 = false
    }

    private static func kind(_ item: QualityList.Item) -> Kind? {
        let version = item.parameters["version"]
        switch item.value {
        case "application/vnd.google.protobuf":
            let isFamily = item.parameters["proto"] == "io.prometheus.client.MetricFamily"
            return isFamily && item.parameters["encoding"] == "delimited" ? .protobuf : nil
        case "text/plain": return version == nil || version == "0.0.4" || version == "1.0.0" ? .text : nil
        case "application/openmetrics-text":
            switch version {
            case nil: return .openMetrics("0.0.1")
            case "0.0.1"?, "1.0.0"?: return .openMetrics(version ?? "")
            default: return nil
            }
        default: return nil
        }
    }

    /// The media type of the answer.
    var contentType: String {
        let type =
            switch kind {
            case .text: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics(let version): "application/openmetrics-text; version=\(version); charset=utf-8"
            case .protobuf:
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        return type + (allowsUTF8 ? "; escaping=allow-utf-8" : "; escaping=underscores")
    }

    /// A metric's name as it may be written.
    func metricName(_ name: String) -> String {
        allowsUTF8 || Labels.isLegacyMetricName(name) ? name : FederationFormat.escaped(name, colon: true)
    }

    /// A label's name as it may be written.
    func labelName(_ name: String) -> String {
        allowsUTF8 || Labels.isLegacyLabelName(name) ? name : FederationFormat.escaped(name, colon: false)
    }

    private static func escaped(_ name: String, colon: Bool) -> String {
        var out = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": out.unicodeScalars.append(scalar)
            case "0"..."9" where index > 0: out.unicodeScalars.append(scalar)
            case ":" where colon: out.unicodeScalars.append(scalar)
            default: out += "_"
            }
        }
        return out
    }
}
