// SPDX-License-Identifier: Apache-2.0
//
// How fast clients push: a bucket of samples for each address, filled at `push.rate_limit` up to `push.rate_burst`. How many
// samples a request has is known when it is decoded, so it is taken off afterwards and the bucket may be in debt; a client in
// debt waits until it is paid. So a request larger than the burst is taken too, and longer waited for.

/// The buckets of clients.
struct ClientRates: Sendable {
    /// Addresses remembered: far more senders than a node has; those beyond it share one bucket, so that a client with
    /// many addresses gains nothing by them.
    static let clientLimit = 4096
    /// Nobody is sent away for longer than an hour.
    private static let longestPause = 3600.0

    private struct Bucket: Sendable {
        var tokens: Double
        var filled: UInt64

        mutating func fill(at now: UInt64, _ rate: Double, _ burst: Double) {
            let seconds = now > filled ? Double(now - filled) / 1e9 : 0
            tokens = min(burst, tokens + seconds * rate)
            filled = now
        }
    }

    private var buckets: [String: Bucket] = [:]
    private var shared: Bucket?

    /// Clients remembered.
    var count: Int { buckets.count }

    /// The whole seconds until a client's bucket is out of debt, nil when it is.
    ///
    /// - Parameters:
    ///   - client: the client's address.
    ///   - now: the monotonic clock in nanoseconds.
    ///   - rate: samples per second.
    ///   - burst: what a bucket holds.
    /// - Returns: the seconds.
    mutating func pause(for client: String, at now: UInt64, _ rate: Double, _ burst: Double) -> Int? {
        guard var bucket = buckets[client] ?? (buckets.count < ClientRates.clientLimit ? nil : shared) else {
            return nil
        }
        bucket.fill(at: now, rate, burst)
        guard bucket.tokens < 0 else { return nil }
        return Int(min(ClientRates.longestPause, max(1, (-bucket.tokens / rate).rounded(.up))))
    }

    /// Takes samples off a client's bucket.
    ///
    /// - Parameters:
    ///   - samples: how many.
    ///   - client: the client's address.
    ///   - now: the monotonic clock in nanoseconds.
    ///   - rate: samples per second.
    ///   - burst: what a bucket holds.
    mutating func charge(
        _ samples: Int,
        to client: String,
        at now: UInt64,
        _ rate: Double,
        _ burst: Double
    ) {
        if buckets[client] == nil, buckets.count >= ClientRates.clientLimit { forget(at: now, rate, burst) }
        let isShared = buckets[client] == nil && buckets.count >= ClientRates.clientLimit
        var bucket = (isShared ? shared : buckets[client]) ?? Bucket(tokens: burst, filled: now)
        bucket.fill(at: now, rate, burst)
        bucket.tokens -= Double(samples)
        if isShared { shared = bucket } else { buckets[client] = bucket }
    }

    /// Forgets clients whose buckets are full: that is what a new one has.
    private mutating func forget(at now: UInt64, _ rate: Double, _ burst: Double) {
        buckets = buckets.filter { _, bucket in
            var bucket = bucket
            bucket.fill(at: now, rate, burst)
            return bucket.tokens < burst
        }
    }
}
