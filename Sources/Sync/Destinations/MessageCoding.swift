// SPDX-License-Identifier: Apache-2.0
//
// Series as a request's body, and the header fields that say what it is. zstd is VictoriaMetrics' extension of 1.0 (its
// own version header then stands in the place of Prometheus'), and edgewatch's of 2.0.

internal import Bytes
internal import Samples
internal import Wire

enum MessageCoding {
    /// Appends a body; a pure function of its arguments.
    static func append(
        _ series: [LogChunk.Series],
        _ way: MessageWay,
        externalLabels: Labels,
        metadata: (Labels) -> MetricMetadata? = { _ in nil },
        to body: inout [UInt8]
    ) {
        var message: [UInt8] = []
        switch way.message {
        case .v1: RemoteWriteV1.append(series, externalLabels: externalLabels, to: &message)
        case .v2:
            RemoteWriteV2.append(
                series.lazy.map { RemoteWriteV2.Series($0) },
                externalLabels: externalLabels,
                metadata: metadata,
                to: &message
            )
        }
        switch way.encoding {
        case .snappy: body += Snappy.compress(message)
        // The library fails for want of memory only; snappy needs less. Receivers look at the bytes, and one that does
        // not answers with an error that is tried again.
        case .zstd: body += Zstd.compress(message, level: 3) ?? Snappy.compress(message)
        case .denseZstd: body += Zstd.compress(message, level: 19) ?? Snappy.compress(message)
        }
    }

    /// The fields of a body.
    static func headers(_ way: MessageWay) -> [(String, String)] {
        let isZstd = way.encoding != .snappy
        let type =
            switch way.message {
            case .v1: "application/x-protobuf"
            case .v2: "application/x-protobuf;proto=\(way.message.name)"
            }
        let version =
            switch way.message {
            case .v1 where isZstd: ("X-VictoriaMetrics-Remote-Write-Version", "1")
            case .v1: ("X-Prometheus-Remote-Write-Version", "0.1.0")
            case .v2: ("X-Prometheus-Remote-Write-Version", "2.0.0")
            }
        return [("Content-Encoding", isZstd ? "zstd" : "snappy"), ("Content-Type", type), version]
    }
}

extension BodyEncoding {
    /// The name of the encoding, for people.
    var name: String {
        switch self {
        case .snappy: "snappy"
        case .zstd, .denseZstd: "zstd"
        }
    }
}
