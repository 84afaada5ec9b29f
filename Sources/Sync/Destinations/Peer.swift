// SPDX-License-Identifier: Apache-2.0
//
// The receiver's side of a destination: how series become a request and what an answer means. Delivery knows receivers
// only through this.

internal import Bytes
internal import Config
internal import HTTPClient
internal import Platform
internal import Samples
internal import Wire

/// A receiver as delivery sees it.
protocol Peer: Sendable {
    /// What is known of it now.
    var profile: PeerProfile { get }

    /// Appends the body of a request; adds the external labels to series that do not have them, unless relabelling has
    /// done that already.
    ///
    /// A pure function of its arguments and of what is configured: a batch made again has the same bytes.
    func encode(
        _ series: [LogChunk.Series],
        _ message: MessageKind,
        _ encoding: BodyEncoding,
        into body: inout [UInt8]
    )

    /// The request of a batch; `attempt` counts from 0.
    func request(_ batch: Batch, attempt: Int) throws(FileError) -> HTTPClientRequest

    /// What an answer means.
    func verdict(_ response: HTTPClientResponse, of batch: Batch) -> Verdict
}

/// A receiver of remote write 1.0.
struct RemoteWritePeer: Peer {
    let endpoint: Endpoint
    /// What the encoder still has to add.
    let externalLabels: Labels
    let clock: any EdgeClock

    init(_ plan: Destination.Plan, clock: any EdgeClock) {
        endpoint = Endpoint(config: plan.config)
        externalLabels = plan.config.writeRelabelConfigs.isEmpty ? plan.externalLabels : Labels()
        self.clock = clock
    }

    var profile: PeerProfile { PeerProfile() }

    func encode(
        _ series: [LogChunk.Series],
        _ message: MessageKind,
        _ encoding: BodyEncoding,
        into body: inout [UInt8]
    ) {
        body += Snappy.compress(RemoteWriteV1.encode(series, externalLabels: externalLabels))
    }

    func request(_ batch: Batch, attempt: Int) throws(FileError) -> HTTPClientRequest {
        try endpoint.request(batch.body, attempt: attempt)
    }

    func verdict(_ response: HTTPClientResponse, of batch: Batch) -> Verdict {
        Verdict(
            response,
            nowMilliseconds: clock.wallMilliseconds(),
            retriesTooManyRequests: endpoint.config.queue.retryOnTooManyRequests
        )
    }
}
