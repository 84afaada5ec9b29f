// SPDX-License-Identifier: Apache-2.0

/// A destination samples are shipped to.
public struct RemoteWriteConfig: Sendable, Equatable {
    /// Unique; the cursor into the store is kept under it.
    ///
    /// The URL without credentials and query unless configured.
    public var name: String
    /// Where to post.
    public var url: String
    /// For one request.
    public var remoteTimeout = Duration.seconds(30)
    /// Applied to each series before it is sent.
    public var writeRelabelConfigs: [RelabelConfig] = []
    /// Authentication, TLS, redirects, proxy, headers.
    public var http = HTTPConfig()
    /// Whether native histograms are sent; those with custom bounds never are, the protocol's version has none.
    public var sendsNativeHistograms = false
    /// Batches and retries.
    public var queue = QueueConfig()

    // peer

    /// Whose receiver it is; decides what is tried first and how its objections are read.
    public var type = ReceiverType.auto
    /// The message it gets; nil leaves that to the type.
    public var message: Message?
    /// How bodies are compressed.
    public var compression = Compression.auto

    /// What it may cost on the wire.
    public var budget = Budget()

    /// Bytes on the wire; nil is no limit.
    public struct Budget: Sendable, Equatable {
        /// In any second.
        public var perSecond: Int?
        /// In any 24 hours.
        public var perDay: Int?
        /// In a billing month.
        public var perMonth: Int?
        /// The day of the month on which a billing month starts, at 00:00 UTC.
        public var monthStarts = 1

        /// Creates a budget without limits.
        public init() {}
    }

    /// Receivers whose ways are known.
    public enum ReceiverType: String, Sendable, CaseIterable {
        case auto, prometheus, victoriametrics, mimir, thanos, edgewatch
    }

    /// Messages of the protocol, by their names.
    public enum Message: String, Sendable, CaseIterable {
        case v1 = "prometheus.WriteRequest"
        case v2 = "io.prometheus.write.v2.Request"
    }

    /// Encodings of a body.
    public enum Compression: String, Sendable, CaseIterable {
        case auto, snappy, zstd
    }

    /// Creates a destination with Prometheus' defaults.
    public init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}

/// Batches and retries towards one destination.
///
/// edgewatch keeps no queue (the store is the outbox), so Prometheus' keys that size one have no effect.
public struct QueueConfig: Sendable, Equatable {
    /// Samples in one request.
    public var maxSamplesPerSend = 2000
    /// How long a batch that is not full waits.
    public var batchSendDeadline = Duration.seconds(5)
    /// The first pause after a failure.
    public var minBackoff = Duration.milliseconds(30)
    /// The longest pause after failures in a row; nil takes `sync.max_backoff`.
    public var maxBackoff: Duration?
    /// Whether 429 is retried.
    ///
    /// On in edgewatch: giving the samples up because the receiver is busy helps nobody.
    public var retryOnTooManyRequests = true
    /// Older samples are not sent; zero sends all the store still has.
    public var sampleAgeLimit = Duration.zero

    /// Creates the defaults.
    public init() {}
}

/// How shipping behaves towards all destinations.
public struct SyncConfig: Sendable, Equatable {
    /// The longest pause between attempts while a destination is down.
    public var maxBackoff = Duration.seconds(30)
    /// Samples in one request while catching up.
    public var catchUpBatchSamples = 10_000
    /// What is shipped where, the first rule that takes a series first.
    public var rules: [SyncRuleConfig] = []

    /// Creates the defaults.
    public init() {}
}
