// SPDX-License-Identifier: Apache-2.0
//
// The receiver's side of a destination: how series become a request and what an answer means. Delivery knows receivers
// only through this.

internal import Config
internal import HTTPClient
internal import Platform
internal import Samples
internal import Synchronization

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

/// A receiver of remote write, 1.0 or 2.0.
///
/// A batch may have been made for another message than the receiver takes by now; it is written anew then, from the same
/// samples.
final class RemoteWritePeer: Peer {
    /// Requests whose way is remembered until they are answered; far more than are under way.
    private static let rememberedLimit = 256

    private struct State {
        var learning: PeerLearning
        var ways: [RequestKey: MessageWay] = [:]
    }

    /// What tells the requests under way apart.
    private struct RequestKey: Hashable {
        var number: UInt64
        var first: UInt64
        var crc: UInt32

        init(_ recipe: Recipe) {
            (number, first, crc) = (recipe.number, recipe.ordinals.lowerBound, recipe.crc)
        }
    }

    let endpoint: Endpoint
    /// What the encoder still has to add.
    let externalLabels: Labels
    let clock: any EdgeClock
    private let state: Mutex<State>

    init(_ plan: Destination.Plan, clock: any EdgeClock) {
        endpoint = Endpoint(config: plan.config)
        externalLabels = plan.config.writeRelabelConfigs.isEmpty ? plan.externalLabels : Labels()
        self.clock = clock
        state = Mutex(State(learning: PeerLearning(plan.config)))
    }

    var profile: PeerProfile {
        let way = way()
        return PeerProfile(
            kind: PeerKind(endpoint.config.type),
            isSoft: way.message == .v2 ? true : PeerKind(endpoint.config.type).isSoft,
            messages: [way.message],
            encodings: [way.encoding]
        )
    }

    /// How the next request is written.
    func way() -> MessageWay {
        let now = clock.monotonicNanoseconds()
        return state.withLock { $0.learning.way(now: now) }
    }

    func encode(
        _ series: [LogChunk.Series],
        _ message: MessageKind,
        _ encoding: BodyEncoding,
        into body: inout [UInt8]
    ) {
        let way = MessageWay(message: message, encoding: encoding)
        MessageCoding.append(series, way, externalLabels: externalLabels, to: &body)
    }

    func request(_ batch: Batch, attempt: Int) throws(FileError) -> HTTPClientRequest {
        let made = MessageWay(message: batch.recipe.message, encoding: batch.recipe.encoding)
        let now = clock.monotonicNanoseconds()
        let way = state.withLock { state in
            var way = state.learning.way(now: now)
            // As small as it gets is another way to write what is understood.
            if way.encoding == .zstd, made.encoding == .denseZstd { way.encoding = .denseZstd }
            if state.ways.count >= Self.rememberedLimit { state.ways.removeAll() }
            state.ways[RequestKey(batch.recipe)] = way
            return way
        }
        guard way != made else { return try endpoint.request(batch.body, way, attempt: attempt) }
        var body: [UInt8] = []
        MessageCoding.append(batch.series, way, externalLabels: externalLabels, to: &body)
        return try endpoint.request(body, way, attempt: attempt)
    }

    func verdict(_ response: HTTPClientResponse, of batch: Batch) -> Verdict {
        let written = WrittenCounts(response)
        let now = clock.monotonicNanoseconds()
        let (way, isUnsupported) = state.withLock { state in
            // What is not remembered counts as the best way: of that the least is believed.
            let sent = state.ways.removeValue(forKey: RequestKey(batch.recipe)) ?? state.learning.ways[0]
            var known = sent
            if known.encoding == .denseZstd { known.encoding = .zstd }
            let isUnsupported = state.learning.judge(
                response.status,
                isAccountedFor: written != nil,
                known,
                now: now
            )
            return (sent, isUnsupported)
        }
        if isUnsupported { return .unsupported(way.message) }
        let verdict = Verdict(
            response,
            nowMilliseconds: clock.wallMilliseconds(),
            retriesTooManyRequests: endpoint.config.queue.retryOnTooManyRequests
        )
        guard way.message == .v2, let written else { return verdict }
        return verdict.of(batch.samples, written: written)
    }
}
