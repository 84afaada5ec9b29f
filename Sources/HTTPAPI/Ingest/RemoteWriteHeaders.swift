// SPDX-License-Identifier: Apache-2.0
//
// What the headers of a pushed request say of its body. The message is chosen by the content type alone, as the
// specification asks; the version header is informative.

internal import Wire

/// Reads the headers of remote write.
enum RemoteWriteHeaders {
    /// A header that names something else than remote write; answered 415.
    struct Unsupported: Error, Equatable {
        let reason: String
    }

    /// The version of the message; no content type at all is 1.0.
    static func version(contentType: String?) throws(Unsupported) -> RemoteWriteVersion {
        guard let contentType, !contentType.isEmpty else { return .v1 }
        let parts = contentType.split(separator: ";").map { trimmed($0) }
        guard parts.first?.lowercased() == "application/x-protobuf" else {
            throw Unsupported(
                reason:
                    "expected application/x-protobuf as the first (media) part, got \(contentType) content-type"
            )
        }
        for parameter in parts.dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1).map { trimmed($0) }
            guard pair.count == 2, pair[0].lowercased() == "proto" else { continue }
            switch unquoted(pair[1]) {
            case "prometheus.WriteRequest": return .v1
            case "io.prometheus.write.v2.Request": return .v2
            default:
                throw Unsupported(
                    reason: "unknown remote write protobuf message \(pair[1]), supported: "
                        + "prometheus.WriteRequest, io.prometheus.write.v2.Request"
                )
            }
        }
        return .v1
    }

    /// How the body is compressed; no encoding at all is snappy, as in Prometheus.
    static func encoding(_ contentEncoding: String?) throws(Unsupported) -> RemoteWriteEncoding {
        switch contentEncoding?.lowercased() ?? "" {
        case "", "snappy": return .snappy
        case "zstd": return .zstd
        default:
            throw Unsupported(
                reason: "\(contentEncoding ?? "") encoding (compression) is not accepted by this server; "
                    + "only snappy (block format) and zstd are"
            )
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let rest = text.utf8.drop(while: isBlank)
        return String(Substring(rest.prefix(rest.count - rest.reversed().prefix(while: isBlank).count)))
    }

    private static func unquoted(_ text: String) -> String {
        text.count > 1 && text.hasPrefix("\"") && text.hasSuffix("\"")
            ? String(text.dropFirst().dropLast()) : text
    }
}
