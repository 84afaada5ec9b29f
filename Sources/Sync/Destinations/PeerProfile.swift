// SPDX-License-Identifier: Apache-2.0

internal import Config

/// The messages a receiver may understand, by their code in kept state.
enum MessageKind: UInt8, Sendable, CaseIterable {
    /// prometheus.WriteRequest
    case v1 = 1
    /// io.prometheus.write.v2.Request
    case v2 = 2

    /// The message's name in the protocol.
    var name: String {
        switch self {
        case .v1: "prometheus.WriteRequest"
        case .v2: "io.prometheus.write.v2.Request"
        }
    }
}

/// How a body is compressed, by its code in kept state.
enum BodyEncoding: UInt8, Sendable, CaseIterable {
    /// One snappy block.
    case snappy = 1
    /// One zstd frame, quick to make.
    case zstd = 2
    /// One zstd frame, as small as it gets; for batches that are few.
    case denseZstd = 3
}

/// Whose receiver it is.
enum PeerKind: String, Sendable, CaseIterable {
    case auto
    case prometheus
    case victoriametrics
    case mimir
    case thanos
    case edgewatch

    /// The configured kind.
    init(_ type: RemoteWriteConfig.ReceiverType) {
        self = PeerKind(rawValue: type.rawValue) ?? .auto
    }

    /// Whether such a receiver stores the good rest of a request it objects to; nil where it depends.
    var isSoft: Bool? {
        switch self {
        case .auto: nil
        case .prometheus: false
        case .victoriametrics, .mimir, .thanos, .edgewatch: true
        }
    }
}

/// What a receiver takes of the past.
enum AcceptsOld: Sendable, Equatable {
    /// Samples of any time, in any order.
    case unlimited
    /// Samples not older than this against its newest, in any order.
    case window(Duration)
    /// Each series only forward in time.
    case inOrderOnly
}

/// What is known of a receiver, declared or learned.
struct PeerProfile: Sendable, Equatable {
    /// Whose it is.
    var kind = PeerKind.auto
    /// Which samples it takes; the least until more is known.
    var acceptsOld = AcceptsOld.inOrderOnly
    /// Whether it stores the good rest of a request it objects to; nil while unknown.
    var isSoft: Bool?
    /// Messages in the order they are tried.
    var messages: [MessageKind] = [.v1]
    /// Encodings in the order they are tried.
    var encodings: [BodyEncoding] = [.snappy]
    /// The largest body it takes; nil while unknown.
    var maxBody: Int?
}
