// SPDX-License-Identifier: Apache-2.0
//
// What the transfers say of the uplink, published as the signals `network_latency` and `bandwidth`. Nothing is measured
// on purpose: an idle link publishes nothing and its signals go stale.
//
// Latency is the kernel's smoothed round trip time of the connection (tcp_info), which no slow receiver distorts; a
// proxy in between answers for itself. Bandwidth is goodput: the request's bits over the time from its first byte to
// the response's first, less one round trip. The receiver's own work is in there, so it is a lower bound; only requests
// large enough to fill more than the first flight of packets are judged.

internal import Conditions
internal import HTTPClient
internal import Samples
internal import Synchronization

final class LinkMeter: Sendable {
    /// Smaller requests fit the initial congestion window of ten segments (RFC 6928) and say nothing of the rate.
    static let smallestJudged: Int64 = 16 << 10
    /// The weight of the newest measurement.
    static let weight = 0.2

    private struct State {
        var latency: Double?
        var bandwidth: Double?
    }

    private let signals: SignalBoard
    private let state = Mutex(State())

    init(signals: SignalBoard) {
        self.signals = signals
    }

    /// Takes one transfer that got a response.
    func observe(_ transfer: TransferStatistics) {
        let roundTrip = transfer.roundTrip ?? (transfer.connect > .zero ? transfer.connect : nil)
        let (latency, bandwidth) = state.withLock { state -> (Double?, Double?) in
            if let roundTrip { state.latency = Self.blend(state.latency, roundTrip.inSeconds) }
            let sending = (transfer.exchange - (roundTrip ?? .zero)).inSeconds
            guard transfer.bytesSent >= Self.smallestJudged, sending > 0 else { return (state.latency, nil) }
            state.bandwidth = Self.blend(state.bandwidth, Double(transfer.bytesSent) * 8 / sending)
            return (state.latency, state.bandwidth)
        }
        if let latency, roundTrip != nil {
            signals.publish(SignalName.networkLatency, .number(latency), unit: "seconds")
        }
        if let bandwidth {
            signals.publish(SignalName.bandwidth, .number(bandwidth), unit: "bits per second")
        }
    }

    private static func blend(_ old: Double?, _ new: Double) -> Double {
        old.map { $0 + weight * (new - $0) } ?? new
    }
}
